"""Where a candidate runs: a confined, disposable process, and nothing else.

The parent's side (this package's public names) imports no torch. What runs inside the processes
lives in `zygote`, `warden`, `child` and the modules those import.
"""

from .calls import Call, DtypeArg, ListArg, TensorArg, Value
from .client import Candidate, ReferenceWorker, Sandbox
from .limits import Limits
from .memory import Arena
from .protocol import Connection
from .reasons import Reason
from .results import Delivered, Failure, KernelReport, Node, Opaque, TensorOut
from .script import Called, Ran, Script

__all__ = [
    "Arena",
    "Call",
    "Called",
    "Candidate",
    "Connection",
    "Delivered",
    "DtypeArg",
    "Failure",
    "KernelReport",
    "Limits",
    "ListArg",
    "Node",
    "Opaque",
    "Ran",
    "Reason",
    "ReferenceWorker",
    "Sandbox",
    "Script",
    "TensorArg",
    "TensorOut",
    "Value",
]
