"""Workers of pytest-xdist that have torch already: forked from a process that has imported it.

Each worker would start an interpreter and import pytest, torch and the judge for itself, all at the
same time: seconds of every core before the first test, and hundreds of megabytes each. Here one
process, the *server*, imports them; pytest-xdist is given a *stand-in* for Python, which has the
server fork and hands its own input and output to the fork.

A fork is as good as a fresh interpreter, but for what torch has read from the environment when it
was imported, which is the controller's environment for both. Where the server is gone, the stand-in
becomes the Python that it stands for.
"""

from pytest_tritonbench.warm.starting import Warm, warm_workers

__all__ = ["Warm", "warm_workers"]
