"""A model server: what the pages about models are run against.

It answers from a recording, over the real protocol; see tests/model_server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.checkout import ANSWERS, SOFTMAX
from tests.integration.checkout import ANSWER
from tests.model_server.running import serving

# A page that says so has a server that listens on ADDRESS, as far as its text goes.
MARK = "<!-- starts beside a model server -->"
ADDRESS = "http://localhost:8000"

# The mistake that the README makes: lanes beyond the row count as elements.
_WRONG = SOFTMAX.replace('other=float("-inf")', "other=0.0")
_TOLD = """\
Each program takes one row and keeps it in registers.

```python
{code}```

Subtracting the maximum keeps the exponentials finite.
"""

# Of each task the first answer and the next ones; a task that is not here gets no code.
_KERNELS = {
    **{name: [answer] for name, answer in ANSWERS.items()},
    "exp": [ANSWERS["exp"], ANSWER.format(name="exp", value="tl.exp(x)")],
    "relu": [ANSWERS["relu"], ANSWER.format(name="relu", value="tl.maximum(x, 0.0)")],
    "softmax": [_TOLD.format(code=_WRONG), _TOLD.format(code=SOFTMAX)],
}


@contextmanager
def beside(page: Path, folder: Path) -> Iterator[str]:
    """A model server while a page is run, if the page wants one.

    Args:
        page: The page.
        folder: For the recording.

    Yields:
        Where it listens; ``ADDRESS`` where there is none.
    """
    if MARK not in page.read_text():
        yield ADDRESS
        return
    recording = folder / "recording.jsonl"
    rows = [{"task": task, "predict": one} for task, all_ in _KERNELS.items() for one in all_]
    recording.write_text("".join(json.dumps(row) + "\n" for row in rows))
    # Real counts would depend on the versions that the prompts name.
    usage = {"prompt_tokens": 450, "completion_tokens": 200}
    with serving(answers=(str(recording),), models=("my-model",), usage=usage) as server:
        yield server.root
