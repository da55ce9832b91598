"""Every way in which a candidate goes wrong has its own reason in the record, and stays its own.

One run judges them all beside a good kernel: what one does must not touch another's result.
"""

import pytest

from tests.integration.project import Project

HEAD = """\
import torch
import triton
import triton.language as tl


@triton.jit
def _rows(x_ptr, out_ptr, n, stride_m, stride_n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    mask = cols < n
    x = tl.load(x_ptr + row * stride_m + cols * stride_n, mask=mask)
    tl.store(out_ptr + row * n + cols, x * 2, mask=mask)


def _double(x):
    m, n = x.shape
    out = torch.empty((m, n), dtype=x.dtype, device=x.device)
    _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
    return out


"""

# Name of the task and what its kernel file has after HEAD, by the reason that is expected.
BODIES = {
    "wrong-structure": "def {name}(x):\n    out = _double(x)\n    return out, out\n",
    "wrong-shape": "def {name}(x):\n    return _double(x).t()\n",
    "wrong-dtype": "def {name}(x):\n    return _double(x).double()\n",
    "zero-stride": "def {name}(x):\n    return _double(x)[:1].expand(x.shape)\n",
    "input-changed": "def {name}(x):\n    out = _double(x)\n    x.zero_()\n    return out\n",
    "wrong-values": "def {name}(x):\n    return _double(x) + 1\n",
    "lazy-tensor": (
        "class Late(torch.Tensor):\n    pass\n\n\n"
        "def {name}(x):\n    return _double(x).as_subclass(Late)\n"
    ),
    "syntax-error": "def {name}(x:\n",
    "import-error": "import a_module_that_is_not_there\n",
    "no-entry-point": "def something_else(x):\n    return _double(x)\n",
    "wrong-signature": "def {name}(x, y):\n    return _double(x)\n",
    "exception": "def {name}(x):\n    raise ValueError('no such luck')\n",
    "compile-error": (
        "@triton.jit\ndef _bad(x_ptr):\n    tl.store(x_ptr, not_a_name)\n\n\n"
        "def {name}(x):\n    _bad[(1,)](x)\n    return _double(x)\n"
    ),
    "exit": "import os\n\n\ndef {name}(x):\n    os._exit(0)\n",
    "segfault": "import ctypes\n\n\ndef {name}(x):\n    ctypes.string_at(0)\n",
    "threads-left": (
        "import threading\nimport time\n\n\n"
        "def {name}(x):\n"
        "    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        "    return _double(x)\n"
    ),
    "wrote-outside": (
        "def {name}(x):\n    open('/var/tmp/left-behind', 'w').write('x')\n    return _double(x)\n"
    ),
    "network": (
        "import socket\n\n\n"
        "def {name}(x):\n"
        "    try:\n        socket.create_connection(('127.0.0.1', 9), 1)\n"
        "    except OSError:\n        pass\n"
        "    return _double(x)\n"
    ),
    "secrets": (
        "import os\n\n\n"
        "def {name}(x):\n    os.environ.get('ANTHROPIC_API_KEY')\n    return _double(x)\n"
    ),
    "not-triton": "def {name}(x):\n    _double(x)\n    return x * 2\n",
}


def test_each_fault_is_told_apart(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of each bad kernel has its reason; the good one beside them passes."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-secret-of-the-user")
    names = {reason: reason.replace("-", "_") for reason in BODIES}
    project.task("good")
    project.write("kernels/good.py", HEAD + "def good(x):\n    return _double(x)\n")
    for reason, name in names.items():
        project.task(name)
        project.write(f"kernels/{name}.py", HEAD + BODIES[reason].format(name=name))
    project.run("-n", "2", "-k", "call or exec", "--tb-results", "out")
    found = project.records("out")
    by_task: dict[str, set[str]] = {}
    for record in found:
        if record["outcome"] == "failed":
            by_task.setdefault(record["task"], set()).add(record["reason"])
    assert by_task == {name: {reason} for reason, name in names.items()}
    assert {r["outcome"] for r in found if r["task"] == "good"} == {"passed"}
    assert "a-secret-of-the-user" not in (project.path / "out" / "records.jsonl").read_text()


def test_a_kernel_that_is_only_launched_for_show_is_named(project: Project) -> None:
    """A launch whose output is thrown away is not-triton: the answer is right without it."""
    project.task("double")
    body = BODIES["not-triton"].format(name="double")
    project.write("kernels/double.py", HEAD + body)
    done = project.run("-k", "call")
    done.stdout.fnmatch_lines(
        ["*not-triton: the output is right with every Triton launch left out*"]
    )


def test_torch_instead_of_triton_is_named_without_the_call_test(project: Project) -> None:
    """Selecting other phases does not spare a candidate the question who does the work."""
    project.task("double")
    project.write("kernels/double.py", "def double(x):\n    return x * 2\n")
    done = project.run("-k", "exec or fuzz")
    done.assert_outcomes(failed=1, skipped=2)
    done.stdout.fnmatch_lines(["*not-triton: no Triton kernel was launched*"])
