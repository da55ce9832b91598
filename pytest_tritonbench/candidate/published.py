"""The code of an answer as the published benchmark takes it, defects included.

For comparison with published numbers alone; ``extraction`` is how an answer is judged.
"""

from __future__ import annotations

import ast
import warnings

_FENCE = "```python"
_TOKENS = ("<|im_end|>", "<|EOT|>")


def published_code(text: str, channel: str) -> str:
    """Take the code as upstream's evaluation does.

    What stands behind the last ```` ```python ````, its closing fence and any prose with it. For G
    it is then taken apart: every import and every function, methods and inner functions as well,
    is written out anew one after the other, outermost first; classes, constants and all other
    statements are lost. What cannot be parsed stays as it is.

    Args:
        text: The answer.
        channel: ``"G"`` or ``"T"``.
    """
    if _FENCE in text:
        text = text.rpartition(_FENCE)[2]
        for token in _TOKENS:
            text = text.replace(token, "")
    return _taken_apart(text) if channel == "G" else text


def _taken_apart(code: str) -> str:
    try:
        with warnings.catch_warnings():
            # Invalid escapes are the answer's own business.
            warnings.simplefilter("ignore")
            nodes = list(ast.walk(ast.parse(code)))
        imports = [ast.unparse(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
        functions = [ast.unparse(n) for n in nodes if isinstance(n, ast.FunctionDef)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    return "\n".join(imports) + "\n\n" + "\n".join(functions)
