"""The gold: what it shows, leaf by leaf, and where it is undefined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from pytest_tritonbench.judge.definedness import undefined, undefined_numbers
from pytest_tritonbench.judge.measure import Truth, believed, measurable, real, same_bytes
from pytest_tritonbench.judge.nest import Nest, Value, leaves
from pytest_tritonbench.judge.seen import Evidence, Opaque, in_words
from pytest_tritonbench.task.tritonbench.rules import Rules

# The moved run moves float32 by up to half a unit of TF32, 2^-12. A computation in float32 makes
# up to four roundings, 2^-22, of it; what moved the outputs shrinks in proportion.
FLOAT32_SHARE = 2.0**-10


@dataclass(frozen=True)
class Gold:
    """What runs of a task's gold showed, all with one seed."""

    plain: Evidence
    """Fresh memory was filled with NaN."""

    again: Evidence
    """Fresh memory was filled with something else."""

    moved: Evidence | None = None
    """The inputs of the recorded calls were moved by roundings; ``None`` where that run failed."""

    wide: Evidence | None = None
    """Floating point inputs were upcast to float64; ``None`` where that was not done or failed."""


@dataclass(frozen=True)
class GoldLeaf:
    """One leaf of what the gold showed."""

    path: str
    words: str
    """What it is called in messages."""

    plain: Any
    truth: Truth | None = None
    """For floating point, as real numbers."""

    mask: torch.Tensor | None = None
    """bool, the shape of the tensor: elements that are undefined; ``None``: none of them."""

    undefined: bool = False
    """The leaf differs from run to run as a whole, or cannot be carried."""

    group: int = -1
    """Leaves of one group show the same tensor."""

    @property
    def count(self) -> int:
        """Elements of the tensor; 1 for anything else."""
        return int(self.plain.tensor.numel()) if isinstance(self.plain, Value) else 1

    @property
    def defined(self) -> int:
        """Elements that are defined."""
        if self.undefined:
            return 0
        return self.count - (0 if self.mask is None else int(self.mask.sum()))


def projected(run: Evidence, rules: Rules) -> Evidence:
    """The evidence with only those entries of a dict that the rules want compared."""
    if not rules.of("keys"):
        return run

    def kept(path: str, nest: Nest) -> Nest:
        match nest:
            case tuple() | list():
                return type(nest)(kept(f"{path}[{n}]", part) for n, part in enumerate(nest))
            case dict():
                rule = rules.covering("keys", path)
                wanted = nest if rule is None else rule.options["keys"]
                return {k: kept(f"{path}[{k!r}]", v) for k, v in nest.items() if k in wanted}
            case _:
                return nest

    calls = tuple(
        replace(call, result=kept(f"calls[{n}].result", call.result))
        for n, call in enumerate(run.calls)
    )
    variables = {name: kept(f"locals[{name!r}]", nest) for name, nest in run.locals.items()}
    return Evidence(calls, kept("result", run.result), variables)


def leaves_of(gold: Gold, rules: Rules) -> Iterator[GoldLeaf]:
    """Every leaf of what a gold showed, in the order of judging.

    Args:
        gold: Its runs, after :func:`projected`.
        rules: The task's special rules.
    """
    plain, again, moved, wide = gold.plain, gold.again, gold.moved, gold.wide
    mine, second = plain.leaves(), again.leaves()
    third, fourth = ({} if run is None else run.leaves() for run in (moved, wide))
    groups = _groups(mine, second)
    share = 1.0 if rules.of("tf32") or _narrow(plain) else FLOAT32_SHARE
    aliases = _aliases(groups)
    for path, leaf in mine.items():
        words = in_words(path, plain, aliases.get(path))
        start = GoldLeaf(path, words, leaf, group=groups.get(path, -1))
        if path not in second or isinstance(leaf, Opaque):
            yield replace(start, undefined=True)
            continue
        rule = rules.covering("yardstick", path)
        times = share if rule is None else share * float(rule.options["times"])
        yield _with_truth(start, second[path], third.get(path), fourth.get(path), times)


