"""What a GPU can do is kept from run to run, and not believed blindly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.metrics.efficiency import datasheet
from pytest_tritonbench.timing.peaks import Key, Peaks, fastest, implausible, read, write

KEY = Key("GPU-1", "580.1", "2.11.0")
PEAKS = Peaks(4022.0, {"float16": 790.0, "float32": 51.0}, 4310.0, 4150.0, 62914560)


def _change(folder: Path, **parts: Any) -> None:
    """Put something else into the one file of a folder."""
    [file] = folder.iterdir()
    kept = json.loads(file.read_text())
    kept["peaks"].update(parts.pop("peaks", {}))
    file.write_text(json.dumps({**kept, **parts}))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """A second run reads what the first one measured, to the last digit."""
    file = write(tmp_path / "new", KEY, PEAKS)
    assert read(tmp_path / "new", KEY) == PEAKS
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "other",
    [Key("GPU-2", "580.1", "2.11.0"), Key("GPU-1", "590", "2.11.0"), Key("GPU-1", "580.1", "2.13")],
    ids=["gpu", "driver", "torch"],
)
def test_other_surroundings_are_measured_anew(tmp_path: Path, other: Key) -> None:
    """Another GPU, driver or torch has no peaks yet, and its own do not replace those there."""
    write(tmp_path, KEY, PEAKS)
    assert read(tmp_path, other) is None
    write(tmp_path, other, Peaks(1.0, {}))
    assert read(tmp_path, KEY) == PEAKS


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', "\udcff"])
def test_garbled_file_is_measured_anew(tmp_path: Path, text: str) -> None:
    """A file that is cut off, empty or no JSON counts as none, and is replaced."""
    file = write(tmp_path, KEY, PEAKS)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read(tmp_path, KEY) is None
    write(tmp_path, KEY, PEAKS)
    assert read(tmp_path, KEY) == PEAKS


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 0},
        {"key": {"gpu": "GPU-2", "driver": "580.1", "torch": "2.11.0"}},
        {"peaks": {"gbs": 0}},
        {"peaks": {"gbs": "fast"}},
        {"peaks": {"gbs": True}},
        {"peaks": {"tflops": {"float16": -1}}},
        {"peaks": {"tflops": None}},
        {"peaks": {"read_gbs": float("inf")}},
    ],
    ids=str,
)
def test_impossible_content_is_measured_anew(tmp_path: Path, changed: dict[str, Any]) -> None:
    """Peaks of another format, another key, or that are no numbers above 0 are not taken."""
    write(tmp_path, KEY, PEAKS)
    _change(tmp_path)
    assert read(tmp_path, KEY) == PEAKS
    _change(tmp_path, **changed)
    assert read(tmp_path, KEY) is None


def test_folder_that_cannot_be_read_counts_as_empty(tmp_path: Path) -> None:
    """Where the cache is a file, nothing is kept."""
    (tmp_path / "cache").write_text("")
    assert read(tmp_path / "cache", KEY) is None


def test_peaks_by_dtype() -> None:
    """Both kinds of float8 have one peak, and a dtype that was not measured has none."""
    peaks = Peaks(1.0, {"float8_e4m3fn": 1400.0})
    assert peaks.arithmetic("float8_e5m2") == peaks.arithmetic("float8_e4m3fn") == 1400.0
    assert peaks.arithmetic("float64") is None


def test_fastest_transfer_is_any_of_the_three() -> None:
    """Reading may be faster than copying; where it was not measured, the copy stands."""
    assert PEAKS.fastest_gbs == 4310.0
    assert Peaks(4022.0, {}).fastest_gbs == 4022.0


def test_the_better_of_two_measurements() -> None:
    """Each value is the faster one, also where only one of the two has it."""
    slow = Peaks(2000.0, {"float16": 400.0, "int8": 900.0}, None, 4200.0, 0)
    both = Peaks(
        4022.0, {"float16": 790.0, "float32": 51.0, "int8": 900.0}, 4310.0, 4200.0, 62914560
    )
    assert fastest(PEAKS, slow) == fastest(slow, PEAKS) == both
    assert fastest(Peaks(1.0, {}), Peaks(2.0, {})) == Peaks(2.0, {})


def test_measured_values_beside_the_datasheet() -> None:
    """Up to 5 % above the datasheet is believed; what is more is told, each value on its own."""
    known = datasheet("NVIDIA H200")
    assert known is not None
    assert implausible(PEAKS, known.gbs, known.tflops) == ()
    just = Peaks(4800 * 1.05, {"bfloat16": 989 * 1.05, "float64": 1e9})
    assert implausible(just, known.gbs, {"float16": 989}) == ()
    wrong = Peaks(4800 * 1.06, {"bfloat16": 989 * 1.2, "float8_e4m3fn": 3000}, 9600.0)
    copied, reading, product, narrow = implausible(wrong, known.gbs, known.tflops)
    assert copied.startswith("implausible: copy measured at 5,088 GB/s, 6% above")
    assert "reading" in reading
    assert "100% above" in reading
    assert "bfloat16 product" in product
    assert "float8_e4m3fn product" in narrow


def test_neither_peaks_nor_roofline_need_torch() -> None:
    """A process that must not touch the GPU reads peaks and places times without torch."""
    modules = "pytest_tritonbench.timing.peaks, pytest_tritonbench.timing.roofline"
    program = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
