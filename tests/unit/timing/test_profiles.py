"""A profile is kept under safe names, and where there is none, its text says why."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_tritonbench.sandbox import Call, Failure, Reason
from pytest_tritonbench.timing import profiles
from pytest_tritonbench.timing.profile_place import Place, folder_of, safe
from pytest_tritonbench.timing.profile_report import ProfileSummary
from pytest_tritonbench.timing.profile_tools import Report, Tool, ToolError, Work
from pytest_tritonbench.timing.profiles import Profile, profile

TRACE = gzip.compress(b'{"traceEvents": []}')
WORK = Work("source", "kernels/f.py", "f", Call(args=()), b"")


class Profiled:
    """A candidate whose profile is known beforehand."""

    def __init__(self, answer: bytes | Failure) -> None:
        self.source, self.filename, self.entry = "source", "kernels/f.py", "f"
        self.answer = answer
        self.asked: list[tuple[float, bool]] = []

    def profile(self, call: Call, timeout: float, *, cold: bool) -> memoryview | Failure:
        """What was known."""
        assert call is WORK.call
        self.asked.append((timeout, cold))
        return self.answer if isinstance(self.answer, Failure) else memoryview(self.answer)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where profiles go."""
    return Place(tmp_path / "profiles", "f", "float32-n3")


def test_torch_writes_a_trace_and_a_table(place: Place) -> None:
    """The trace is kept as it came, the table beside it, and both are named."""
    candidate = Profiled(TRACE)
    found = profile("torch", candidate, WORK, place, cold=False, timeout=7)
    assert candidate.asked == [(7, False)]
    trace, table = found.files
    assert trace.read_bytes() == TRACE
    assert table.read_text() == "the trace has no kernel and no operator of torch\n"
    assert found.text.splitlines() == [
        "the trace has no kernel and no operator of torch",
        f"wrote {trace}",
        f"wrote {table}",
    ]
    assert found.made
    assert json.loads(json.dumps(found.as_json()))["files"] == [str(trace), str(table)]


def test_paths_are_shown_from_here(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path below the working directory is shown relative to it."""
    monkeypatch.chdir(place.folder.parent)
    text = profile("torch", Profiled(TRACE), WORK, place).text
    assert "wrote profiles/f/float32-n3.txt" in text


def test_a_kernel_that_fails_under_the_profiler(place: Place) -> None:
    """Its reason is the profile's text, and nothing is written."""
    failure = Failure(Reason.OUT_OF_MEMORY, "no room")
    found = profile("torch", Profiled(failure), WORK, place)
    assert not found.made
    assert found.text.endswith("under torch's profiler: out-of-memory: no room")
    assert not place.folder.exists()


def test_what_is_no_trace_is_not_kept(place: Place) -> None:
    """Bytes of a candidate's making that are no trace do not reach the disk."""
    found = profile("torch", Profiled(b"#!/bin/sh"), WORK, place)
    assert not found.made
    assert found.text.startswith("no profile: the trace cannot be unpacked")
    assert not place.folder.exists()


def test_a_folder_that_cannot_be_written(place: Place) -> None:
    """It is said with the path, and no test fails of it."""
    place.folder.write_text("a file")
    found = profile("torch", Profiled(TRACE), WORK, place)
    assert not found.made
    assert str(place.folder) in found.text


def test_other_tools_are_wrapped(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their files are named, and doubts and refusals told."""
    answers: list[Report | ToolError] = [
        Report((place.folder / "a.ncu-rep",)),
        Report((place.folder / "a.ncu-rep",), "it ended with status 1"),
        ToolError("Nsight Compute is not installed here"),
    ]

    def wrap(tool: Tool, work: Work, _: Place, *, device: str, timeout: float) -> Report:
        assert (tool.name, work, device, timeout) == ("ncu", WORK, "cuda:0", 5)
        answer = answers.pop(0)
        if isinstance(answer, ToolError):
            raise answer
        return answer

    monkeypatch.setattr(profiles, "wrap", wrap)
    found = [
        profile("ncu", Profiled(b""), WORK, place, device="cuda:0", timeout=5) for _ in range(3)
    ]
    name = place.folder / "a.ncu-rep"
    assert [one.text for one in found] == [
        f"wrote {name}",
        f"perhaps not whole: it ended with status 1\nwrote {name}",
        "Nsight Compute is not installed here",
    ]
    assert [one.made for one in found] == [True, True, False]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/abs", "..", ".hidden", "-rf", "a b", "", "ä", "x" * 300, "a\0b"]
)
def test_names_cannot_lead_out(place: Place, name: str) -> None:
    """Whatever a task, an author or a case is called, its files lie below the folder."""
    path = Place(place.folder, name, name, name or "me").file(".txt")
    path.write_text("x")
    assert path.resolve().is_relative_to(place.folder.resolve())
    assert path.parent.parent.parent == place.folder
    assert not path.name.startswith((".", "-"))
    assert path.name.isascii()


def test_names_that_differ_stay_different() -> None:
    """A usual id is its own name; those that had to be changed do not fall together."""
    usual = "float32-m4-n64-scale.0.5-x.transposed"
    assert safe(usual) == usual
    odd = ["a b", "a_b", "a/b", "a\ud800b", "x" * 121, "x" * 122]
    assert len({safe(name) for name in odd}) == len(odd)
    assert max(len(safe(name)) for name in odd) < 140


def test_authors_have_folders_of_their_own(place: Place) -> None:
    """Two models' kernels for one task and case have different files."""
    files = {Place(place.folder, "f", "c", author).file(".txt") for author in ("", "a", "b")}
    assert len(files) == 3


def test_profiles_lie_beside_the_records(tmp_path: Path) -> None:
    """Without a folder of records they have one of their own."""
    assert folder_of(tmp_path / "out", tmp_path) == tmp_path / "out" / "profiles"
    assert folder_of(None, tmp_path) == tmp_path / "tb-profiles"


def test_profiles_are_printed_by_test() -> None:
    """Records without timing or without a profile print nothing; the others come in order."""
    lines: list[str] = []
    terminal = SimpleNamespace(
        section=lambda title: lines.append(f"== {title}"),
        write_line=lambda text, **_: lines.append(text),
    )
    summary = ProfileSummary()
    summary.pytest_terminal_summary(terminal)  # type: ignore[arg-type]  # its stand-in
    assert lines == []
    records = [
        {"test": "c", "timing": None},
        {"test": "d", "timing": {"median_ms": 1.0}},
        {"test": "b", "timing": {"profile": Profile("second").as_json()}},
        {"test": "a", "timing": {"profile": Profile("first").as_json()}},
    ]
    summary.pytest_runtest_logreport(SimpleNamespace(tb_records=records))  # type: ignore[arg-type]
    summary.pytest_runtest_logreport(SimpleNamespace())  # type: ignore[arg-type]
    summary.pytest_terminal_summary(terminal)  # type: ignore[arg-type]
    assert lines == ["== profiles", "a", "first", "b", "second"]
