"""Code for a GPU runs on the CPU."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_tensors_believe_to_be_on_a_gpu(outcome: Found) -> None:
    """Every way to make a tensor on CUDA gives one that says so and holds its data here."""
    found = outcome["cuda_on_the_cpu"]["value"]
    assert found["is_cuda"] == [True] * 6
    assert found["device"] == "cuda:0"
    assert found["data_is_here"]
    assert found["module"]


def test_autograd_works(outcome: Found) -> None:
    """Gradients flow through moves to the device."""
    assert outcome["cuda_on_the_cpu"]["value"]["grad"] == [1.0] * 6


def test_device_is_described(outcome: Found) -> None:
    """`torch.cuda` tells of the target, and events, streams and generators work."""
    found = outcome["cuda_on_the_cpu"]["value"]
    assert found["available"]
    assert found["capability"] == [9, 0]
    assert found["processors"] == 132
    assert found["elapsed"]
    assert found["isinstance"]


def test_hip_is_described(outcome: Found) -> None:
    """For an AMD target torch and Triton's driver say HIP."""
    assert outcome["hip_on_the_cpu"]["value"] == [None, True, "hip", 64]


def test_triton_timing_loop_runs(outcome: Found) -> None:
    """A candidate that times itself with `do_bench` gets a positive time."""
    assert outcome["timing_loop_works"]["value"] is True
