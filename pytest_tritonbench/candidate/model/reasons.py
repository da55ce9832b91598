"""Why a question has no usable answer, in sentences that say what to do."""

from __future__ import annotations

import traceback
from pathlib import Path

from pytest_tritonbench.candidate.model.question import GenerationError, Question
from pytest_tritonbench.candidate.model.store import Store, Stored

STOPPED = "stopped"


def offline(question: Question, store: Store) -> GenerationError:
    """It would have to be asked for, and that is forbidden."""
    return GenerationError(
        "offline",
        f"{question.name} has no answer in {store.folder}, and asking is forbidden; run "
        "without --tb-offline to ask for it",
    )


def no_code(question: Question, found: Stored) -> GenerationError:
    """There is an answer, but no code in it."""
    why = f": {found.note}" if found.note else ""
    advice = ", or raise --tb-max-tokens" if found.generation.finish_reason == "length" else ""
    return GenerationError(
        "no-code",
        f"{question.name} was answered without code (finish reason "
        f"{found.generation.finish_reason}){why}; read the answer in "
        f"{found.path.with_suffix('.json')}, delete that file to ask again{advice}, or write the "
        f"kernel into {found.path.name} by hand",
    )


def stopped(question: Question) -> GenerationError:
    """The run ended first."""
    return GenerationError(
        STOPPED, f"{question.name} has no answer yet: the run was stopped; run again to go on"
    )


def defect(what: str, error: BaseException) -> GenerationError:
    """Something went wrong that should not be able to."""
    # Neither the error's text nor its chain: whatever it met may be in them, a key too.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return GenerationError(
        "defect",
        f"asking for {what} failed with {type(error).__name__} in {Path(frame.filename).name}, "
        f"line {frame.lineno}; this is a defect of pytest-tritonbench, please report it",
    )
