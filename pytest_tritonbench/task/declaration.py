"""The declaration of a task: ``@task(...)`` over the function that defines it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pytest_tritonbench.task.case import PATTERNS, RESERVED, Case, CaseError, parse_case
from pytest_tritonbench.task.extents import Dim, names_in
from pytest_tritonbench.task.pieces import (
    DTYPES,
    ChoicePiece,
    CountPiece,
    DerivedPiece,
    IntegerPiece,
    NumberPiece,
    Piece,
    Scalar,
    TensorPiece,
)

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__tritonbench_task__"
DEFAULT_DTYPES = ("float32", "float16", "bfloat16")
DEFAULT_PATTERNS = ("normal", "uniform", "large", "tiny", "constant", "spike", "integers")


class TaskError(ValueError):
    """A task's declaration does not hold together."""


@dataclass(frozen=True)
class Task:
    """What is to be computed: the reference, the inputs it takes, and the cases that are pinned."""

    name: str
    reference: Callable[..., Any]
    inputs: Mapping[str, Piece]
    """Argument name to piece, in the order of the signature."""

    dims: Mapping[str, Dim]
    """Limits of every named dim."""

    dtypes: tuple[str, ...]
    """The dtypes that a case may have."""

    patterns: tuple[str, ...]
    """The value patterns that fuzzing draws."""

    where: Callable[..., bool] | None = None
    """Constraint over dims and scalars."""

    cases: tuple[Case, ...] = ()
    """The pinned cases."""

    sweep: tuple[Case, ...] = ()
    """The cases that are timed."""

    flops: Callable[..., float] | None = None
    """Floating point operations of a case."""

    moved: Callable[..., float] | None = None
    """Bytes that a case must move; ``None`` means every input and output byte once."""

    mutates: tuple[str, ...] = ()
    """Arguments that are changed in place."""

    gradients: tuple[str, ...] = ()
    """Arguments whose gradients are judged."""

    canonical: Callable[[dict[str, Any], Any], Any] | None = None
    """Maps an ambiguous answer to what must agree."""

    check: Callable[[dict[str, Any], Any], str | None] | None = None
    """The defining property of an answer: the reason why it is wrong, or ``None``."""

    oracle: Callable[..., Any] | None = None
    """What is run in float64; ``None`` means the reference."""

    exact: bool = False
    """Every bit must agree with the reference in the case's own dtype."""

    min_speedup: float | None = None
    """Least speedup over the reference; ``None`` leaves it to ``--tb-min-speedup``."""

    line: int = field(default=1, compare=False)
    """Line of the reference in its file."""

    @property
    def doc(self) -> str:
        """The reference's docstring, which is also what a model is asked."""
        return inspect.getdoc(self.reference) or ""

    @property
    def random(self) -> bool:
        """Whether only the defining property decides, not the reference's own output."""
        return self.check is not None and self.canonical is None

    def admits(self, values: Mapping[str, Scalar]) -> bool:
        """Whether the constraint over dims and scalars holds."""
        return self.where is None or bool(by_name(self.where, values))

    def case(self, given: str | Mapping[str, Any]) -> Case:
        """Read a case of this task, as :func:`parse_case` does."""
        return parse_case(self, given)


