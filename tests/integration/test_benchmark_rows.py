"""pytest-benchmark shows and saves what kernels take, in a serial run and under `-n`."""

import re
from collections.abc import Callable
from operator import itemgetter

import pytest

from tests.integration.made_up_times import CASE, FULL, INTERVAL, ROWS, read, saved, timed
from tests.integration.project import Project

Run = Callable[..., pytest.RunResult]
BENCH = ("-m", "tb_bench")


@pytest.fixture
def kernels(project: Project) -> Project:
    """Two tasks whose kernels have times, and a benchmark of the CPU."""
    return timed(project)


@pytest.fixture(params=["serial", "workers"])
def run(request: pytest.FixtureRequest, kernels: Project) -> Run:
    """Runs pytest, in this process or with a worker; the table's own test has two of them."""
    if request.param == "serial":
        return kernels.run_here
    workers = "2" if request.function is test_the_table_and_the_json else "1"
    return lambda *arguments: kernels.run("-n", workers, *arguments)


def titles(result: pytest.RunResult) -> list[str]:
    """The titles of the groups of the table."""
    found = (re.fullmatch(r"-* benchmark '(.+)': \d+ tests -*", line) for line in result.outlines)
    return [match[1] for match in found if match]


def test_the_table_and_the_json(kernels: Project, run: Run) -> None:
    """A group a task and case, whose relative column is the speedup; JSON has every sample."""
    result = run("--benchmark-only", "--benchmark-columns=median", "--benchmark-json=o.json")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=2, skipped=8)
    result.stdout.fnmatch_lines(
        [
            f"*- benchmark 'double[[]{CASE}]': 2 tests -*",
            f"double[[]{CASE}] candidate     11.0000 (1.0)*",
            f"double[[]{CASE}] reference     22.0000 (2.00)*",
            f"*- benchmark 'twice[[]{CASE}]': 2 tests -*",
            f"twice[[]{CASE}] candidate     22.0000 (1.0)*",
            f"twice[[]{CASE}] reference     66.0000 (3.00)*",
        ]
    )
    assert titles(result) == [f"double[{CASE}]", f"twice[{CASE}]"], "one table"
    assert all(len(line) <= 80 for line in result.outlines if CASE in line)
    for stream in (result.stdout, result.stderr):
        stream.no_fnmatch_line("*Warning*")
    rows = {row["name"]: row for row in read(kernels, "o.json")["benchmarks"]}
    assert sorted(rows) == ROWS
    assert sorted(row["fullname"] for row in rows.values()) == FULL
    candidate, reference = rows[ROWS[0]], rows[ROWS[1]]
    assert candidate["stats"]["data"] == pytest.approx([1e-5, 1.1e-5, 1.2e-5], rel=1e-12)
    assert candidate["options"]["timer"] == reference["options"]["timer"] == "made-up"
    assert candidate["extra_info"] == {
        "row": "candidate",
        "method": "made-up",
        "verdict": "faster",
        "interval": INTERVAL,
    }
    assert reference["extra_info"] == {"row": "reference", "method": "made-up"}
    assert candidate["param"] == candidate["params"]["case"] == CASE


def test_a_worker_saves_what_a_serial_run_saves(kernels: Project) -> None:
    """Files of a serial run and of `-n 1` hold the same rows, field by field."""
    kernels.run_here("--benchmark-only", "--benchmark-save=s", "--benchmark-save-data")
    kernels.run("--benchmark-only", "--benchmark-save=w", "--benchmark-save-data", "-n", "1")
    one, two = (read(kernels, name) for name in saved(kernels))
    assert [row["fullname"] for row in two["benchmarks"]] == FULL
    assert sorted(one["benchmarks"], key=itemgetter("fullname")) == two["benchmarks"]
    assert one["machine_info"].keys() == two["machine_info"].keys()


def test_machine_info_names_what_decides_a_time(kernels: Project, run: Run) -> None:
    """What is saved says with which GPU, driver, CUDA, torch and Triton it was measured."""
    run("--benchmark-only", "--benchmark-autosave", "-k", "double")
    (name,) = saved(kernels)
    info = read(kernels, name)["machine_info"]
    assert info["gpu"] == "none"
    assert {"driver", "cuda"} <= info.keys()
    assert info["torch"].startswith("2.")
    assert info["triton"].startswith("3.")


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("func", ["double", "twice"]),
        ("fullfunc", ["references/double.py::test_bench", "references/twice.py::test_bench"]),
        ("param:case", [f"case={CASE}"]),
        ("name", ROWS),
        ("fullname", FULL),
    ],
)
def test_groups_are_as_asked_for(kernels: Project, option: str, expected: list[str]) -> None:
    """`--benchmark-group-by` finds names and parameters that mean something of kernels."""
    result = kernels.run_here("--benchmark-only", f"--benchmark-group-by={option}")
    assert titles(result) == expected


def test_sorting(kernels: Project) -> None:
    """`--benchmark-sort` orders the rows within a group."""
    by_name = kernels.run_here("--benchmark-only", "--benchmark-sort=name", "-k", "double")
    assert [line.split()[1] for line in by_name.outlines if CASE + "] " in line] == [
        "candidate",
        "reference",
    ]


