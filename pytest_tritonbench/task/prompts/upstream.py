"""A task of a TritonBench checkout as the subject of a prompt, and the prompts it comes with."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from pytest_tritonbench.task.prompts.problem import PromptError
from pytest_tritonbench.task.prompts.subject import Subject, Target
from pytest_tritonbench.task.tritonbench.checkout import Upstream

VERSIONS = ("comp", "simp")

# The first that is there and has the task is read; the second comes with GEAK's agents.
_FILES = {
    ("G", "comp"): (
        "TritonBench_G_comp_alpac_v1.json",
        "TritonBench_G_comp_alpac_v1_fixed_with_difficulty.json",
    ),
    ("G", "simp"): ("TritonBench_G_simp_alpac_v1.json",),
    ("T", "comp"): ("TritonBench_T_comp_alpac_v1.json",),
    ("T", "simp"): ("TritonBench_T_simp_alpac_v1.json",),
}


def subject_of(task: Upstream, target: Target) -> Subject:
    """What a prompt may know of a suite's task.

    Args:
        task: Its code is read for the first lines of what its test uses, never for what these do.
        target: What the kernel is written for.

    Raises:
        SuiteError: If the task has a problem, or one of its halves cannot be read.
        PromptError: If a file of instructions is there and cannot be read.
    """
    parsed = task.parsed
    texts = task.instructions
    doc = texts.get("comp") or texts.get("simp") or task.description
    return Subject(
        name=task.name,
        target=target,
        entry=parsed.entry,
        signature=headers(task.gold, parsed.names, parsed.constants),
        doc=doc.strip(),
        brief=(texts.get("simp") or doc).strip(),
        suite=f"TritonBench-{task.channel}",
        requires=parsed.defines,
        published={v: text for v in VERSIONS if (text := published(task, v)) is not None},
    )


def published(task: Upstream, version: str) -> str | None:
    """The prompt that the published models were sent for a task, word for word.

    In all zero-shot files of predictions that upstream published for general models, a row's
    ``instruction`` is this text and nothing else.

    Args:
        task: The task.
        version: ``comp`` or ``simp``.

    Returns:
        ``None`` where the checkout has no such file, or the file no such task.

    Raises:
        PromptError: If the file is there and cannot be read.
    """
    given = task.instructions.get(version, "")
    for name in _FILES[task.channel, version]:
        rows = _rows(task.path.parent.parent / name)
        # The files name no task. A task's text is no other's, and the row that belongs to it
        # frames it.
        parts = given.splitlines() if task.channel == "T" else [given]
        fit = [row for row in rows if given.strip() and all(part in row for part in parts)]
        if fit:
            return min(fit, key=len)
    return None


@lru_cache(maxsize=8)
def _rows(path: Path) -> tuple[str, ...]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return ()
    except OSError as e:
        raise PromptError(f"{path}: cannot be read ({e.strerror}); restore the file") from None
    except ValueError as e:
        raise PromptError(f"{path}: no JSON ({e}); restore the file") from None
    if not isinstance(found, list):
        raise PromptError(f"{path}: a JSON array of instructions is expected; restore the file")
    return tuple(_row(path, number, row) for number, row in enumerate(found, start=1))


def _row(path: Path, number: int, row: object) -> str:
    texts = [row.get(key, "") for key in ("instruction", "input")] if isinstance(row, dict) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        told = "an object with 'instruction' and 'input' is expected"
        raise PromptError(f"{path}: entry {number}: {told}; restore the file")
    # Alpaca puts an input on lines of its own; none of the published rows has one.
    return "\n".join(text for text in texts if text)


def headers(code: str, names: Iterable[str], constants: Iterable[str] = ()) -> str:
    """How names are defined in a module, without what they do.

    Args:
        code: The module; Python.
        names: Functions, classes and other callables.
        constants: Values.

    Returns:
        For a function its definition up to the colon, with ``@triton.jit`` where it is a kernel;
        for a class that and its public methods'; for anything else a comment.
    """
    defined: dict[str, ast.stmt] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.setdefault(node.name, node)
    lines = [line for name in names for line in _header(name, defined)]
    return "\n".join(lines + [f"# {name}: a value of the module" for name in constants])


def _header(name: str, defined: Mapping[str, ast.stmt]) -> list[str]:
    match defined.get(name):
        case ast.FunctionDef() as function:
            return _function(function)
        case ast.ClassDef(bases=bases, body=body):
            above = f"({', '.join(map(ast.unparse, bases))})" if bases else ""
            methods = [
                f"    {line}"
                for node in body
                if isinstance(node, ast.FunctionDef)
                and (node.name == "__init__" or not node.name.startswith("_"))
                for line in _function(node)
            ]
            return [f"class {name}{above}:", *methods]
        case _:
            return [f"# {name}: a callable of the module"]


def _function(node: ast.FunctionDef) -> list[str]:
    # The options of an autotuner or of heuristics are a part of the solution.
    kept = [d for d in map(ast.unparse, node.decorator_list) if d in _SHOWN]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    head = f"def {node.name}({ast.unparse(node.args)}){returns}:"
    return [*(f"@{d}" for d in kept), head]


_SHOWN = ("triton.jit", "jit", "staticmethod", "classmethod", "property")
