"""Stands in for Python: has a warm process do what the arguments say, and ends as it does."""

import array
import json
import os
import signal
import socket
import sys

here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs time
name = os.path.basename(__file__)  # noqa: PTH119 - as above
arguments = ["-m", "pytest", *sys.argv[1:]] if name == "pytest" else sys.argv[1:]
# A worker of pytest-xdist is started with "-u -c CODE" and told the rest through its input.
worker = arguments[:2] == ["-u", "-c"]
if not worker and (not arguments or arguments[0] not in {"-m", "-mpytest"}):
    # Whatever else Python can do, it does itself.
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - what it stands for
endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
endpoint.connect(os.path.join(here, os.pardir, "socket"))  # noqa: PTH118 - as above
request = {
    "arguments": arguments,
    "script": os.path.dirname(sys.executable) if name == "pytest" else None,  # noqa: PTH120
    "cwd": os.getcwd(),  # noqa: PTH109
    "env": dict(os.environ),
}
body = json.dumps(request).encode()
rights = array.array("i", [0, 1, 2]).tobytes()
endpoint.sendmsg([len(body).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
endpoint.sendall(body)
answers = endpoint.makefile("r")
pid = int(answers.readline())
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(pid, number))
code = int(answers.readline())
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
