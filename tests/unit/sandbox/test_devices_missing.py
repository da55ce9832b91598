"""A GPU that is asked for and is not there: said clearly, and nobody's candidate is blamed."""

from collections.abc import Callable
from pathlib import Path

from pytest_tritonbench.sandbox import Call, Delivered, Failure, Reason, Sandbox, stubs


def test_missing_gpu_is_no_fault_of_the_candidate(one_vector: Callable[..., Call]) -> None:
    """Inputs that cannot be moved to the device are the sandbox's failure, with its reason."""
    with Sandbox(device="cuda:99", spares=0) as sandbox:
        with sandbox.candidate("def f(x): return x\n", "f.py", "f") as candidate:
            failure = candidate.call(one_vector(candidate, [1.0]))
        assert isinstance(failure, Failure)
        assert (failure.reason, failure.fatal) == (Reason.SANDBOX, True)
        assert "CUDA" in failure.message or "GPU" in failure.message
        with sandbox.candidate("def f(): return 1\n", "f.py", "f") as untouched:
            delivered = untouched.call(Call(args=()))
        # The device is reached for only when somebody needs it.
        assert isinstance(delivered, Delivered)


def test_stubs_are_copied_into_a_workers_cache(tmp_path: Path) -> None:
    """What was built once lies in the cache of each worker; nothing built copies nothing."""
    cache = tmp_path / "cache"
    stubs.copy(tmp_path / "built", cache)
    assert not cache.exists()
    entry = tmp_path / "built" / "KEY" / "cuda_utils.so"
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"binary")
    cache.mkdir()
    stubs.copy(tmp_path / "built", cache)
    assert (cache / "KEY" / "cuda_utils.so").read_bytes() == b"binary"
