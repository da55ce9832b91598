"""The options that say which models are asked, for what, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench import option_values as values
from pytest_tritonbench.option import Option

_DEFAULT_STORE = "generations"


@dataclass(frozen=True)
class Asking:
    """What models are asked for."""

    models: tuple[str, ...]
    """As they were given: ``claude``, ``openrouter:MODEL``, ``http://HOST/v1#MODEL``."""

    samples: int
    """Answers of each model to each task."""

    store: Path
    """Folder of the generations."""

    concurrency: int
    """Requests at a time, over all processes of the run."""

    timeout: float
    """Seconds for one request."""

    offline: bool
    """Whether answers come from the store alone."""

    prompt: str
    """Style of the prompts; not used where there is a template."""

    template: Path | None
    shots: int
    """Examples in each prompt."""

    corpus: Path | None
    """Where examples are taken from."""

    repair: int
    """How often a model may mend its kernel."""

    budget: str | None
    """Dollars or tokens, as they were given."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    effort: str | None = None
    max_tokens: int | None = None
    show_prompt: bool = False
    """Whether prompts are printed and nobody is asked."""


OPTIONS = (
    Option(
        "model",
        "NAME|SERVER:MODEL|URL#MODEL",
        "have this model write the kernels, and judge those",
        values.model,
        None,
        many=True,
    ),
    Option("samples", "N", "answers of each model to each task", values.positive, "1"),
    Option("temperature", "T", "temperature of the models", values.temperature, None),
    Option("top-p", "P", "nucleus that models sample from", values.share, None),
    Option(
        "sampling-seed", "N", "seed that models are sent, plus the sample", values.natural, None
    ),
    Option(
        "effort", "minimal|low|medium|high", "reasoning effort of the models", values.effort, None
    ),
    Option("max-tokens", "N", "tokens that an answer may have", values.positive, None),
    Option("prompt", "STYLE", "style of the prompts", values.style, "complex"),
    Option("template", "FILE", "Jinja template of the prompts", values.path, None),
    Option("shots", "N", "examples in each prompt, out of --tb-corpus", values.natural, "0"),
    Option("corpus", "PATH", "where examples are taken from", values.path, None),
    Option("repair", "N", "how often a model may mend its kernel", values.natural, "0"),
    Option("budget", "DOLLARS|Ntokens", "what the requests may cost in all", values.budget, None),
    Option("concurrency", "N", "requests at a time", values.positive, "8"),
    Option("timeout-model", "SECONDS", "time limit for one request", values.seconds, "600"),
    Option("generations", "DIR", "folder that answers are kept in", values.folder, _DEFAULT_STORE),
    Option("offline", "", "ask nobody: answers come from disk", values.switch, None, switch=True),
    Option("show-prompt", "", "print the prompts and stop", values.switch, None, switch=True),
)

# What decides what a model is asked; with the same of these, the answer is on disk.
REPEATED = (
    *("model", "samples", "temperature", "top-p", "sampling-seed", "effort", "max-tokens"),
    *("prompt", "template", "shots", "corpus", "repair", "generations"),
)


def asking_of(found: Mapping[str, Any], here: Path) -> Asking | None:
    """What is asked for; ``None`` where no model was named.

    Args:
        found: Checked values, by the option's name.
        here: Folder that paths are relative to.

    Raises:
        pytest.UsageError: If options do not fit together.
    """
    if found["show-prompt"] and not found["model"]:
        raise pytest.UsageError("--tb-show-prompt: whose? Name a model with --tb-model")
    if not found["model"]:
        return None
    if found["predictions"]:
        raise pytest.UsageError(
            "--tb-model and --tb-predictions: either a model answers or a file does; give one"
        )
    if found["shots"] and found["corpus"] is None:
        raise pytest.UsageError(
            "--tb-shots: examples of what? Name a folder of kernels or TritonBench's "
            "train_crawl.json with --tb-corpus"
        )
    twice = [name for name in found["model"] if found["model"].count(name) > 1]
    if twice:
        raise pytest.UsageError(f"--tb-model: {twice[0]!r} is given twice; use --tb-samples")
    return Asking(
        models=found["model"],
        samples=found["samples"],
        store=here / found["generations"],
        concurrency=found["concurrency"],
        timeout=found["timeout-model"],
        offline=bool(found["offline"]),
        prompt=found["prompt"],
        template=None if found["template"] is None else here / found["template"],
        shots=found["shots"],
        corpus=None if found["corpus"] is None else here / found["corpus"],
        repair=found["repair"],
        budget=found["budget"],
        temperature=found["temperature"],
        top_p=found["top-p"],
        seed=found["sampling-seed"],
        effort=found["effort"],
        max_tokens=found["max-tokens"],
        show_prompt=bool(found["show-prompt"]),
    )
