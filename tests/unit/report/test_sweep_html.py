"""The page of curves holds all it needs and lets nothing in."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.sweep import NothingTimedError, write
from pytest_tritonbench.report.sweep.numbers import TIMES
from tests.unit.report.sweep_records import PEAKS, attention, matmul, softmax


class _Page(HTMLParser):
    """Tags, attributes, rows of tables and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True
        if tag == "small" and self._cell:
            self.rows[-1][-1] += " "

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            # As one would type it.
            plain = data.replace("\u202f", " ").replace(TIMES, "x").replace("\N{EN DASH}", "-")
            self.rows[-1][-1] += plain

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of the elements of a name."""
        return [attributes for name, attributes in self.tags if name == tag]


def _page(records: Any, folder: Path) -> _Page:
    page, _ = write(records, folder)
    return _Page(page.read_text(encoding="utf-8"))


def test_both_files_are_written(tmp_path: Path) -> None:
    """The folder is made, and an older page in it is replaced."""
    folder = tmp_path / "a" / "b"
    write(matmul(), folder)
    assert [path.name for path in write(softmax(), folder)] == ["sweep.html", "sweep.csv"]
    assert "matmul" not in (folder / "sweep.html").read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["sweep.csv", "sweep.html"]


def test_nothing_timed_is_an_error(tmp_path: Path) -> None:
    """Records without times make no page, and the message says where times come from."""
    with pytest.raises(NothingTimedError, match="on a GPU"):
        write([{"task": "add", "phase": "exec", "outcome": "passed"}], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_page_needs_nothing_else(tmp_path: Path) -> None:
    """No script, no address of a network, and a policy that would forbid either."""
    page, _ = write([*matmul(), *softmax()], tmp_path)
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"https?://|@import|url\(", text)
    found = _Page(text)
    assert not {"script", "img", "iframe", "object", "embed"} & {tag for tag, _ in found.tags}
    assert not [
        a for _, a in found.tags if any(name == "style" or name.startswith("on") for name in a)
    ]
    [policy] = [m for m in found.named("meta") if m.get("http-equiv")]
    assert (policy["content"] or "").startswith("default-src 'none'; style-src 'sha256-")
    targets = {a["href"] for a in found.named("a")}
    assert targets - {"sweep.csv"} <= {f"#{s['id']}" for s in found.named("section") if "id" in s}


def test_table_has_what_was_measured(tmp_path: Path) -> None:
    """A row has size, rates and times of all, speedup with interval, verdict, share and bound."""
    records = list(matmul((4096, 8192), compiled=0.9, then=0.5))
    for record in records:
        record["timing"] |= {"median_ms": 0.2, "reference_ms": 0.25, "tflops": 687.19}
        record["timing"] |= {"roofline": 0.9789, "speedup": 1.25, "verdict": "faster"}
        record["timing"]["interval"] = {"value": 1.25, "low": 1.24, "high": 1.26, "level": 0.95}
        record["timing"]["compile"]["median_ms"] = 0.22
        record["timing"]["against"]["v1.2"]["median_ms"] = 0.4
    page = _page(records, tmp_path)
    head = next(row for row in page.rows if row[0] == "k = m = n")
    assert [cell.split(" ")[0] for cell in head[1:5]] == [
        "Kernel",
        "PyTorch",
        "torch.compile",
        "at",
    ]
    row = next(row for row in page.rows if row[0] == "4096")
    assert row[1:] == [
        *("687 200 µs", "550 250 µs", "625 220 µs", "344 400 µs", "1.25x 1.240-1.260", "faster"),
        *("98 %", "compute", "120", ""),
    ]


def test_several_kernels_have_a_row_each(tmp_path: Path) -> None:
    """The models' rows of one size stand together, under one size."""
    records = [*softmax((256, 512), model="one"), *softmax((256, 512), model="two", quality=0.4)]
    page = _page(records, tmp_path)
    rows = [row for row in page.rows if "one" in row or "two" in row]
    assert [row[:2] for row in rows if row[0] in ("256", "512")] == [["256", "one"], ["512", "one"]]
    assert [th["rowspan"] for th in page.named("th") if "rowspan" in th] == ["2", "2"]


