"""Records of CUPTI are asked for as its documentation says, and turned into spans.

A stand-in for the package notes what is asked of it; no GPU and no CUDA take part.
"""

from __future__ import annotations

import enum
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from pytest_tritonbench.sandbox import cupti as real


class Kind(enum.IntEnum):
    """Three of CUPTI's kinds of activity, and one that nobody asked for."""

    MEMCPY = 1
    MEMSET = 2
    CONCURRENT_KERNEL = 10
    OVERHEAD = 17


class Cupti(ModuleType):
    """The module `cupti.cupti`; what runs on the device is put into `ran`."""

    ActivityKind = Kind
    cuptiError = type("cuptiError", (Exception,), {})  # noqa: N815 - CUPTI's name

    def __init__(self) -> None:
        super().__init__("cupti.cupti")
        self.log: list[Any] = []
        self.ran: list[SimpleNamespace] = []
        self.refuses = ""
        self._complete: Callable[[list[Any]], None] = lambda _: None

    def _note(self, name: str, *arguments: int) -> None:
        self.log.append((name, *map(int, arguments)))
        if self.refuses == name:
            raise self.cuptiError("CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED")

    def activity_register_callbacks(
        self,
        requested: Callable[[], tuple[int, int]],
        completed: Callable[[list[Any]], None],
    ) -> None:
        """Take the two callbacks."""
        size, most = requested()
        self._note("register", size, most)
        self._complete = completed

    def activity_enable(self, kind: int) -> None:
        """Begin to record a kind."""
        self._note("enable", kind)

    def activity_disable(self, kind: int) -> None:
        """End to record a kind."""
        self._note("disable", kind)

    def activity_flush_all(self, flag: int) -> None:
        """Hand over what was recorded."""
        self._note("flush", flag)
        ran, self.ran = self.ran, []
        self._complete(ran)
        for record in ran:
            # Its memory is CUPTI's again.
            vars(record).clear()


def record(kind: Kind, start: int, end: int, **more: Any) -> SimpleNamespace:
    """An activity record."""
    return SimpleNamespace(kind=int(kind), start=start, end=end, **more)


