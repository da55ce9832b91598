"""The form of what a candidate's run showed: calls, exceptions, arguments, structure, dtypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pytest_tritonbench.judge.finding import Fault, Verdict, wrong
from pytest_tritonbench.judge.gold import Gold
from pytest_tritonbench.judge.nest import Nest, Value, leaves, shape_of
from pytest_tritonbench.judge.seen import Call, Evidence, call_in_words, in_words
from pytest_tritonbench.judge.structure import tensor_structure
from pytest_tritonbench.judge.worth import GoldState
from pytest_tritonbench.task.tritonbench.rules import Rules


class Forms:
    """A candidate's evidence beside the gold's.

    Args:
        got: The candidate's.
        gold: The gold's runs.
        state: What they are worth.
        rules: The task's special rules.
    """

    def __init__(self, got: Evidence, gold: Gold, state: GoldState, rules: Rules) -> None:
        self._got, self._gold, self._rules = got, gold, rules
        self._want, self._leaves = state.evidence, state.leaves

    def fault(self) -> Verdict | None:
        """The first fault of form."""
        return self._calls() or self._raised() or self._arguments() or self._forms()

    def _pairs(self) -> Iterator[tuple[int, Call, Call]]:
        pairs = zip(self._got.calls, self._want.calls, strict=True)
        yield from ((number, mine, theirs) for number, (mine, theirs) in enumerate(pairs))

    def _words(self, path: str) -> str:
        leaf = self._leaves.get(path)
        return in_words(path, self._want) if leaf is None else leaf.words

    def _calls(self) -> Verdict | None:
        mine, theirs = ([call.name for call in run.calls] for run in (self._got, self._want))
        if mine == theirs:
            return None
        if len(mine) != len(theirs):
            summary = f"the test makes {len(mine)} calls, {len(theirs)} are expected"
        else:
            at = next(
                n for n, pair in enumerate(zip(mine, theirs, strict=True)) if len({*pair}) > 1
            )
            summary = f"call {at + 1} of the test is to {mine[at]}, expected is {theirs[at]}"
        counts = ("calls", f"{', '.join(mine) or 'none'}; expected {', '.join(theirs) or 'none'}")
        return wrong(Fault.WRONG_STRUCTURE, summary, counts)

    def _raised(self) -> Verdict | None:
        again = [call.raised for call in self._gold.again.calls]
        for number, mine, theirs in self._pairs():
            if (mine.raised is None) == (theirs.raised is None):
                continue
            if (again[number] is None) != (theirs.raised is None):
                continue
            told = [
                f"raises {name}" if name else "returns" for name in (mine.raised, theirs.raised)
            ]
            summary = f"{call_in_words(number, self._want)} {told[0]}; the gold's {told[1]}"
            return wrong(Fault.WRONG_STRUCTURE, summary)
        return None

    def _arguments(self) -> Verdict | None:
        for number, mine, theirs in self._pairs():
            for place in dict.fromkeys((*mine.changed, *theirs.changed)):
                path = f"calls[{number}].changed[{place}]"
                if self._rules.covering("may_change", path):
                    continue
                words = in_words(path, self._want)
                if place not in theirs.changed and place not in self._again_changed(number):
                    summary = f"{words.replace(' (changed in place)', '')} was changed"
                    return wrong(Fault.INPUT_CHANGED, f"{summary}; the gold leaves it alone")
                if place not in mine.changed and self._defined(path):
                    summary = f"{words.replace(' (changed in place)', '')} was left unchanged"
                    return wrong(Fault.WRONG_VALUES, f"{summary}; the gold changes it in place")
        return None

    def _again_changed(self, number: int) -> Mapping[str, Nest]:
        return self._gold.again.calls[number].changed

    def _defined(self, path: str) -> bool:
        return any(
            leaf.defined for at, leaf in self._leaves.items() if at.startswith(path) and leaf.count
        )

    def _forms(self) -> Verdict | None:
        mine = dict(self._got.parts())
        for path, want in self._want.parts():
            if want is None and not path.startswith("result"):
                # What returns nothing works in place; the test takes no notice of more.
                continue
            if ".changed[" in path and path not in mine:
                continue
            if path not in mine:
                if not self._has_defined(path, want):
                    continue
                summary = f"{self._words(path)} is never set"
                return wrong(Fault.WRONG_STRUCTURE, summary, ("leaf", path))
            fault = self._form(path, mine[path], want)
            if fault is not None:
                return replace(fault, details=(*fault.details, ("leaf", path)))
        return None

    def _form(self, path: str, got: Nest, want: Nest) -> Verdict | None:
        leaf = self._leaves.get(path)
        if self._rules.covering("ignore", path) or (leaf is not None and leaf.undefined):
            return None
        match got, want:
            case (tuple(), tuple()) | (list(), list()) if len(got) == len(want):
                pairs = enumerate(zip(got, want, strict=True))
                faults = (self._form(f"{path}[{n}]", a, b) for n, (a, b) in pairs)
            case dict(), dict() if got.keys() == want.keys():
                faults = (self._form(f"{path}[{k!r}]", got[k], b) for k, b in want.items())
            case Value(), Value():
                return tensor_structure(self._words(path), got, want)
            case (tuple() | list() | dict(), _) | (_, tuple() | list() | dict()):
                return self._wrong_form(path, got, want)
            case _ if type(got) is not type(want):
                return self._wrong_form(path, got, want)
            case _:
                return None
        return next((fault for fault in faults if fault is not None), None)

    def _wrong_form(self, path: str, got: Nest, want: Nest) -> Verdict | None:
        if want not in ((), [], {}) and not self._has_defined(path, want):
            return None
        summary = f"{self._words(path)} is a {shape_of(got)}, the gold gives a {shape_of(want)}"
        return wrong(Fault.WRONG_STRUCTURE, summary)

    def _has_defined(self, path: str, want: Nest) -> bool:
        below = [self._leaves[at] for at, _ in leaves(want, path) if at in self._leaves]
        return any(not leaf.undefined for leaf in below)