def by_name(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call ``function`` with those of ``values`` that its parameters name."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return function(**values)
    return function(**{p.name: values[p.name] for p in parameters if p.name in values})


def task(  # noqa: PLR0913 - a declaration lists what a task has, each part optional and named
    *,
    inputs: Mapping[str, Piece],
    cases: Sequence[Mapping[str, Any]],
    dtypes: Sequence[str] = DEFAULT_DTYPES,
    dims: Mapping[str, Dim] | None = None,
    where: Callable[..., bool] | None = None,
    sweep: Sequence[Mapping[str, Any]] = (),
    flops: Callable[..., float] | None = None,
    moved: Callable[..., float] | None = None,
    patterns: Sequence[str] = DEFAULT_PATTERNS,
    mutates: Sequence[str] = (),
    gradients: Sequence[str] = (),
    canonical: Callable[[dict[str, Any], Any], Any] | None = None,
    check: Callable[[dict[str, Any], Any], str | None] | None = None,
    oracle: Callable[..., Any] | None = None,
    exact: bool = False,
    min_speedup: float | None = None,
) -> Callable[[F], F]:
    """Declare that the function below defines a task.

    Args:
        inputs: Argument name to piece (:func:`tensor`, :func:`index`, :func:`choice` ...), in the
            order of the signature.
        cases: Pinned cases; each gives the dims and, where it matters, scalars, ``dtype``,
            ``pattern``, a layout by tensor name, ``None`` for an absent tensor, ``seed``. One
            without ``dtype`` is run in every dtype of the task.
        dtypes: The dtypes that a case may have.
        dims: Limits on named dims; a dim that is not listed has any size of 1 or more.
        where: Constraint over dims and scalars, taken by name.
        sweep: Cases that are timed, as ``cases``.
        flops: Floating point operations of a case, from dims and scalars taken by name.
        moved: Bytes that a case must move; by default every input and output byte once.
        patterns: Value patterns that fuzzing draws.
        mutates: Arguments that are changed in place; they are judged after the call.
        gradients: Arguments whose gradients are judged against the reference's autograd.
        canonical: ``(inputs, output)`` to what must agree, for answers that are not unique.
        check: ``(inputs, output)`` to the reason why the output is wrong, or ``None``. Without
            ``canonical`` it replaces the comparison, as for random operators.
        oracle: Runs in float64 instead of the reference.
        exact: Every bit must agree with the reference in the case's own dtype.
        min_speedup: The least speedup over the reference with which ``bench`` passes, instead of
            that of ``--tb-min-speedup``; 0 for any.

    Raises:
        TaskError: If the parts do not fit each other or the function's signature.
    """

    def declare(function: F) -> F:
        known = _all_dims(inputs, dims or {})
        made = Task(
            name=function.__name__,
            reference=function,
            inputs=dict(inputs),
            dims=known,
            dtypes=tuple(dtypes),
            patterns=tuple(patterns),
            where=where,
            flops=flops,
            moved=moved,
            mutates=tuple(mutates),
            gradients=tuple(gradients),
            canonical=canonical,
            check=check,
            oracle=oracle,
            exact=exact,
            min_speedup=min_speedup,
            line=function.__code__.co_firstlineno,
        )
        _validate(made)
        object.__setattr__(made, "cases", _expanded(made, cases, "cases"))
        object.__setattr__(made, "sweep", _expanded(made, sweep, "sweep"))
        if not made.cases:
            raise TaskError(f"task {made.name!r}: cases is empty; pin at least one")
        setattr(function, MARK, made)
        return function

    return declare


def _all_dims(inputs: Mapping[str, Piece], given: Mapping[str, Dim]) -> dict[str, Dim]:
    scalars = {
        n for n, p in inputs.items() if isinstance(p, ChoicePiece | NumberPiece | CountPiece)
    }
    mentioned: dict[str, Dim] = dict(given)
    for piece in inputs.values():
        extents: Iterable[str | int] = ()
        match piece:
            case TensorPiece(dims=extents):
                pass
            case IntegerPiece(dims=shape, low=low, high=high):
                extents = (*shape, low, high)
            case CountPiece(low=low, high=high):
                extents = (low, high)
        for expression in extents:
            for name in names_in(expression):
                if name not in scalars:
                    mentioned.setdefault(name, Dim())
    return mentioned


def _expanded(made: Task, given: Sequence[Mapping[str, Any]], what: str) -> tuple[Case, ...]:
    found: list[Case] = []
    for number, entry in enumerate(given):
        chosen = [entry] if "dtype" in entry else [{**entry, "dtype": d} for d in made.dtypes]
        try:
            found += [parse_case(made, one) for one in chosen]
        except CaseError as e:
            raise TaskError(f"task {made.name!r}: {what}[{number}] {dict(entry)}: {e}") from None
    return tuple(found)


def _validate(made: Task) -> None:
    where = f"task {made.name!r}"
    parameters = list(inspect.signature(made.reference).parameters)
    if parameters != list(made.inputs):
        raise TaskError(
            f"{where}: inputs name {list(made.inputs)}, but the function takes {parameters}; "
            f"give one piece for each parameter, in its order"
        )
    _validate_names(made, where)
    for name in (*made.mutates, *made.gradients):
        if not isinstance(made.inputs[name], TensorPiece | IntegerPiece | DerivedPiece):
            raise TaskError(f"{where}: {name!r} is no tensor and can neither change nor be derived")
    if made.min_speedup is not None and not 0 <= made.min_speedup < math.inf:
        raise TaskError(f"{where}: min_speedup is a ratio of 0 or more, not {made.min_speedup!r}")
    if made.exact and (made.canonical or made.check):
        raise TaskError(f"{where}: exact=True leaves nothing for canonical or check to decide")
    if not made.doc:
        raise TaskError(f"{where}: the reference has no docstring; it is what a model is asked")


def _validate_names(made: Task, where: str) -> None:
    for name in (*made.dims, *made.inputs):
        if name in RESERVED:
            raise TaskError(f"{where}: {name!r} is a key of every case; rename it")
    if both := set(made.dims) & set(made.inputs):
        raise TaskError(f"{where}: {sorted(both)} are dims and arguments at once; rename one")
    for what, names, known in (
        ("dtypes", made.dtypes, DTYPES),
        ("patterns", made.patterns, PATTERNS),
        ("mutates", made.mutates, tuple(made.inputs)),
        ("gradients", made.gradients, tuple(made.inputs)),
    ):
        if what in ("dtypes", "patterns") and not names:
            raise TaskError(f"{where}: {what} is empty; name at least one of {', '.join(known)}")
        for name in names:
            if name not in known:
                raise TaskError(f"{where}: {what} has {name!r}; there are {', '.join(known)}")
