"""A key that is sent and never shown."""

from __future__ import annotations

from collections.abc import Mapping

HIDDEN = "***"

# Shorter ones are words that local servers are given, none or EMPTY: an answer may hold them.
_SECRET = 16
_PIECE = 8
_WORD = 4


class Key:
    """The value of an environment variable, hidden from whatever prints it.

    Args:
        variable: The variable's name; ``None`` where the server wants no key.
        environ: The environment.
    """

    def __init__(self, variable: str | None, environ: Mapping[str, str]) -> None:
        self.variable = variable
        # A file's last line break comes along with $(cat key.txt).
        self.__value = "" if variable is None else environ.get(variable, "").strip()

    def __repr__(self) -> str:
        return f"Key({self.variable})"

    def __reduce__(self) -> str | tuple[object, ...]:
        message = "a key stays in its process"
        raise TypeError(message)

    def __bool__(self) -> bool:
        return bool(self.__value)

    @property
    def can_be_sent(self) -> bool:
        """Whether a header of HTTP can hold it."""
        return self.__value.isascii() and self.__value.isprintable() and " " not in self.__value

    def header(self) -> str:
        """The value of the header ``Authorization``."""
        return f"Bearer {self.__value}"

    def hidden_in_answer(self, text: str) -> str:
        """An answer, without the key if it holds one."""
        return text.replace(self.__value, HIDDEN) if len(self.__value) >= _SECRET else text

    def hidden_in_message(self, text: str) -> str:
        """A server's message, without the key and without any piece of it that would help."""
        if len(self.__value) < _PIECE:
            return text.replace(self.__value, HIDDEN) if len(self.__value) >= _WORD else text
        last = len(self.__value) - _PIECE
        pieces = {self.__value[start : start + _PIECE] for start in range(last + 1)}
        shown: list[str] = []
        at = kept = 0
        while at <= len(text) - _PIECE:
            if text[at : at + _PIECE] not in pieces:
                at += 1
                continue
            end = at + _PIECE
            while text[end - _PIECE + 1 : end + 1] in pieces:
                end += 1
            shown += (text[kept:at], HIDDEN)
            at = kept = end
        return "".join([*shown, text[kept:]])
