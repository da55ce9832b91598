"""A broken task file is a collection error that names file and line and says what to do."""

import pytest

from tests.integration.project import HEADER, TASK, Project

GOOD = HEADER + "\n\n" + TASK.format(name="double")
LINE = HEADER.count("\n") + 3


def changed(old: str, new: str) -> str:
    """The usual task file with one part replaced."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


BROKEN = {
    "syntax-error": (
        changed("return x * 2", "return x *"),
        f"{{path}}:{LINE + 9}: SyntaxError: invalid syntax*",
    ),
    "indentation": (
        changed("    return x * 2", "   return x * 2"),
        f"{{path}}:{LINE + 9}: IndentationError: *",
    ),
    "exception": (
        changed("import torch\n", "import torch\n\nlimits = {}\nhigh = limits['n']\n"),
        "{path}:4: KeyError: 'n'",
    ),
    "import": (changed("import torch\n", "import torhc\n"), "{path}:1: ModuleNotFoundError: *"),
    "no-task": (
        HEADER,
        (
            "{path}: no task here; put @task(...) from pytest_tritonbench over the function "
            "'double' that defines it"
        ),
    ),
    "two-tasks": (
        GOOD + "\n\n" + TASK.format(name="twice"),
        (
            f"{{path}}: one task a file, but this one has double (line {LINE}), twice "
            f"(line {LINE + 12}); split it"
        ),
    ),
    "wrong-name": (
        GOOD.replace("def double", "def doubel"),
        (
            f"{{path}}:{LINE}: the task is called 'doubel' and its file 'double'; give both the "
            "same name, as the kernel file has it too"
        ),
    ),
    "signature": (
        changed("(x: torch.Tensor)", "(x: torch.Tensor, y: torch.Tensor)"),
        (
            "{path}:*: TaskError: task 'double': inputs name ?'x'?, but the function takes "
            "?'x', 'y'?; give one piece for each parameter, in its order"
        ),
    ),
    "bad-case": (
        changed('"n": 33}', '"n": 0}'),
        (
            "{path}:*: TaskError: task 'double': cases?1? {{'m': 1, 'n': 0}}: the dim 'n' is at "
            "least 1, not 0"
        ),
    ),
    "bad-sweep": (
        changed('"n": 1024}', '"n": 1024, "x": "diagonal"}'),
        "{path}:*: TaskError: task 'double': sweep?0? *: 'x' can be laid out as contiguous, *",
    ),
    "no-cases": (
        changed('cases=[{"m": 2, "n": 5}, {"m": 1, "n": 33}],', "cases=[],"),
        "{path}:*: TaskError: task 'double': cases is empty; pin at least one",
    ),
    "no-docstring": (
        changed('    """Twice a matrix."""\n', ""),
        (
            "{path}:*: TaskError: task 'double': the reference has no docstring; it is what a "
            "model is asked"
        ),
    ),
    "bad-dtype": (
        changed('("float32",)', '("float31",)'),
        "{path}:*: TaskError: task 'double': dtypes has 'float31'; there are *float32*",
    ),
    "bad-layout": (
        changed('tensor("m", "n")', 'tensor("m", "n", layouts=("rows",))'),
        "{path}:*: ValueError: unknown layout 'rows'; there are contiguous*",
    ),
    "unknown-argument": (
        changed("    cases=", "    tolerance=1e-2,\n    cases="),
        "{path}:*: TypeError: task() got an unexpected keyword argument 'tolerance'",
    ),
    "reference-fails": (
        changed("return x * 2", "return x.view(7, 11)"),
        '{path}: the reference fails on *{{"m": 2, "n": 5,*: RuntimeError: shape *',
    ),
}


@pytest.mark.parametrize(("text", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_task_file(project: Project, text: str, told: str) -> None:
    """Exit code 2, one message, no traceback of the plugin."""
    path = project.write("references/double.py", text)
    project.kernel()
    result = project.run_here()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    expected = told.format(path=path)
    assert expected != told
    result.stdout.fnmatch_lines(["*ERROR collecting references/double.py*", expected])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_tritonbench/*.py:*")


def test_other_tasks_are_judged_all_the_same(double: Project) -> None:
    """With ``--continue-on-collection-errors`` a broken file costs its own task only."""
    double.write("references/broken.py", "from pytest_tritonbench import task\n1 / 0\n")
    result = double.run_here("--continue-on-collection-errors", "-m", "tb_exec")
    result.assert_outcomes(passed=2, errors=1, deselected=3)
    result.stdout.fnmatch_lines(["*references/broken.py:2: ZeroDivisionError: division by zero"])


def test_a_task_file_that_cannot_be_read(double: Project) -> None:
    """A folder with a task file's name is no task, and no error."""
    (double.path / "references/folder.py").mkdir()
    result = double.run_here("--co", "-q")
    assert result.ret == pytest.ExitCode.OK
