"""Answers of models that were asked: their code on the page, and the command that repeats one."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.pages.replay import command
from pytest_tritonbench.report.pages.sources import kernel_files


def record(**fields: Any) -> dict[str, Any]:
    """A record of a fuzz test of a model's second answer."""
    return {
        "task": "softmax",
        "phase": "fuzz",
        "test": "references/softmax.py::test_fuzz[claude-1]",
        "suite": None,
        "model": "claude",
        "sample": 1,
        "case": {"m": 2},
        "seed": None,
        "candidate": "generations/1.py",
        "generation": None,
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {},
            (
                "'references/softmax.py::test_fuzz[claude-1]' --tb-model claude --tb-offline "
                "--tb-samples 2 --tb-case '{\"m\": 2}'"
            ),
        ),
        (
            {"test": "references/softmax.py::test_exec[claude-0-float32-m2]", "sample": 0},
            (
                "'references/softmax.py::test_fuzz[claude-0]' --tb-model claude --tb-offline "
                "--tb-case '{\"m\": 2}'"
            ),
        ),
        (
            {
                "suite": "TritonBench-T",
                "test": "TritonBench-T::softmax::test_exec[claude-0]",
                "sample": 0,
                "phase": "exec",
                "case": None,
            },
            (
                "'TritonBench-T::softmax::test_exec[claude-0]' --tb-suite=CHECKOUT "
                "--tb-model claude --tb-offline"
            ),
        ),
        (
            {
                "suite": "TritonBench-T",
                "test": "TritonBench-T::softmax::test_exec[claude]",
                "sample": 0,
                "phase": "exec",
                "case": None,
            },
            (
                "'TritonBench-T::softmax::test_exec[claude]' --tb-suite=CHECKOUT "
                "--tb-predictions=claude=FILE"
            ),
        ),
    ],
)
def test_an_answer_is_repeated_from_disk(fields: dict[str, Any], told: str) -> None:
    """The command names the author and asks nobody; answers of files are named as ever."""
    assert command(record(**fields)) == f"pytest {told}"


def test_every_sample_has_its_code(tmp_path: Path) -> None:
    """Texts stand in the order of the samples; what is gone or was changed since leaves a gap."""
    records = []
    for sample, text in enumerate(("zero", "one", "two")):
        (tmp_path / f"{sample}.py").write_text(text)
        judged = "another" if sample == 1 else text
        digest = hashlib.sha256(judged.encode()).hexdigest()
        records.append(record(sample=sample, candidate=f"{sample}.py", candidate_hash=digest))
    found = kernel_files(reversed(records), tmp_path)
    assert found == {("", "claude", "softmax"): ["zero", "", "two"]}
