"""`--tb-timeout-PHASE`: a kernel that does not come back costs its phase's limit, not the run."""

import time

import pytest

from tests.integration.project import Project

STUCK = "while True: pass\n"


@pytest.mark.parametrize("phase", ["call", "exec", "fuzz"])
def test_a_phase_has_its_own_limit(double: Project, phase: str) -> None:
    """The limit of a phase ends a hang in that phase, with the reason hang-in-python."""
    double.kernel(before=STUCK)
    started = time.monotonic()
    result = double.run(
        *("-m", f"tb_{phase}", "-x", f"--tb-timeout-{phase}", "0.5", "--tb-results", "out")
    )
    assert time.monotonic() - started < 60
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert {r["reason"] for r in double.records() if r["outcome"] == "failed"} == {"hang-in-python"}


def test_a_hang_in_fuzz_is_not_paid_for_at_every_step_of_shrinking(double: Project) -> None:
    """Only the first case that hangs is run again to confirm it; no other one is tried."""
    ran = double.path / "ran.txt"
    text = (double.path / "references/double.py").read_text()
    double.write(
        "references/double.py",
        text.replace(
            "    return x * 2\n",
            f"    with open({str(ran)!r}, 'a') as file:\n"
            "        print(x.shape[1], file=file)\n"
            "    return x * 2\n",
        ),
    )
    double.kernel(before="while n > 20: pass\n")
    assert double.run_here("--co", "-q").ret == pytest.ExitCode.OK
    ran.unlink()
    result = double.run("-m", "tb_fuzz", "--tb-timeout-fuzz", "1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["double: hang-in-python: *"])
    # The reference runs three times a case: in its own dtype, in float64 and nearby.
    hanging = [int(n) for n in ran.read_text().split() if int(n) > 20]
    assert len(set(hanging)) == 1
    assert 1 <= len(hanging) / 3 <= 4
