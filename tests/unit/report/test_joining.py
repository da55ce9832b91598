"""Results of the parts of a run, joined."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.__main__ import main
from pytest_tritonbench.report.records import read_records
from tests.unit.report_pages.made import record


def _benchmark(name: str) -> dict[str, Any]:
    stats = {"median": 1e-5, "mean": 1e-5, "min": 1e-5, "max": 1e-5, "stddev": 0.0, "iqr": 0.0}
    return {
        "group": None,
        "name": name,
        "fullname": f"references/{name}.py::test_bench",
        "params": None,
        "param": None,
        "extra_info": {},
        "options": {},
        "stats": {**stats, "rounds": 5, "iterations": 1, "ops": 1e5, "outliers": "0;0"},
    }


def _saved(*names: str, gpu: str | None = "NVIDIA H200", **others: Any) -> dict[str, Any]:
    info = {"node": f"host-{names[0]}", "machine": "x86_64", "cpu": {}, **others}
    return {
        "machine_info": info if gpu is None else {**info, "gpu": gpu},
        "commit_info": {"id": "abc", "time": "2026-01-01"},
        "benchmarks": [_benchmark(name) for name in names],
        "datetime": f"2026-01-01T00:00:0{len(names)}",
        "version": "5.3.1",
    }


def _part(folder: Path, *records: Any, saved: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True)
    if records:
        (folder / "records.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in records))
    if saved is not None:
        (folder / "times.json").write_text(json.dumps(saved))
    return folder


@pytest.fixture
def parts(tmp_path: Path) -> list[str]:
    """Two parts with records, answers and timings."""
    made = []
    for name in ("one", "two"):
        folder = _part(tmp_path / name, record(model=name), saved=_saved(name))
        rows = [{"hash": "h", "text": "both"}, {"hash": f"h-{name}", "text": name}]
        (folder / "answers.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in rows))
        made.append(str(folder))
    return made


def _join(parts: list[str], out: Path, *more: str) -> int:
    return main(["join", *parts, "--out", str(out), *more])


def test_the_whole_has_what_the_parts_had(
    parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records and benchmarks of all, each answer once, and a line that says so."""
    assert _join(parts, tmp_path / "all", "--shards", "2") == 0
    assert [r["model"] for r in read_records(tmp_path / "all")] == ["one", "two"]
    answers = (tmp_path / "all/answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["hash"] for line in answers] == ["h", "h-one", "h-two"]
    whole = json.loads((tmp_path / "all/benchmark.json").read_text())
    assert [one["name"] for one in whole["benchmarks"]] == ["one", "two"]
    assert whole["machine_info"]["gpu"] == "NVIDIA H200"
    assert [p["node"] for p in whole["machine_info"]["parts"]] == ["host-one", "host-two"]
    told = capsys.readouterr().out
    assert told.startswith("joined: 2 records and 2 benchmarks of 2 parts: ")


def test_the_whole_is_a_report_like_another(parts: list[str], tmp_path: Path) -> None:
    """The command that writes the report takes it."""
    assert _join(parts, tmp_path / "all") == 0
    assert main([str(tmp_path / "all"), "--out", str(tmp_path / "page")]) == 0
    assert (tmp_path / "page/report.html").exists()


def test_pytest_benchmark_reads_the_whole(parts: list[str], tmp_path: Path) -> None:
    """`pytest-benchmark compare` shows the rows of both parts."""
    assert _join(parts, tmp_path / "all") == 0
    command = [sys.executable, "-m", "pytest_benchmark", "compare", "all/benchmark.json"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "one" in done.stdout
    assert "two" in done.stdout


@pytest.mark.parametrize("flags", [(), ("--any-gpu",)])
def test_other_models_of_gpu_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    """Unless they were asked for; the message names both and the option."""
    parts = [
        str(_part(tmp_path / "a", saved=_saved("a"))),
        str(_part(tmp_path / "b", saved=_saved("b", gpu="NVIDIA A100"))),
    ]
    assert _join(parts, tmp_path / "all", *flags) == (0 if flags else 2)
    assert (tmp_path / "all/benchmark.json").exists() == bool(flags)
    if not flags:
        told = capsys.readouterr().err
        assert "b/times.json was measured on NVIDIA A100, and this is NVIDIA H200" in told
        assert "--any-gpu" in told


def test_a_silent_part_does_not_hide_two_models(tmp_path: Path) -> None:
    """The others are compared, though the first does not say what it ran on."""
    parts = [
        str(_part(tmp_path / "a", saved=_saved("a", gpu=None))),
        str(_part(tmp_path / "b", saved=_saved("b"))),
        str(_part(tmp_path / "c", saved=_saved("c", gpu="NVIDIA A100"))),
    ]
    assert _join(parts, tmp_path / "all") == 2


def test_what_is_odd_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Different commits, and a part that does not name its GPU: joined, told, exit code 1."""
    other = {**_saved("b", gpu=None), "commit_info": {"id": "def"}}
    parts = [
        str(_part(tmp_path / "a", saved=_saved("a"))),
        str(_part(tmp_path / "b", saved=other)),
    ]
    assert _join(parts, tmp_path / "all") == 1
    told = capsys.readouterr().err
    assert "different commits: abc, def" in told
    assert "b/times.json: not told which GPU" in told


def test_one_test_in_two_parts_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs of a part, or two runs that are no parts: no mean of both is made up."""
    parts = [str(_part(tmp_path / n, saved=_saved("same"))) for n in ("a", "b")]
    assert _join(parts, tmp_path / "all") == 2
    assert "references/same.py::test_bench is in" in capsys.readouterr().err


def test_a_part_that_was_named_twice(
    parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its records are taken once."""
    for part in parts:
        (Path(part) / "times.json").unlink()
    assert _join([*parts, parts[0]], tmp_path / "all") == 0
    assert "2 records (1 were there twice)" in capsys.readouterr().out
    assert len(read_records(tmp_path / "all")) == 2


def test_a_part_without_results_is_missed(
    parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder, a folder that is not there, and a number of parts that is another."""
    (tmp_path / "empty").mkdir()
    assert _join([*parts, str(tmp_path / "empty")], tmp_path / "all") == 2
    assert "did this part run?" in capsys.readouterr().err
    assert _join([*parts, str(tmp_path / "none")], tmp_path / "all") == 2
    assert "is not there" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        _join(parts, tmp_path / "all", "--shards", "4")
    assert "2 parts are given, and --shards says 4" in capsys.readouterr().err
    assert not (tmp_path / "all").exists()


def test_results_are_not_written_over(
    parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Joining twice into one folder would count everything twice."""
    assert _join(parts, tmp_path / "all") == 0
    before = (tmp_path / "all/records.jsonl").read_bytes()
    assert _join(parts, tmp_path / "all") == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "all/records.jsonl").read_bytes() == before


def test_files_may_be_named(parts: list[str], tmp_path: Path) -> None:
    """One file of a folder that has more than is wanted."""
    named = [f"{part}/times.json" for part in parts] + [f"{parts[0]}/records.jsonl"]
    assert _join(named, tmp_path / "all") == 0
    assert len(read_records(tmp_path / "all")) == 1


def test_other_json_is_left_alone(parts: list[str], tmp_path: Path) -> None:
    """A folder may hold JSON that is not pytest-benchmark's, or none at all despite its name."""
    (Path(parts[0]) / "notes.json").write_text('{"benchmarks": []}')
    (Path(parts[0]) / "broken.json").write_text("{")
    assert _join(parts, tmp_path / "all") == 0


def test_a_torn_line_is_told(
    parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part that was killed while it wrote loses that line, and the whole says so."""
    with (Path(parts[0]) / "records.jsonl").open("a") as file:
        file.write('{"task": "re')
    assert _join(parts, tmp_path / "all") == 1
    assert "records.jsonl:2: no JSON" in capsys.readouterr().err
