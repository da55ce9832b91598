"""The server as a process: ``python -m tests.model_server [PLAN]``, the plan as JSON."""

from __future__ import annotations

import json
import socket
import sys

import uvicorn

from tests.model_server.app import application
from tests.model_server.plan import Plan
from tests.model_server.transport import ResettableProtocol


def main() -> None:
    """Listen on a free port of the loopback, say which, and serve until ended."""
    plan = Plan(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))
    config = uvicorn.Config(application(plan), http=ResettableProtocol, log_level="error")
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
