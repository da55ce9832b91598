"""The kernels that examples are taken from."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_tritonbench.task.prompts.problem import PromptError

# Where the code stands and where the words about it: TritonBench's train_crawl.json, its
# train_synth.json (Alpaca), and the rows of its G listing.
_CODE = ("code", "output")
_WORDS = ("description", "description_1", "description_2", "comp_instru", "instruction", "input")


@dataclass(frozen=True)
class Example:
    """One kernel of a corpus."""

    name: str
    """Where it stands: ``softmax.py``, ``train_crawl.json[12]``."""

    code: str
    description: str = ""
    """What is said about it; for a file, its docstring."""


def read_corpus(path: Path) -> tuple[Example, ...]:
    """Read the kernels of a corpus.

    Args:
        path: A folder of Python files, searched in depth; or a JSON array of objects (a JSON
            object a line as well) with ``code`` and a description, as TritonBench's
            ``train_crawl.json``, or with ``instruction``, ``input`` and ``output``, as its
            ``train_synth.json``. In a folder, such files are read too.

    Returns:
        Those that hold code, ordered by name; of equal code the first.

    Raises:
        PromptError: If there is nothing, or it cannot be read.
    """
    if path.is_dir():
        found = [example for file in sorted(path.rglob("*")) for example in _file(file, path)]
    elif path.is_file():
        found = list(_file(path, path.parent))
    else:
        raise PromptError(f"{path}: not there; name a folder of kernels or a JSON file of them")
    different = {example.code.strip(): example for example in reversed(found)}
    if not different:
        raise PromptError(
            f"{path}: no kernels in it; Python files are expected, or a JSON array of objects with "
            f"'code' and 'description' or with 'instruction' and 'output'"
        )
    kept = {id(example) for example in different.values()}
    return tuple(example for example in found if id(example) in kept)


def _file(file: Path, root: Path) -> Iterator[Example]:
    name = file.relative_to(root).as_posix()
    if any(part.startswith(".") for part in file.relative_to(root).parts) or not file.is_file():
        return
    if file.suffix == ".py" and file.name != "__init__.py":
        code = _text(file)
        yield Example(name, code.strip(), _docstring(code))
    elif file.suffix in {".json", ".jsonl"}:
        for number, row in enumerate(_rows(file), start=1):
            if not isinstance(row, dict):
                told = "an object with 'code' or 'output' is expected"
                raise PromptError(f"{file}: entry {number}: {told}; take it out")
            code = _first(row, _CODE)
            if code:
                words = "\n".join(dict.fromkeys(t for key in _WORDS if (t := _first(row, (key,)))))
                yield Example(f"{name}[{number}]", code, words)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise PromptError(f"{file}: cannot be read ({e.strerror}); take it out") from None
    except UnicodeDecodeError as e:
        raise PromptError(f"{file}: not UTF-8 (byte {e.start}); save it as UTF-8") from None


def _docstring(code: str) -> str:
    try:
        with warnings.catch_warnings():
            # An invalid escape in a docstring is the file's own business.
            warnings.simplefilter("ignore")
            return ast.get_docstring(ast.parse(code)) or ""
    except (SyntaxError, ValueError):
        return ""


def _rows(file: Path) -> list[Any]:
    text = _text(file)
    try:
        found = json.loads(text)
    except ValueError as whole:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise PromptError(f"{file}: no JSON ({whole}); restore or remove it") from None
    if not isinstance(found, list):
        raise PromptError(f"{file}: a JSON array of kernels is expected; restore or remove it")
    return found


def _first(row: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((v.strip() for key in keys if isinstance(v := row.get(key), str) and v.strip()), "")
