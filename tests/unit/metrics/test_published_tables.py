"""The paper's tables as data."""

import pytest

from pytest_tritonbench.report.metrics.published_tables import (
    document,
    published_difficulties,
    published_errors,
    published_row,
    rows,
)

TASKS = {"TritonBench-G": 184, "TritonBench-T": 166}


def test_off_grid_marks_are_exactly_the_impossible_values() -> None:
    """A percentage that no count of tasks gives, after rounding or cutting off, is marked."""
    for row in rows():
        for metric in ("call", "exec"):
            value, n = row.values[metric], TASKS[row.suite]
            k = round(value * n / 100)
            # The paper rounds some percentages and cuts off or bumps the last digit of others.
            possible = abs(100 * k / n - value) <= 0.0101
            assert possible == (metric not in row.off_grid), (row.model, row.setting, metric)


def test_every_row_has_a_file_of_its_own() -> None:
    """Nine models in two settings and two suites, each made from one prediction file."""
    files = [(row.suite, row.file) for row in rows()]
    assert len(files) == len(set(files)) == 36


@pytest.mark.parametrize(
    ("suite", "model", "values"),
    [
        ("TritonBench-G", "output_gpt-4o_comp", (10.87, 10.33)),
        ("TritonBench-G", "G_output_gpt-4o_comp_rag.jsonl", (17.93, 16.84)),
        ("TritonBench-T", "gpt-4o", (36.75, 36.75)),
        ("TritonBench-T", "output_DeepSeek-R1_rag", (45.78, 45.78)),
        ("TritonBench-G", "output_DeepSeek-R1_comp_", (13.59, 13.05)),
    ],
)
def test_row_is_found_by_the_name_of_a_file(
    suite: str, model: str, values: tuple[float, float]
) -> None:
    """The stem of a prediction file leads to its row, however it was renamed."""
    row = published_row(suite, model)
    assert row is not None
    assert (row.values["call"], row.values["exec"]) == values


@pytest.mark.parametrize("stem", ["output_gpt-4o_simp", "output_DeepSeek-R1_comp", "mine"])
def test_file_without_a_row(stem: str) -> None:
    """Simple instructions, unfinished copies and new models have no row."""
    assert published_row("TritonBench-G", stem) is None
    assert published_errors("TritonBench-G", stem) is None


def test_error_percentages_add_up() -> None:
    """Tables 5 and 6 sum to 100 % for each model."""
    for entry in document()["errors"]:
        assert sum(entry["percent"].values()) == pytest.approx(100, abs=0.02)


def test_figures_are_found_by_file() -> None:
    """Figures 4 and 5 count successes by difficulty for the models that they show."""
    found = published_difficulties("TritonBench-G", "output_o1-2024-12-17_comp")
    assert found == {"1": 3, "2": 10, "3": 10, "4": 2, "5": 1}
    assert published_difficulties("TritonBench-G", "output_gpt-4o_comp") is None
    found = published_errors("TritonBench-T", "output_o1-2024-12-17")
    assert found is not None
    assert found["Syntax"] == 24.06
