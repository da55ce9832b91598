"""Every tensor knows whether it is on the GPU that is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Found = dict[str, dict[str, Any]]

MIXED = (
    "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, "
    "cuda:0 and cpu!"
)


def refusal(position: int) -> str:
    """What Triton says of a tensor of the CPU."""
    return (
        f"ValueError: Pointer argument (at {position}) cannot be accessed from Triton (cpu tensor?)"
    )


@pytest.fixture(scope="module")
def facts(run_apart: Callable[..., Found]) -> Found:
    """What code finds."""
    return run_apart("device_facts.py")


def test_launch_refuses_tensors_of_the_cpu(facts: Found) -> None:
    """A launch with a CPU tensor raises the driver's error, with its position, and runs nothing."""
    found = facts["launches"]["value"]
    assert found["first"] == found["no programs"] == refusal(0)
    assert found["third"] == refusal(2)
    assert found["in a tuple"] == refusal(1)
    assert found["untouched"] == [1.0] * 4


def test_launch_takes_what_a_gpu_can_reach(facts: Found) -> None:
    """Moved, pinned and empty tensors are launched with."""
    found = facts["launches"]["value"]
    assert [found[name] for name in ("moved", "pinned", "empty")] == [None] * 3
    assert found["values"] == [0.0, 1.0, 2.0, 3.0]


def test_makers_put_tensors_where_they_are_asked_to(facts: Found) -> None:
    """A new tensor is where its device, the tensor it is made like, or the default says."""
    found = facts["makers"]["value"]
    assert set(found["cuda"]) == {"cuda:0"}
    assert set(found["cpu"]) == {"cpu"}
    assert found["meta"] == ["meta"]


def test_default_device_and_context(facts: Found) -> None:
    """A default device and `with torch.device` hold for makers, and end."""
    found = facts["defaults"]["value"]
    assert found["default"] == ["cuda:0", "cuda:0", "cpu"]
    assert found["named"] == "cuda:0"
    assert found["inside"] == found["reset"] == ["cpu", "cpu"]
    assert found["context"] == ["cuda:0"] * 3


def test_results_are_where_their_arguments_are(facts: Found) -> None:
    """Views, copies and results of operations stay; a scalar of the CPU goes along."""
    found = facts["derived"]["value"]
    assert found["cuda"] == ["cuda:0"]
    assert found["cpu"] == ["cpu"]
    assert found["scalars"] == ["cuda:0"] * 2


def test_moves_copy(facts: Found) -> None:
    """A move to another device gives a copy there, one to the same device the tensor itself."""
    found = facts["moves"]["value"]
    assert set(found["cuda"]) == {"cuda:0"}
    assert set(found["cpu"]) == {"cpu"}
    assert found["copies"] == [[1.0] * 3, [1.0] * 3]
    assert found["same"] == [True] * 4
    assert found["grad_fn"]


def test_pinned_memory(facts: Found) -> None:
    """Memory of the CPU can be pinned, a GPU's cannot."""
    pinned, plain, error = facts["moves"]["value"]["pinned"]
    assert (pinned, plain) == (True, False)
    assert error.startswith("RuntimeError: cannot pin 'torch.cuda.FloatTensor'")


def test_tensors_say_where_they_are(facts: Found) -> None:
    """`is_cuda`, `is_cpu`, `get_device`, `device`, `type` and the printed form agree."""
    found = facts["answers"]["value"]
    device = "device(type='cuda', index=0)"
    assert found["cuda"] == [True, False, 0, device, "tensor([1., 1., 1.], device='cuda:0')"]
    assert found["cpu"] == [False, True, -1, "device(type='cpu')", "tensor([1., 1., 1.])"]
    assert facts["moves"]["value"]["types"] == ["torch.cuda.FloatTensor", "torch.FloatTensor"]


def test_devices_do_not_mix(facts: Found) -> None:
    """An operation on tensors of two devices raises torch's error and changes nothing."""
    found = facts["mixing"]["value"]
    assert set(found["refused"].values()) == {MIXED}
    assert found["index"].startswith("RuntimeError: indices should be either on cpu or on the same")
    assert found["untouched"] == [1.0, [1.0] * 3]


def test_what_may_mix(facts: Found) -> None:
    """Scalars, copies, indices and what looks at shapes alone may be of the CPU."""
    assert set(facts["mixing"]["value"]["allowed"].values()) == {None}


def test_arrays_are_of_the_cpu(facts: Found) -> None:
    """A CUDA tensor is no array, and shares no memory with one."""
    found = facts["arrays"]["value"]
    assert found["numpy"] == found["asarray"]
    assert found["numpy"].startswith("TypeError: can't convert cuda:0 device type tensor to numpy.")
    assert found["forced"] == [1.0] * 3
    assert found["fine"] == [[1.0] * 3] * 2
    assert found["shared"] == [1.0, 1.0]


def test_backward_passes_are_redirected(facts: Found) -> None:
    """A backward pass of the candidate's can make CUDA tensors, and gradients are on its device."""
    found = facts["autograd"]["value"]
    assert found["seen"] == [["cuda:0", "cuda:0", True]] * 2
    assert found["values"] == [[2.0] * 3] * 2
    assert set(found["cuda"]) == {"cuda:0"}
    assert set(found["cpu"]) == {"cpu"}
    assert found["stepped"]


def test_generators_have_devices(facts: Found) -> None:
    """A generator draws on its own device only."""
    found = facts["generators"]["value"]
    assert found["devices"] == found["right"] == ["cuda:0", "cpu"]
    for error, (wanted, own) in zip(
        found["wrong"], [("cuda", "cpu"), ("cpu", "cuda"), ("cuda", "cpu")], strict=True
    ):
        assert error == (
            f"RuntimeError: Expected a '{wanted}' device type for generator but found '{own}'"
        )


def test_decompositions_stay(facts: Found) -> None:
    """What the CPU's linear algebra is given beyond torch stays on its argument's device."""
    assert set(facts["linear_algebra"]["value"]) == {"cuda:0"}


def test_marks_go_with_the_memory(facts: Found) -> None:
    """A mark lasts as long as any view and keeps no memory alive."""
    assert facts["memory"]["value"] == {"kept": ["cuda:0"], "freed": True}
