"""What a failure says: the cause can be found from the message without running anything again."""

import pytest

from tests.integration.project import Project

TAIL = "tl.where(cols < n // 16 * 16, x * 2, x * 3)"


def test_a_wrong_tail_is_called_by_its_columns(double: Project) -> None:
    """The message has the worst element, error against allowed, and which columns are off."""
    text = (double.path / "references/double.py").read_text().replace('"n": 33', '"n": 40')
    double.write("references/double.py", text.replace('"m": 1, "n"', '"m": 3, "n"'))
    double.kernel(value=TAIL)
    result = double.run_here("references/double.py::test_exec[float32-m3-n40]")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "double: wrong-values: output has wrong values",
            "  kernel   kernels/double.py",
            "  worst    output?*? is *, expected *",
            "           (the reference in float32: *)",
            "  error    *, allowed * (* times)",
            "  off      24 of 120 elements, only in columns 32..39 of 40 (the last 8)",
            '  case     {"m": 3, "n": 40, "dtype": "float32", "seed": *}',
            "  replay   pytest references/double.py::test_fuzz --tb-case '{*}'",
        ],
        consecutive=True,
    )


def test_every_nth_column_is_seen(double: Project) -> None:
    """A pattern in the wrong elements is put into words."""
    double.kernel(value="tl.where(cols % 4 == 3, x * 3, x * 2)")
    result = double.run_here("references/double.py::test_exec[float32-m1-n33]")
    result.stdout.fnmatch_lines(["  off      8 of 33 elements, only in every 4th column from 3 on"])


def test_fuzzing_shrinks_to_the_smallest_case(double: Project) -> None:
    """What is shown is the smallest case that fails: one row, and the first column that is off."""
    double.kernel(value="tl.where(cols >= 17, x * 3, x * 2)")
    result = double.run("-m", "tb_fuzz", "--hypothesis-seed=0")
    result.stdout.fnmatch_lines(
        [
            "  off      1 of 18 elements, only in column 17 of 18",
            '  case     {"m": 1, "n": 18, "dtype": "float32", "seed": 0}',
        ]
    )
    result.stdout.no_fnmatch_line("*Falsifying example*")


def test_a_stride_that_is_ignored_shows_its_layout(double: Project) -> None:
    """The layout of the failing case is in its line, and in the line that replays it."""
    double.kernel(before="x = x.as_strided(x.shape, (n, 1), x.storage_offset())\n")
    result = double.run("-m", "tb_fuzz", "--hypothesis-seed=0")
    result.stdout.fnmatch_lines(
        ['  case     {"m": *, "n": *, "dtype": "float32", "x": "*", "seed": 0}']
    )


def test_an_exception_in_the_wrapper_shows_its_line(double: Project) -> None:
    """Reason, message, file, line and source of what the kernel module raised."""
    double.kernel(before="if n == 33: raise ValueError('no odd sizes')\n")
    result = double.run_here("-m", "tb_exec")
    result.stdout.fnmatch_lines(
        [
            "double: exception: ValueError: no odd sizes",
            "  kernel   kernels/double.py:18*",
            "           > if n == 33: raise ValueError('no odd sizes')",
        ]
    )


def test_a_kernel_that_changes_its_answer_is_called_so(double: Project) -> None:
    """A case that fails once and passes when it is repeated is told to do just that."""
    double.kernel(before="calls.append(n)\nif len(calls) % 7 == 0: x = x + 1\n")
    path = double.path / "kernels/double.py"
    path.write_text(path.read_text().replace("\n\n@triton", "\n\ncalls = []\n\n\n@triton", 1))
    result = double.run("-m", "tb_fuzz", "--hypothesis-seed=0")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "double: wrong-values: *",
            "  note     the case fails, but passed when it was run again",
        ]
    )


def test_a_wrong_shape_says_both(double: Project) -> None:
    """What was returned stands beside what the reference returns."""
    path = double.kernel()
    path.write_text(path.read_text().replace("return out\n", "return out[:, 1:]\n"))
    result = double.run_here("references/double.py::test_exec[float32-m2-n5]")
    result.stdout.fnmatch_lines(
        ["double: wrong-shape: output has shape (2, 4), the reference gives (2, 5)"]
    )


def test_torch_in_place_of_triton_is_not_triton(double: Project) -> None:
    """A right answer without a launch fails call, and the reason is recorded as not-triton."""
    double.write("kernels/double.py", "def double(x):\n    return x * 2\n")
    result = double.run_here("-m", "tb_call", "--tb-results", "out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["double: not-triton: no Triton kernel was launched"])
    assert [record["reason"] for record in double.records()] == ["not-triton"]


def test_a_launch_for_show_is_not_triton(double: Project) -> None:
    """A kernel that is launched while torch does the work is seen through."""
    path = double.kernel()
    path.write_text(path.read_text().replace("return out\n", "return x * 2\n"))
    result = double.run_here("-m", "tb_call")
    result.stdout.fnmatch_lines(
        ["double: not-triton: the output is right with every Triton launch left out"]
    )
