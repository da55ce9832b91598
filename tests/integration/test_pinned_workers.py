"""Workers of pytest-xdist have their GPU from the start, and replacements that of the dead.

The GPUs are made up: what counts is what a worker's environment says.
"""

import pytest

CONFTEST = """
    import os, pathlib
    import pytest
    from pytest_tritonbench import pinning
    from pytest_tritonbench.sandbox.devices import Gpu

    GPUS = tuple(Gpu(n, f"GPU-{n * 4}", "made up", 1, "9.0", "580") for n in ("a", "b", "c"))
    # Before any test is imported.
    EARLY = os.environ.get("CUDA_VISIBLE_DEVICES")
    WORKER = os.environ.get("PYTEST_XDIST_WORKER")
    if WORKER:
        assert os.environ[pinning.VARIABLE] == EARLY
        pathlib.Path(f"seen-{WORKER}").write_text(EARLY)

    @pytest.hookimpl
    def pytest_xdist_setupnodes(config, specs):
        pinning.pin(specs, GPUS)
"""

TESTS = """
    import os, pathlib, time
    import pytest

    @pytest.mark.parametrize("n", range(12))
    def test_where(worker_id, n):
        dead = pathlib.Path("dead")
        if worker_id == "gw1" and not dead.exists():
            dead.write_text("")
            os._exit(9)
        if dead.exists() and dead.read_text() != "long":
            for _ in range(300):
                if pathlib.Path("seen-gw3").exists():
                    return
                time.sleep(0.1)
"""


@pytest.fixture
def repository(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Tests that note the GPU of their worker, of which the second dies once."""
    for name in ("PYTEST_XDIST_WORKER", "CUDA_VISIBLE_DEVICES", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_places=TESTS)
    return pytester


def _seen(repository: pytest.Pytester) -> dict[str, str]:
    """The GPU of each worker, by the worker's name."""
    return {path.name.split("-")[1]: path.read_text() for path in repository.path.glob("seen-*")}


def test_a_replacement_has_the_gpu_of_the_dead(repository: pytest.Pytester) -> None:
    """gw3 replaces gw1 and has its GPU; by its number it would have that of gw0."""
    result = repository.runpytest_subprocess("-n", "3", timeout=120)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["*replacing crashed worker gw1*"])
    assert _seen(repository) == {
        "gw0": "GPU-aaaa",
        "gw1": "GPU-bbbb",
        "gw2": "GPU-cccc",
        "gw3": "GPU-bbbb",
    }


def test_an_outer_variable_is_what_is_shared_out(
    repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the workers a CUDA_VISIBLE_DEVICES of the whole run gives way to that of each."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    (repository.path / "dead").write_text("long")
    result = repository.runpytest_subprocess("-n", "2", timeout=120)
    result.assert_outcomes(passed=12)
    assert _seen(repository) == {"gw0": "GPU-aaaa", "gw1": "GPU-bbbb"}
