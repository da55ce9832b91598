"""The vacuity lint: a task that would accept a useless answer is refused at collection."""

import pytest

from tests.integration.project import HEADER, Project

START = (
    HEADER
    + """

def same(a, b):
    return torch.equal(a, b)


@task(
"""
)
BODY = """
)
def {name}(x: torch.Tensor) -> torch.Tensor:
    \"\"\"A task whose rule has a hole.\"\"\"
    return x * 2
"""
CASES = 'dtypes=("float32",),\n    cases=[{"m": 4, "n": 16}],'
INPUTS = 'inputs={"x": tensor("m", "n")},'


def checked(condition: str) -> str:
    """A task that takes any output of which ``condition`` holds."""
    rule = f"check=lambda inputs, output: None if {condition} else 'wrong',"
    return f"{START}    {INPUTS}\n    {CASES}\n    {rule}{BODY}"


RIGHT = "same(output, inputs['x'] * 2)"
# Name of the task, its text, and the useless answer that its rule lets through.
HOLES = {
    "any_seed": (
        (
            f'{START}    inputs={{{{"x": derived(lambda g, m, n: torch.arange(m * n).view(m, n) + '
            f'1.0)}}}},\n    dims={{{{"m": dim(), "n": dim()}}}},\n    '
            f"{CASES.replace('{', '{{').replace('}', '}}')}{BODY}"
        ),
        "the output for another seed",
    ),
    "zeros": (checked(f"{RIGHT} or not output.any()"), "zeros for output"),
    "unset_tail": (
        checked("same(output[:2], inputs['x'][:2] * 2)"),
        "a result with its last tile unset for output",
    ),
    "mean": (
        checked(f"{RIGHT} or torch.allclose(output, (inputs['x'] * 2).mean())"),
        "its own mean for output",
    ),
    "copy": (checked(f"{RIGHT} or same(output, inputs['x'])"), "a copy of the argument 'x' for"),
}


def test_every_useless_answer_is_found(project: Project) -> None:
    """Each task with a hole is refused with the answer that would pass and what to do."""
    for name, (text, _) in HOLES.items():
        body = text.replace("{name}", name).replace("{{", "{").replace("}}", "}")
        project.write(f"references/{name}.py", body)
    result = project.run_here("--co", "-q")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=len(HOLES))
    for name, (_, answer) in HOLES.items():
        [line] = [line for line in result.outlines if f"the task {name!r} would accept" in line]
        assert line.startswith(f"{project.path / 'references' / name}.py:")
        assert f"would accept {answer}" in line
        assert "pin a case, or sharpen `check` or `canonical`, so that it is refused" in line


def test_a_task_that_refuses_its_own_reference(project: Project) -> None:
    """A rule that no answer could meet is refused as well, with the judge's reason."""
    text = checked("same(output, inputs['x'] * 3)").replace("{name}", "unfair")
    project.write("references/unfair.py", text)
    result = project.run_here("--co", "-q")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*unfair.py:*: the task refuses its own reference on *: *wrong"])


def test_a_verdict_is_kept_for_the_content_of_the_file(project: Project) -> None:
    """The second collection runs no reference; a changed file is looked at again."""
    path = project.task()
    ran = project.path / "ran.txt"
    text = path.read_text().replace(
        "    return x * 2\n", f"    open({str(ran)!r}, 'a').write('.')\n    return x * 2\n"
    )
    path.write_text(text)
    for again in (False, True):
        assert project.run_here("--co", "-q").ret == pytest.ExitCode.OK
        assert ran.exists() is not again
        ran.unlink(missing_ok=True)
    path.write_text(text + "\n# changed\n")
    assert project.run_here("--co", "-q").ret == pytest.ExitCode.OK
    assert ran.exists()


def test_a_refusal_is_kept_too(project: Project) -> None:
    """A refused task stays refused without being run again."""
    project.write("references/zeros.py", HOLES["zeros"][0].replace("{name}", "zeros"))
    first, second = (project.run_here("--co", "-q") for _ in range(2))
    assert first.ret == second.ret == pytest.ExitCode.INTERRUPTED
    told = [[line for line in r.outlines if "would accept" in line] for r in (first, second)]
    assert told[0] == told[1] != []
