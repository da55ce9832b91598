"""Hypothesis's own switches work on test_fuzz: seed, profiles, and the database of failures."""

from typing import Any

import pytest

from tests.integration.project import Project

FUZZ = ("-m", "tb_fuzz", "--tb-results")


def drawn(project: Project, folder: str) -> list[Any]:
    """The cases that a run recorded, in order."""
    return [record["case"] for record in project.records(folder)]


def test_a_seed_repeats_the_cases(double: Project) -> None:
    """`--hypothesis-seed` gives the same cases each time and is kept in the records."""
    for folder, seed in (("one", "5"), ("same", "5"), ("other", "6")):
        assert double.run(*FUZZ, folder, f"--hypothesis-seed={seed}").ret == pytest.ExitCode.OK
    assert drawn(double, "one") == drawn(double, "same") != drawn(double, "other")
    assert {record["seed"] for record in double.records("one")} == {5}


def test_a_profile_sets_the_number_of_cases(double: Project) -> None:
    """`--hypothesis-profile` is obeyed, and `--tb-examples` wins over it."""
    double.write(
        "conftest.py",
        """
        from hypothesis import settings

        settings.register_profile("brief", max_examples=6)
        """,
    )
    double.run(*FUZZ, "profile", "--hypothesis-profile=brief", "--hypothesis-seed=text")
    double.run(*FUZZ, "both", "--hypothesis-profile=brief", "--tb-examples=3")
    assert len(drawn(double, "profile")) == 6
    assert {record["seed"] for record in double.records("profile")} == {"text"}
    assert len(drawn(double, "both")) == 3


def test_a_failing_case_is_found_again_from_the_database(double: Project) -> None:
    """A rare failure that one run found is the first case that the next run tries."""
    # Without a seed: Hypothesis leaves its database alone where one is given.
    double.kernel(value="tl.where(n % 16 == 5, x * 3, x * 2)")
    first = double.run(*FUZZ, "first", "--tb-examples=500")
    assert first.ret == pytest.ExitCode.TESTS_FAILED
    second = double.run(*FUZZ, "second", "--tb-examples=1")
    assert second.ret == pytest.ExitCode.TESTS_FAILED
    [failed] = drawn(double, "second")
    assert failed == drawn(double, "first")[-1]
    assert failed["n"] % 16 == 5
