"""Launches compile for every target, within its limits, and then run on the CPU."""

from __future__ import annotations

import re
from typing import Any

Found = dict[str, dict[str, Any]]


def test_prepared_process_has_one_thread(outcome: Found) -> None:
    """Mending the interpreter and warming LLVM leave a process that can be forked."""
    assert outcome["threads_after_prepare"]["value"] == 1


def test_a_launch_compiles_for_every_target(outcome: Found) -> None:
    """One launch gives the right values and a report for each target."""
    found = outcome["several_targets"]["value"]
    assert found["right"]
    assert {r["target"] for r in found["reports"]} == {"sm_90", "sm_80", "gfx942"}
    for report in found["reports"]:
        assert report["kernel"] == "add_kernel"
        assert report["num_warps"] == 4
        assert report["registers"] > 0
        assert report["spills"] == 0
        assert report["compile_ms"] > 1
        assert report["signature"] == "x: *fp32, y: *fp32, out: *fp32, n: i32, BLOCK=32"


def test_a_second_launch_compiles_nothing(outcome: Found) -> None:
    """A specialisation that was launched before is remembered, and counted again."""
    found = outcome["several_targets"]["value"]
    assert (found["again"], found["count"]) == (0, 2)


def test_nothing_is_compiled_without_targets(outcome: Found) -> None:
    """Without targets a launch only runs, and compiles when its properties are asked for."""
    found = outcome["without_targets"]["value"]
    assert found["values"] == [2.0] * 4
    assert (found["compiled"], found["asked"], found["registers"], found["after"]) == (
        0,
        4,
        True,
        1,
    )


def test_shared_memory_is_limited(outcome: Found) -> None:
    """A tile that fits runs; one that does not is the error that a device raises."""
    assert outcome["shared_memory_fits"]["value"] == 65536
    error = outcome["shared_memory_exceeded"]["error"]
    assert "out of resource: shared memory, Required: 262144, Hardware limit: 101376" in error


def test_autotuner_takes_the_first_configuration_that_fits(outcome: Found) -> None:
    """A configuration past the limit is skipped, nothing is timed, and one launch is counted."""
    assert outcome["autotuner_takes_what_fits"]["value"] == [{"N": 16}, 16.0, 1]


def test_autotuner_compiles_no_further(outcome: Found) -> None:
    """Once a configuration compiles, the later ones are left alone."""
    assert outcome["autotuner_stops_at_the_first"]["value"] == ["out: *fp32, BLOCK=16"]


def test_descriptors_need_an_allocator(outcome: Found) -> None:
    """A descriptor made on the device fails without `triton.set_allocator`, as on a GPU."""
    without, total = outcome["descriptors_need_an_allocator"]["value"]
    assert "no allocator was set" in without
    assert total == 256.0


def test_autotuner_without_a_fitting_configuration(outcome: Found) -> None:
    """If no configuration compiles, the first one's error is raised."""
    error = outcome["autotuner_raises_the_first_error"]["error"]
    assert "shared memory, Required: 262144" in error


def test_a_handle_knows_its_occupancy(outcome: Found) -> None:
    """A warmed-up kernel has registers and shared memory, and the driver its processors."""
    assert outcome["occupancy_of_a_handle"]["value"] == [True, 0, 132]


def test_cubin_resources_agree_with_cuobjdump(outcome: Found) -> None:
    """Registers and spilled words are those that NVIDIA's own tool prints."""
    for target, (registers, spills, shown) in outcome["resources_of_cubin"]["value"].items():
        match = re.search(r"REG:(\d+) STACK:(\d+)", shown)
        assert match is not None, target
        assert (registers, spills * 4) == (int(match[1]), int(match[2]))
        assert spills > 0


def test_code_object_resources_agree_with_its_assembly(outcome: Found) -> None:
    """AMD's registers and spills are those of the assembly."""
    registers, spills, lines = outcome["resources_of_code_object"]["value"]
    numbers = [int(line.split(":")[1]) for line in lines]
    assert [registers, spills] == numbers


def test_empty_grids_and_tensors(outcome: Found) -> None:
    """A grid of no programs and empty tensors are launches like others."""
    assert outcome["empty_grid_and_argument"]["value"] == 2