def load(
    monkeypatch: pytest.MonkeyPatch,
    fake: Cupti | None,
    version: str = "13.4.0",
    *,
    whole: bool = True,
) -> Any:
    """The module, imported afresh where the package is the stand-in."""

    def versions(name: str) -> str:
        assert name == "cupti-python"
        if fake is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", versions)
    monkeypatch.setitem(sys.modules, "cupti", ModuleType("cupti"))
    # With `None` for it, an import fails.
    monkeypatch.setitem(sys.modules, "cupti.cupti", fake if whole else None)
    assert real.__spec__ is not None
    assert real.__file__ is not None
    spec = importlib.util.spec_from_file_location(real.__name__, real.__file__)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    monkeypatch.setitem(sys.modules, real.__name__, made)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def fake() -> Cupti:
    """The stand-in for the package."""
    return Cupti()


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, fake: Cupti) -> Any:
    """The module on a machine with CUDA 13 and the package."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: fake.log.append("synchronize"))
    return load(monkeypatch, fake)


def test_a_call_is_recorded(module: Any, fake: Cupti) -> None:
    """Kernels, copies and fills of the call alone come back, in the order of their start."""
    fake.ran = [record(Kind.CONCURRENT_KERNEL, 1, 2, name="before")]

    def call() -> None:
        fake.log.append("call")
        fake.ran = [
            record(Kind.CONCURRENT_KERNEL, 2000, 3500, name="second"),
            record(Kind.MEMCPY, 1000, 1500),
            record(Kind.OVERHEAD, 1, 9000),
            record(Kind.MEMSET, 1600, 1700),
            record(Kind.CONCURRENT_KERNEL, 1000, 1400, name="zeta"),
        ]

    spans = module.kernel_spans(call)
    assert [(span.name, span.start_ns, span.end_ns) for span in spans] == [
        ("zeta", 1000, 1400),
        ("memcpy", 1000, 1500),
        ("memset", 1600, 1700),
        ("second", 2000, 3500),
    ]
    assert module.available() is None
    assert module.extent_ms(spans) == pytest.approx(0.0025)


def test_the_device_has_finished_before_records_are_taken(module: Any, fake: Cupti) -> None:
    """Callbacks come first, then the kinds; the device is waited for before each flush."""
    module.kernel_spans(lambda: fake.log.append("call"))
    assert fake.log == [
        "synchronize",
        ("register", 1 << 20, 0),
        ("enable", Kind.CONCURRENT_KERNEL),
        ("enable", Kind.MEMCPY),
        ("enable", Kind.MEMSET),
        ("flush", 1),
        "call",
        "synchronize",
        ("flush", 1),
    ]


def test_recording_goes_on_until_it_is_ended(module: Any, fake: Cupti) -> None:
    """The second call finds it on; after `stop` nothing is recorded any more."""
    for _ in range(2):
        module.kernel_spans(lambda: None)
    kinds = [Kind.CONCURRENT_KERNEL, Kind.MEMCPY, Kind.MEMSET]
    assert [entry[1] for entry in fake.log if entry[0] == "enable"] == kinds
    module.stop()
    assert [entry[1] for entry in fake.log if entry[0] == "disable"] == kinds[::-1]


def test_callbacks_are_registered_once(module: Any, fake: Cupti) -> None:
    """A second call uses the callbacks of the first, and none of its records."""
    for _ in range(2):
        fake.ran = []
        spans = module.kernel_spans(lambda: fake.ran.append(record(Kind.MEMSET, 5, 7)))
        assert len(spans) == 1
    assert [entry[0] for entry in fake.log if entry[0] == "register"] == ["register"]


def test_a_candidate_cannot_take_its_place(module: Any, fake: Cupti) -> None:
    """What a candidate puts into the package after the import is not what is called."""

    def cheat(*_: Any) -> None:
        raise AssertionError("the cheat was called")

    for name in ("activity_flush_all", "activity_enable", "activity_register_callbacks"):
        setattr(fake, name, cheat)
    spans = module.kernel_spans(lambda: fake.ran.append(record(Kind.MEMSET, 5, 7)))
    assert len(spans) == 1


@pytest.mark.parametrize("what", ["register", "enable", "flush"])
def test_a_refusal_is_told(module: Any, fake: Cupti, what: str) -> None:
    """CUPTI that another profiler has raises our error with CUPTI's own words."""
    fake.refuses = what
    with pytest.raises(module.CuptiError, match="MULTIPLE_SUBSCRIBERS"):
        module.kernel_spans(lambda: None)


def test_a_failing_call_ends_the_recording(module: Any, fake: Cupti) -> None:
    """The call's own exception comes through, and nothing is recorded any more."""

    def call() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        module.kernel_spans(call)
    assert [entry[1] for entry in fake.log if entry[0] == "disable"] == [2, 1, 10]


@pytest.mark.parametrize(("start", "end"), [(0, 0), (7, 5)])
def test_records_without_times(module: Any, fake: Cupti, start: int, end: int) -> None:
    """Zeros are CUPTI's way to say that it has no times; they are no duration."""
    with pytest.raises(module.CuptiError, match="without times"):
        module.kernel_spans(lambda: fake.ran.append(record(Kind.MEMSET, start, end)))


def test_nothing_ran(module: Any) -> None:
    """A call that does nothing on the device has no spans and takes no time of it."""
    assert module.extent_ms(module.kernel_spans(lambda: None)) == 0


@pytest.mark.parametrize(
    ("installed", "version", "cuda", "told"),
    [
        (False, "", "13.0", "not installed"),
        (True, "12.8.0", "13.0", "12.8.0"),
        (True, "13.4.0", None, "CUDA None"),
        (True, "13.4.0", "12.9", "CUDA 12.9"),
    ],
)
def test_why_it_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    cuda: str | None,
    told: str,
    *,
    installed: bool,
) -> None:
    """A missing or old package and another CUDA are named, and calls are refused with that."""
    monkeypatch.setattr(torch.version, "cuda", cuda)
    module = load(monkeypatch, Cupti() if installed else None, version)
    assert told in module.available()
    with pytest.raises(module.CuptiError, match=told):
        module.kernel_spans(lambda: None)


def test_a_package_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose library is missing is a reason, not an error at import."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    module = load(monkeypatch, Cupti(), whole=False)
    assert "cannot be imported" in module.available()
