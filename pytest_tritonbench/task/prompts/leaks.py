"""Examples that solve the task that is asked are no examples.

Two checks, both on purpose quick to say no: an example too few costs little, a solution among the
examples makes the answer worthless.

**By name.** An example is refused if a function or class that it defines, or its file, is called
as the task, its entry point or what its test uses, once words that name no operation (``kernel``,
``triton``, ``fwd``, ``fused`` ...) are left out: ``_layernorm_fwd_kernel`` is ``layer_norm``.

**By similarity.** Its description and the task's share too many runs of three words, or its code
and a known solution share too many runs of ten tokens, with names, comments and layout left out of
account. Solutions are the reference, a suite's gold, and the kernel of the repository; they are
read here and go nowhere.

How the limits were found: ``tests/unit/prompts/test_prompt_leaks.py`` has the figures for the
bundled kernels. For channel G of TritonBench, the published one-shot prompts show what a search
without this check finds: in 86 of 184 the example shares at least half of the runs of ten tokens
with the gold itself, in 47 at least nine tenths. Between the gold of one task and the example for
another, 99 % of the pairs share less than 0.55, half of them less than 0.12. Of runs of three
words, the descriptions of a tenth of those 86 share 0.15 or more with the task's instruction; of
pairs of different tasks, one in a hundred shares 0.08.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.prompts.corpus import Example
from pytest_tritonbench.task.prompts.subject import Subject
from pytest_tritonbench.task.prompts.words import parts, prose, runs, structure
from pytest_tritonbench.task.tritonbench.checkout import Upstream

CODE_RUN = 10
CODE_LIMIT = 0.5
PROSE_RUN = 3
PROSE_LIMIT = 0.15

# Texts with fewer runs are taken to have as many: a single line in common is no copy.
_SHORTEST = 40

_DEFINED = re.compile(r"^[ \t]*(?:def|class)[ \t]+(\w+)", re.MULTILINE)
# What a function is, which way it runs, and how it is made.
_NO_OPERATION = frozenset(
    (
        *("triton", "kernel", "kernels", "wrapper", "fn", "func", "function", "op", "ops", "impl"),
        *("jit", "custom", "module", "call", "apply", "launch", "run", "compute", "the"),
        *("torch", "autograd", "gpu", "cuda", "device", "fwd", "forward", "tutorial", "v"),
        *("fused", "fast", "flash", "naive", "simple", "basic", "tiled", "blocked", "online"),
        *("optimized", "persistent", "autotune", "autotuned", "rows", "rowwise", "wise"),
    )
)
_SAME = {
    "attn": "attention",
    "embed": "embedding",
    "emb": "embedding",
    "rope": "rotaryembedding",
    "ln": "layernorm",
    "mm": "matmul",
    "gemm": "matmul",
    "gemv": "matvec",
    "mv": "matvec",
    "addition": "add",
    "xentropy": "crossentropy",
    "ce": "crossentropy",
}


@dataclass(frozen=True)
class Solved:
    """What is known of a task's solutions; it stays in the trusted process."""

    names: frozenset[str]
    """What solutions are called, as :func:`operation` has it."""

    prose: frozenset[tuple[str, ...]]
    code: tuple[frozenset[tuple[str, ...]], ...]

    def leak(self, example: Example) -> str | None:
        """Why an example gives the solution away; ``None`` if it does not."""
        for name in defined(example):
            if operation(name) in self.names:
                return f"it is called {name}"
        shared = _shared(self.prose, runs(prose(example.description), PROSE_RUN))
        if shared >= PROSE_LIMIT:
            return f"its description shares {shared:.0%} of the runs of words with the task's"
        code = runs(structure(example.code), CODE_RUN)
        shared = max((_shared(known, code) for known in self.code), default=0.0)
        if shared >= CODE_LIMIT:
            return f"its code shares {shared:.0%} of the runs of tokens with a solution"
        return None


def solved(subject: Subject, sources: Iterable[str] = ()) -> Solved:
    """What is known of a task's solutions.

    Args:
        subject: The task as its prompt sees it.
        sources: Code that solves it: :func:`reference_source` and the kernel of the repository.
    """
    names = {subject.name, *subject.requires, *([subject.entry] if subject.entry else [])}
    return Solved(
        frozenset(filter(None, map(operation, names))),
        runs(prose(subject.doc), PROSE_RUN) | runs(prose(subject.brief), PROSE_RUN),
        tuple(runs(structure(source), CODE_RUN) for source in sources),
    )


def reference_source(task: Task | Upstream) -> str:
    """The code that defines a task; for the leak check alone.

    Of a declared task the body of the reference, as its signature is everybody's.

    Raises:
        SuiteError: If a suite's task has a problem.
    """
    if isinstance(task, Upstream):
        return task.gold
    [node] = ast.parse(textwrap.dedent(inspect.getsource(task.reference))).body
    body = node.body if isinstance(node, ast.FunctionDef) else [node]
    return "\n".join(map(ast.unparse, body))


def operation(name: str) -> str:
    """What a name says is computed: its words without those that name no operation, in one.

    A number at the end counts versions. Empty where nothing is left.
    """
    kept = [_SAME.get(part, part) for part in parts(name) if part not in _NO_OPERATION]
    while kept and kept[-1].isdigit():
        kept.pop()
    return "".join(kept)


def defined(example: Example) -> tuple[str, ...]:
    """The names an example goes by: its file's and those of its functions and classes."""
    path = PurePosixPath(example.name)
    stem = (path.stem,) if path.suffix == ".py" else ()
    return (*stem, *_DEFINED.findall(example.code))


def _shared(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """How much of the shorter text stands in the longer one, from 0 to 1."""
    return len(one & other) / max(_SHORTEST, min(len(one), len(other)))
