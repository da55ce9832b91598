"""Stands in for Python: has the server fork a process, and ends as that process does.

Started many times, so it imports as little as it can. The server's socket lies beside it.
"""

import array
import os
import signal
import socket
import sys

here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs time
# The worker is in the same process group: an interrupt from the terminal reaches it as well.
signal.signal(signal.SIGINT, signal.SIG_IGN)
endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try:
    endpoint.connect(os.path.join(here, "socket"))  # noqa: PTH118 - as above
    rights = array.array("i", [0, 1, 2]).tobytes()
    body = repr((sys.argv[1:], os.getcwd(), dict(os.environ))).encode()  # noqa: PTH109 - as above
    header = len(body).to_bytes(8, "big")
    endpoint.sendmsg([header], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    endpoint.sendall(body)
    answers = endpoint.makefile("r")
    accepted = answers.readline()
except OSError:
    accepted = ""
if not accepted:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])  # noqa: S606 - what it stands for
code = int(answers.readline() or -signal.SIGKILL)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
