"""Python processes that have torch already: forked from one that has imported it.

Most tests run pytest in a process of its own, and most of that process's time would go into
importing torch and pytest. The processes are as good as fresh ones, but for what torch has read
from the environment when it was imported; tests that are about imports, signals or the death of a
worker use real interpreters. Workers of pytest-xdist in such a run are such processes as well.
"""

from tests.warm.starting import VARIABLE, Warm, python

__all__ = ["VARIABLE", "Warm", "python"]
