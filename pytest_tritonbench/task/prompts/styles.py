"""From a subject to the messages that a model is sent.

A message is a pair of role and content: this room does not know what models are.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pytest_tritonbench.task.prompts.corpus import Example
from pytest_tritonbench.task.prompts.problem import PromptError
from pytest_tritonbench.task.prompts.subject import Subject

Messages: TypeAlias = tuple[tuple[str, str], ...]
"""Role (``system``, ``user`` or ``assistant``) and content."""

OWN = ("simple", "complex")
PUBLISHED = {"tritonbench": "comp", "tritonbench-simple": "simp"}
STYLES = (*OWN, *PUBLISHED)
"""The styles that need no template of the user's."""

_TEMPLATES = FileSystemLoader(Path(__file__).parent / "templates")
_HIDDEN = ("published",)


def messages(
    subject: Subject, style: str | Template = "complex", shots: Sequence[Example] = ()
) -> Messages:
    """Ask for a task.

    Args:
        subject: What the prompt may know.
        style: One of :data:`STYLES`, or a template of :func:`load_template`.
        shots: Examples to show, best first.

    Raises:
        PromptError: If the style is unknown or does not fit the task, or the template fails.
    """
    if isinstance(style, Template):
        return _rendered(style, subject, shots)
    if style in PUBLISHED:
        return (("user", _published(subject, style, shots)),)
    if style not in OWN:
        known = ", ".join(STYLES)
        raise PromptError(
            f"no prompt style {style!r}; there are {known}, or give a template's path"
        )
    return _rendered(_environment(_TEMPLATES).get_template(f"{style}.jinja"), subject, shots)


def load_template(path: Path) -> Template:
    """Read a user's Jinja template.

    It renders the user's message; ``{% set system %}...{% endset %}`` at its top level makes a
    system message as well. Other templates of its folder can be included, and the bundled ones
    extended as ``tritonbench/complex.jinja``. It runs in Jinja's sandbox, and a variable that is
    not there is an error.

    Args:
        path: The file.

    Raises:
        PromptError: If it cannot be read, or is no template; with the line, where there is one.
    """
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "not there"
        raise PromptError(f"{path}: {kind}; give the path of a Jinja template, or a style's name")
    bundled = PrefixLoader({"tritonbench": _TEMPLATES})
    # The bundled ones import their parts by their plain name.
    loader = ChoiceLoader([FileSystemLoader(path.parent), bundled, _TEMPLATES])
    try:
        return _environment(loader).get_template(path.name)
    except TemplateSyntaxError as e:
        raise PromptError(f"{e.filename or path}:{e.lineno}: {e.message}; mend it") from None
    except (OSError, UnicodeDecodeError) as e:
        raise PromptError(f"{path}: cannot be read ({e}); save it as UTF-8") from None


def variables(subject: Subject, shots: Sequence[Example] = ()) -> Mapping[str, Any]:
    """What a template can use, by name."""
    known = {f.name: getattr(subject, f.name) for f in fields(subject) if f.name not in _HIDDEN}
    derived = {"mutates": subject.mutates, "gradients": subject.gradients}
    return {**known, **derived, "shots": tuple(shots)}


def _environment(loader: Any) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def _rendered(template: Template, subject: Subject, shots: Sequence[Example]) -> Messages:
    known = variables(subject, shots)
    place = template.filename or template.name or "template"
    try:
        user, system = _run(template, known)
    except UndefinedError as e:
        told = f"{e.message}; a template can use {', '.join(sorted(known))}"
        raise PromptError(f"{_line(place, e)}: {told}") from None
    except TemplateNotFound as e:
        raise PromptError(f"{_line(place, e)}: no template {e.name!r} beside it") from None
    except TemplateSyntaxError as e:
        raise PromptError(f"{e.filename or place}:{e.lineno}: {e.message}; mend it") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as e:
        raise PromptError(f"{_line(place, e)}: {type(e).__name__}: {e}; mend it") from None
    if not user:
        raise PromptError(f"{place}: the template renders to nothing for {subject.name}")
    return ((("system", system),) if system else ()) + (("user", user),)


def _run(template: Template, known: Mapping[str, Any]) -> tuple[str, str]:
    """What a template renders, and the system message that it sets."""
    try:
        module = template.make_module(dict(known))
    except Exception:  # noqa: BLE001 - Jinja raises it again, with the template's own lines
        template.environment.handle_exception()
    return str(module).strip(), str(getattr(module, "system", "")).strip()


def _line(place: str, error: BaseException) -> str:
    # Jinja puts the template's own lines into the traceback.
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(".jinja")]
    lines = lines or [f for f in traceback.extract_tb(error.__traceback__) if f.filename == place]
    return f"{lines[-1].filename}:{lines[-1].lineno}" if lines else place


def _published(subject: Subject, style: str, shots: Sequence[Example]) -> str:
    version = PUBLISHED[style]
    text = subject.published.get(version)
    if text is None and subject.suite is None:
        raise PromptError(
            f"{subject.name}: the style {style!r} is for the tasks of a TritonBench checkout; take "
            f"{' or '.join(map(repr, OWN))}"
        )
    if text is None:
        channel = (subject.suite or "").rpartition("-")[2]
        raise PromptError(
            f"{subject.name}: the style {style!r} sends the text of the checkout's "
            f"TritonBench_{channel}_{version}_alpac_v1.json, which is not there or does not have "
            f"the task; restore it, or take {' or '.join(map(repr, OWN))}"
        )
    if not shots:
        return text
    # As the published one-shot prompts of channel G have it.
    documents = [
        f"Document {number}:\n{' '.join(filter(None, (shot.description, shot.code)))}"
        for number, shot in enumerate(shots, start=1)
    ]
    return "\n\n".join([f"Query: {text}", *documents])
