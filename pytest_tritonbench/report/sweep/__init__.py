"""Curves over a task's sweep, out of bench records: one page of HTML, and the numbers as CSV."""

from .writing import NothingTimedError, write

__all__ = ["NothingTimedError", "write"]