def test_overview_sums_up(tmp_path: Path) -> None:
    """With several figures each kernel has a row with its mean speedup, verdicts and best share."""
    records = list(softmax((1024, 2048)))
    for record, speedup in zip(records, (1.0, 4.0), strict=True):
        record["timing"] |= {"speedup": speedup, "verdict": "same" if speedup == 1 else "faster"}
        record["timing"] |= {
            "median_ms": 1.0,
            "gbs": 3000.0 * speedup / 4,
            "roofline": 0.75 * speedup / 4,
        }
    page = _page([*matmul((512, 1024)), *records], tmp_path)
    row = next(row for row in page.rows if row[0].startswith("softmax"))
    assert row[1:] == [
        *("kernels/softmax.py", "2", "2.00x 1.00x to 4.00x", "1 faster, 1 same"),
        "3,000 GB/s 75 % of the memory roofline",
    ]
    single = _page(softmax(), tmp_path)
    assert "table" not in {tag for tag, a in single.tags if a.get("class") == "overview"}


def test_legend_explains_the_signs_that_are_used(tmp_path: Path) -> None:
    """Launch-bound and ambiguous are explained where there are such points, and only there."""
    small, large = _page(matmul(), tmp_path), _page(softmax((65536, 131072)), tmp_path)
    for word in ("launch-bound", "ambiguous"):
        assert word in small.text
        assert word not in large.text
    for page in (small, large):
        assert "roofline, measured" in page.text


def test_figures_say_where_and_how(tmp_path: Path) -> None:
    """GPU, cache, clock and what is fixed stand above each figure, the run below all."""
    page = _page(attention(), tmp_path)
    for part in ("NVIDIA H200", "cold L2", "cuda events", "b = 4", "h = 16", "d = 64"):
        assert part in page.text
    run = next(row for row in page.rows if row[0] == "2026-11-20T09:00:00Z")
    assert run[1:7] == [
        "NVIDIA H200",
        "580.82.07",
        "2.11.0+cu130",
        "3.6.0",
        "3.12.3",
        "3f2a9c1d77e0",
    ]


def test_peaks_stand_beside_the_datasheet(tmp_path: Path) -> None:
    """Measured copy and products are shown with the datasheet's and their share of it."""
    rows = _page(softmax(), tmp_path).rows
    assert ["NVIDIA H200", "copy", "4,022 GB/s", "4,800 GB/s", "84 %"] in rows
    assert ["NVIDIA H200", "bfloat16 product", "715 TFLOP/s", "989 TFLOP/s", "72 %"] in rows
    other = _page(softmax(environment={"device": "Some GPU"}), tmp_path).rows
    assert ["Some GPU", "copy", "4,022 GB/s", "-", "-"] in other


def test_implausible_peaks_are_told(tmp_path: Path) -> None:
    """A copy measured above the datasheet is told at the top, and a plausible one is not."""
    fast = {**PEAKS, "gbs": 5200.0}
    assert "implausible" not in _page(softmax(), tmp_path).text
    told = _page(softmax(timing={"peaks": fast}), tmp_path).text
    assert "NVIDIA H200: implausible: copy measured at 5,200 GB/s, 8% above" in told


@pytest.mark.parametrize(
    "peaks", [None, {}, {"gbs": 0, "tflops": {}}, {"gbs": 1.0, "tflops": 5}, [1]]
)
def test_page_stands_without_peaks(tmp_path: Path, peaks: Any) -> None:
    """Missing or garbled peaks leave out their table and nothing else."""
    page = _page(softmax(timing={"peaks": peaks}), tmp_path)
    assert "The roofline" not in page.text
    assert page.named("svg")


def test_what_records_hold_is_text(tmp_path: Path) -> None:
    """Tags in names, notes and devices are shown as they stand."""
    hostile = "<script>alert(1)</script>"
    records = list(
        softmax(
            candidate=hostile,
            environment={"device": hostile},
            outcome="failed",
            reason=hostile,
            run=hostile,
            timing={"method": hostile, "bound": hostile, "verdict": hostile, "l2": hostile},
            suite=hostile,
        )
    )
    for record in records:
        record["task"] = hostile
    page = _page(records, tmp_path)
    assert not page.named("script")
    assert hostile in page.text