def as_value(leaf: Any) -> Any:
    """A Python number as a tensor of float32, which sets its tolerance; all else as it is."""
    if not isinstance(leaf, float | complex):
        return leaf
    dtype = torch.float32 if isinstance(leaf, float) else torch.complex64
    return Value(torch.tensor(leaf, dtype=dtype), (), "cpu")


def _with_truth(start: GoldLeaf, again: Any, moved: Any, wide: Any, times: float) -> GoldLeaf:
    leaf, again = as_value(start.plain), as_value(again)
    if not isinstance(leaf, Value):
        return replace(start, undefined=type(leaf) is not type(again) or leaf != again)
    if not isinstance(again, Value) or not _alike(leaf, again):
        return replace(start, undefined=True)
    tensor, other, far = leaf.tensor, _moved(leaf, as_value(moved)), _wide(leaf, wide)
    if not measurable(tensor.dtype):
        return replace(start, mask=undefined(tensor, again.tensor, other, far))
    truth = Truth(real(tensor), None if other is None else real(other), None, times)
    far = None if far is None else real(far)
    mask = undefined_numbers(truth, real(again.tensor), far)
    if mask is not None and tensor.is_complex():
        mask = mask.any(dim=-1)
    return replace(start, truth=believed(replace(truth, wide=far)), mask=mask)


def _moved(leaf: Value, moved: Any) -> torch.Tensor | None:
    return moved.tensor if isinstance(moved, Value) and _alike(leaf, moved) else None


def _wide(leaf: Value, wide: Any) -> torch.Tensor | None:
    """The leaf's values in the float64 run, where that run has it in the same form."""
    if isinstance(wide, float | complex):
        wide = torch.tensor(wide, dtype=torch.float64 if isinstance(wide, float) else None)
    far = wide.tensor if isinstance(wide, Value) else wide
    if not isinstance(far, torch.Tensor) or far.shape != leaf.tensor.shape:
        return None
    a, b = far.dtype, leaf.tensor.dtype
    same_kind = (a.is_complex, a.is_floating_point) == (b.is_complex, b.is_floating_point)
    return far if same_kind else None


def _narrow(run: Evidence) -> bool:
    """Whether a call was given values narrower than float32, or it is not known what."""
    given = [call.arguments for call in run.calls]
    found = [leaf for nest in given for _, leaf in leaves(nest, "") if isinstance(leaf, Value)]
    return None in given or any(
        leaf.tensor.is_floating_point() and leaf.tensor.dtype.itemsize < 4 for leaf in found
    )


def _alike(a: Value, b: Value) -> bool:
    return a.tensor.shape == b.tensor.shape and a.tensor.dtype == b.tensor.dtype


def _groups(mine: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, int]:
    """Leaves that show the same tensor, by a number that they share."""
    found: dict[str, int] = {}
    leaders: dict[tuple[Any, ...], list[str]] = {}
    for path, leaf in mine.items():
        if not isinstance(leaf, Value):
            continue
        key = leaf.tensor.dtype, leaf.tensor.shape
        known = leaders.setdefault(key, [])
        for leader in known:
            if same_bytes(leaf.tensor, mine[leader].tensor) and _same(second, path, leader):
                found[path] = found[leader]
                break
        else:
            known.append(path)
            found[path] = len(found)
    return found


def _same(run: Mapping[str, Any], path: str, other: str) -> bool:
    a, b = run.get(path), run.get(other)
    if not isinstance(a, Value) or not isinstance(b, Value):
        return a is b
    return same_bytes(a.tensor, b.tensor)


def _aliases(groups: Mapping[str, int]) -> dict[str, str]:
    """For leaves of calls: the path in the test's result that shows the same tensor."""
    aliases: dict[str, str] = {}
    for number in set(groups.values()):
        paths = [path for path, group in groups.items() if group == number]
        called = [path for path in paths if path.startswith("calls[")]
        shown = [path for path in paths if path.startswith("result")]
        # Two calls with equal results: the first is the first entry.
        aliases.update(zip(called, shown, strict=False))
    return aliases
