"""Python processes that have torch already: forked from one that has imported it.

Most tests run pytest in a process of its own, and most of that process's time would go into
importing torch. The processes are as good as fresh ones, but for what torch has read from the
environment when it was imported; tests that are about imports or signals use real interpreters.
"""

from tests.warm.starting import Warm, python

__all__ = ["Warm", "python"]
