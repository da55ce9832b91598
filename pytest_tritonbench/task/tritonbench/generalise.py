"""From the calls that a test makes to its entry point to a task that fuzzing can draw from.

Everything starts as it was recorded; extents, values, dtypes, scalars and layouts are freed one
after the other as far as the gold accepts it. What is not settled when the time is up stays as it
was recorded.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from pytest_tritonbench.task.case import Case, CaseError, parse_case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.strategy import cases
from pytest_tritonbench.task.tritonbench.draft import Draft
from pytest_tritonbench.task.tritonbench.first_draft import first_draft
from pytest_tritonbench.task.tritonbench.forms import CALL, Form, forms_of
from pytest_tritonbench.task.tritonbench.freeing import STAGES
from pytest_tritonbench.task.tritonbench.recorded import (
    RecordedCall,
    read,
    signature_of,
    undefined,
)
from pytest_tritonbench.task.tritonbench.trial import Gold, OutOfBudgetError, Trials, same
from pytest_tritonbench.task.tritonbench.varied import Varied, varied_of

# Words of a task that wants matrices of a structure.
_STRUCTURED = re.compile(
    r"symmetric|hermitian|triang|tril|triu|cholesky|definite|ldl|eigh|upper|lower", re.IGNORECASE
)
_DRAWS = 8
_ENOUGH = 0.5
_ELEMENTS = 4096


@dataclass(frozen=True)
class Generalised:
    """A task that generalises the recorded calls."""

    task: Task
    """What the judge needs: the name, the arguments that change, the inputs of the first form."""

    forms: tuple[Form, ...]
    tasks: tuple[Task, ...]
    """One for each form."""

    varied: Varied
    runs: int
    """Runs of the gold that it took."""

    def of(self, case: Case) -> tuple[Form, Task]:
        """The form and the task that a case belongs to."""
        number = case.values[CALL]
        for form, task in zip(self.forms, self.tasks, strict=True):
            if form.number == number:
                return form, task
        raise CaseError(f"the case's {CALL!r} is none of {[f.number for f in self.forms]}")

    def case(self, line: str) -> Case:
        """Read a case, as :func:`parse_case` does.

        Raises:
            CaseError: If it fits none of the forms.
        """
        said = []
        for task in self.tasks:
            try:
                return parse_case(task, line)
            except CaseError as e:
                said.append(str(e))
        raise CaseError("; ".join(dict.fromkeys(said)))

    def cases(self, elements: int) -> st.SearchStrategy[Case]:
        """Draw cases of all forms.

        Args:
            elements: No tensor argument gets more elements than this.
        """
        return st.one_of([cases(task, elements=elements) for task in self.tasks])


@dataclass(frozen=True)
class NotGeneral:
    """The recorded calls cannot be generalised."""

    reason: str


def generalise(
    name: str,
    calls: Sequence[RecordedCall],
    source: str,
    entry: str,
    gold: Gold,
    *,
    runs: int = 600,
    seconds: float = 5.0,
    checks: bool = True,
) -> Generalised | NotGeneral:
    """Generalise the recorded calls of an entry point.

    Args:
        name: The task's name.
        calls: The recorded calls, of other functions too.
        source: Text of the gold's module.
        entry: The entry point.
        gold: Runs the gold on a case.
        runs: How often it may be run; the result depends on it, and so not on the machine.
        seconds: When to stop at the latest.
        checks: Whether the gold refuses what it was not made for, as PyTorch does. A Triton kernel
            takes any memory that it is given: what belongs together in the recorded calls must
            stay so.
    """
    try:
        parameters = signature_of(source, entry)
    except ValueError as e:
        return NotGeneral(f"{e}; only plain functions are fuzzed")
    own = [c for c in calls if c.name == entry and c.raised is None and c.arguments is not None]
    if not own:
        return NotGeneral(f"the test makes no call of {entry} that returns")
    forms, reasons = forms_of([read(call, parameters) for call in own], parameters)
    if not forms:
        return NotGeneral("; ".join(reasons))
    drafts = []
    used = 0
    said = list(reasons)
    for number, form in enumerate(forms):
        trials = Trials(gold, runs // len(forms), seconds / len(forms), checks=checks)
        trials.undefined = any(undefined(call.result) for call in own)
        trials.structured = bool(_STRUCTURED.search(f"{entry} {source}"))
        try:
            made = _generalised(name, form, trials)
        except OutOfBudgetError:
            made = "the time for running the gold was over before anything was settled"
        used += trials.runs
        if isinstance(made, str):
            said.append(f"call {number}: {made}")
        else:
            drafts.append(made)
    if not drafts:
        return NotGeneral("; ".join(said))
    tasks = tuple(draft.task() for draft in drafts)
    changed = frozenset(slot for draft in drafts for slot in draft.mutates)
    kept = tuple(draft.form for draft in drafts)
    named = {p for form in kept for p in form.template}
    task = replace(tasks[0], mutates=tuple(sorted(changed & named)))
    return Generalised(task, kept, tasks, varied_of(drafts, tuple(said)), used)


def _generalised(name: str, form: Form, trials: Trials) -> Draft | str:
    found = first_draft(name, form, trials)
    if isinstance(found, str):
        return found
    draft = found
    settled = [draft.copy()]
    try:
        for stage in STAGES:
            stage(draft, trials)
            settled.append(draft.copy())
    except OutOfBudgetError:
        # A stage leaves in its draft only what it has seen accepted.
        settled.append(draft.copy())
    for made in reversed(settled):
        share = _accepted(made, trials)
        if share is None or share >= _ENOUGH:
            return _tidy(made)
    return _tidy(settled[0])


def _accepted(draft: Draft, trials: Trials) -> float | None:
    """The share of random cases that the gold accepts; ``None`` if there is no time left."""
    rng = random.Random(0)  # noqa: S311 - which cases are tried is no secret
    good = 0
    try:
        for _ in range(_DRAWS):
            case = draft.draw(rng, _ELEMENTS)
            found, again = (trials.tried(draft, case, seed=seed) for seed in (0, 1))
            good += found.refused is None and same(found.output, again.output)
            draft.mutates |= found.changed
    except (OutOfBudgetError, ValueError):
        return None
    return good / _DRAWS


def _tidy(draft: Draft) -> Draft:
    draft.dims = {n: limits for n, limits in draft.dims.items() if n in draft.extents.values()}
    draft.sizes = {n: size for n, size in draft.sizes.items() if n in draft.dims}
    return draft
