"""``--tb-show-prompt``: what a model would be asked, in full, and nobody is."""

import pytest

from tests.integration.project import Project

# Nobody listens there.
MODEL = ("--tb-model", "http://127.0.0.1:9/v1#some-model", "--tb-show-prompt")

MATMUL = """\
import torch
import triton
import triton.language as tl


@triton.jit
def _matmul(a_ptr, b_ptr, out_ptr, BLOCK: tl.constexpr):
    tl.store(out_ptr, tl.dot(tl.load(a_ptr), tl.load(b_ptr)))


def matmul(a, b):
    out = torch.empty_like(a)
    _matmul[(1,)](a, b, out, BLOCK=16)
    return out
"""


def test_the_prompt_is_printed_and_nothing_is_done(double: Project) -> None:
    """Every message, once a task, and the run ends well without a request or a judgement."""
    double.task("twice")
    result = double.run_here(*MODEL, "--tb-samples", "3", "--tb-results", "out")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "=* references: double =*",
            "-* system -*",
            "-* user -*",
            "def double(x: torch.Tensor) -> torch.Tensor:",
            "Twice a matrix.",
            "*`x`: tensor (m, n); float32*",
            "=* references: twice =*",
            "*2 prompts shown, nobody was asked*",
        ]
    )
    assert not (double.path / "generations").exists()
    assert result.stdout.str().count("Twice a matrix.") == 2
    assert result.parseoutcomes().get("passed") is None


def test_neither_reference_nor_cases_are_in_it(double: Project) -> None:
    """What the task is judged by is not told."""
    for style in ("simple", "complex"):
        told = double.run_here(*MODEL, "--tb-prompt", style).stdout.str()
        assert "Twice a matrix." in told
        assert "x * 2" not in told
        assert "33" not in told.partition("system")[2]


def test_styles_differ(double: Project) -> None:
    """The complex one says more than the simple one."""
    simple, complex_ = (
        double.run_here(*MODEL, "--tb-prompt", style).stdout.lines
        for style in ("simple", "complex")
    )
    assert len(simple) < len(complex_)


def test_a_template_of_ones_own(double: Project) -> None:
    """A Jinja template takes the place of the styles."""
    double.write("mine.j2", "Please write {{ name }}.\n")
    result = double.run_here(*MODEL, "--tb-template", "mine.j2")
    result.stdout.fnmatch_lines(["Please write double."])
    result.stdout.no_fnmatch_line("*# The task*")


def test_examples_never_solve_the_task(double: Project) -> None:
    """Of a folder of kernels the task's own is left out, by name and by likeness."""
    own = (double.path / "kernels/double.py").read_text(encoding="utf-8")
    double.write("corpus/double.py", own)
    double.write("corpus/renamed.py", own.replace("double", "renamed"))
    double.write("corpus/matmul.py", MATMUL)
    told = double.run_here(*MODEL, "--tb-shots", "3", "--tb-corpus", "corpus").stdout.str()
    assert "tl.dot(" in told
    assert "x * 2" not in told
    assert "renamed" not in told


def test_workers_are_refused(double: Project) -> None:
    """With ``-n`` there is no one place to print to: a usage error."""
    result = double.run(*MODEL, "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--tb-show-prompt: prompts are printed by one process*"])


def test_a_task_that_cannot_be_collected_is_not_passed_over(double: Project) -> None:
    """Its error is shown, and the run does not end as if all prompts had been."""
    double.write("references/broken.py", "import pytest_tritonbench\nraise ValueError('no task')\n")
    result = double.run_here(*MODEL)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*no task*"])
    result.stdout.no_fnmatch_line("*prompts shown*")