def test_the_histogram(kernels: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--benchmark-histogram` draws a file a group."""
    kernels.write("pygal/__init__.py", "class PluginImportFixer: pass\n")
    kernels.write("pygal/graph/__init__.py", "")
    kernels.write(
        "pygal/graph/box.py",
        """
        class Box:
            def __init__(self, **options):
                self.lines = [options["title"]]

            def add(self, title, serie):
                self.lines.append(title)

            def render_to_file(self, path):
                with open(path, "w") as file:
                    file.write("\\n".join(self.lines))
        """,
    )
    kernels.write("pygal/style.py", "class DefaultStyle:\n    colors = ('red', 'blue')\n")
    monkeypatch.setenv("PYTHONPATH", str(kernels.path), prepend=":")
    monkeypatch.syspath_prepend(kernels.path)
    result = run("--benchmark-only", "--benchmark-histogram=drawn/h")
    assert result.ret == pytest.ExitCode.OK
    drawn = sorted((kernels.path / "drawn").iterdir())
    assert [path.name for path in drawn] == [f"h-{t}[{CASE}].svg" for t in ("double", "twice")]
    assert drawn[0].read_text(encoding="utf-8").splitlines() == [
        f"Speed in Microseconds (us) of double[{CASE}]",
        *(f"{name} - 3 rounds" for name in FULL[:2]),
    ]


def test_disabled_is_run_once_and_not_timed(kernels: Project, run: Run) -> None:
    """`--benchmark-disable` runs a kernel on what it would be timed on, and shows no time."""
    result = run("--benchmark-disable", *BENCH, "--benchmark-json=o.json")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["passed"] == 2
    ran = (kernels.path / "untimed").read_text(encoding="utf-8").splitlines()
    assert sorted(ran) == [f"double {CASE}", f"twice {CASE}"]
    assert not titles(result)
    assert not (kernels.path / "o.json").exists()


def test_enabled_again(kernels: Project, run: Run) -> None:
    """`--benchmark-enable` takes a `--benchmark-disable` of the ini file back."""
    kernels.ini("addopts = --benchmark-disable")
    result = run("--benchmark-enable", *BENCH, "--benchmark-name=short")
    assert result.parseoutcomes()["passed"] == 2
    assert titles(result) == [f"double[{CASE}]", f"twice[{CASE}]"]
    assert not (kernels.path / "untimed").exists()


def test_only_and_disabled_contradict_each_other(run: Run) -> None:
    """What pytest-benchmark refuses by itself stays refused."""
    result = run("--benchmark-only", "--benchmark-disable")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*Can't have both --benchmark-only and --benchmark-disable*"])


def test_timing_is_left_out(run: Run) -> None:
    """`--benchmark-skip` skips what times kernels, with pytest-benchmark's own reason."""
    result = run("--benchmark-skip", *BENCH, "-rs")
    assert result.parseoutcomes()["skipped"] == 2
    result.stdout.fnmatch_lines(["SKIPPED * Skipping benchmark (--benchmark-skip active)*"])
    assert not titles(result)


def test_only_wins_over_skip(run: Run) -> None:
    """With both, `--benchmark-only` holds, as pytest-benchmark has it."""
    result = run("--benchmark-skip", "--benchmark-only")
    assert result.parseoutcomes()["passed"] == 2
    assert len(titles(result)) == 2


def test_a_wrong_kernel_is_no_unused_fixture(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that fails has no row, and pytest-benchmark does not warn of it as well."""
    monkeypatch.setenv("FAILS", "double")
    result = run("--benchmark-only", "-W", "error")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, failed=1, skipped=8)
    assert titles(result) == [f"twice[{CASE}]"]


def test_a_plain_benchmark_beside_kernels(
    kernels: Project, run: Run, request: pytest.FixtureRequest
) -> None:
    """A benchmark of the CPU is timed in a serial run; in workers it is off, told once."""
    result = run("--benchmark-only", "references", "tests", "--benchmark-columns=rounds")
    result.assert_outcomes(passed=3, skipped=8)
    assert len(titles(result)) == 2
    serial = "serial" in request.node.name
    assert (kernels.path / "enabled").read_text(encoding="utf-8") == str(serial)
    assert serial == any(line.startswith("test_sum ") for line in result.outlines)
    told = [line for line in result.errlines if "disabled because xdist plugin is active" in line]
    assert len(told) == (0 if serial else 1)


def test_a_crash_costs_its_own_rows(kernels: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured before a worker died is shown and saved."""
    monkeypatch.setenv("DIES", "twice")
    # One worker, so that it is the one that measured that dies.
    result = kernels.run("-n", "1", "--benchmark-only", "--benchmark-json=o.json")
    result.assert_outcomes(passed=1, failed=1, skipped=8)
    result.stdout.fnmatch_lines(["*worker 'gw0' crashed while running 'references/twice.py*"])
    assert titles(result) == [f"double[{CASE}]"]
    assert [row["fullname"] for row in read(kernels, "o.json")["benchmarks"]] == FULL[:2]
