"""An answer to an imported task is tried for its author: test, judge, drawn cases; no record."""

from __future__ import annotations

from pytest_tritonbench.imported.fuzzers import NotFuzzedError
from pytest_tritonbench.imported.workshop import Workshop
from pytest_tritonbench.task.prompts.trouble import Trouble, of_outcome
from pytest_tritonbench.task.tritonbench.checkout import Upstream


def try_out(task: Upstream, code: str, text: str, workshop: Workshop) -> Trouble:
    """Run an answer through call, exec and fuzz.

    Args:
        task: The task.
        code: The candidate that was taken out of the answer.
        text: The answer.
        workshop: Where it is run.

    Returns:
        The first thing that is wrong; no reason where nothing is, or nothing can be told.
    """
    examined = workshop.examiner.examine(task, code, text)
    if not examined.called:
        return of_outcome(examined, "call")
    if examined.unjudged is not None:
        return Trouble("exec", None)
    if not examined.executed:
        return of_outcome(examined, "exec")
    session = workshop.session
    try:
        fuzzer = workshop.fuzzer(task)
        if isinstance(fuzzer, NotFuzzedError):
            raise fuzzer
        # Its author learns of what fails, and so is not shown the cases of the judgement.
        fuzzed = fuzzer.fuzz(code, examples=session.settings.examples, elements=session.elements)
    except NotFuzzedError:
        return Trouble("fuzz", None)
    if fuzzed.failed is not None:
        return of_outcome(fuzzed.failed, "fuzz", fuzzed.failed.case.to_json())
    return Trouble("fuzz", None)
