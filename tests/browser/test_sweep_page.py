"""The page of curves works in a browser, from a file, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.sweep import write
from tests.browser.chromium import browser
from tests.unit.report.sweep_records import attention, matmul, persistent, softmax


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all kinds of figures, several models and long names."""
    records = [
        *softmax(compiled=0.84),
        *matmul(compiled=0.94, then=0.8),
        *matmul((2048,), dtype="float32"),
        *matmul((32, 64, 128, 256, 300), dtype="bfloat16"),
        *attention(),
        *persistent(),
    ]
    for model, quality in (("a-model-with-quite-a-long-name-and-a-date-2026-11", 0.5), ("b", 0.88)):
        device = {"device": "NVIDIA L40S"}
        records += softmax(quality=quality, model=model, sample=0, environment=device)
    page, _ = write(records, tmp_path_factory.mktemp("sweep"))
    return page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium: Any, curves: Path) -> Iterator[Any]:
    """The page, opened from its file; no error and no request is let pass."""
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    opened.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: said.append(f"error: {error}"))
    opened.on("request", lambda request: said.append(f"request: {request.url}"))
    opened.goto(curves.as_uri())
    yield opened
    assert said == [f"request: {curves.as_uri()}"]
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_fits_the_window(page: Any, tmp_path: Path, scheme: str, width: int) -> None:
    """Nothing is wider than the window, text stands out from the ground, and a picture is taken."""
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert _light(page, "color") == (scheme == "dark")
    assert _light(page, "backgroundColor") == (scheme == "light")
    picture = tmp_path / "page.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 100_000


def test_print_is_dark_on_light(page: Any) -> None:
    """Paper is white, also for who reads in the dark, and no drawing is wider than it."""
    page.set_viewport_size({"width": 720, "height": 1020})
    page.emulate_media(media="print", color_scheme="dark")
    assert _light(page, "backgroundColor")
    assert not _light(page, "color")
    widest = page.eval_on_selector_all(
        ".plot", "all => Math.max(...all.map(svg => svg.getBoundingClientRect().right))"
    )
    assert widest <= 720


def test_every_label_lies_in_its_drawing(page: Any) -> None:
    """No text of a drawing is cut off, and nothing but text and points leaves the axes."""
    outside = page.eval_on_selector_all(
        ".plot",
        """all => all.flatMap(svg => [...svg.querySelectorAll('text')].filter(text => {
            const box = text.getBBox(), view = svg.viewBox.baseVal;
            return box.x < 0 || box.y < 0 || box.x + box.width > view.width
                || box.y + box.height > view.height;
        }).map(text => text.textContent))""",
    )
    assert outside == []


def test_labels_of_an_axis_do_not_touch(page: Any) -> None:
    """Between any two labels on one line there is some space."""
    touching = page.eval_on_selector_all(
        ".plot",
        """all => all.flatMap(svg => {
            const boxes = [...svg.querySelectorAll('.tick:not(.side), .unit, .away, .label')]
                .map(text => [text.textContent, text.getBBox()]);
            return boxes.flatMap(([a, one], i) => boxes.slice(i + 1)
                .filter(([b, two]) => one.x < two.x + two.width + 2 && two.x < one.x + one.width + 2
                    && one.y < two.y + two.height - 3 && two.y < one.y + one.height - 3)
                .map(([b]) => `${a} | ${b}`));
        })""",
    )
    assert touching == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_curves_have_their_own_colours(page: Any, scheme: str) -> None:
    """The style reaches the drawings: each curve of a figure has a colour, and the legend's."""
    page.emulate_media(color_scheme=scheme)
    figure = page.locator("section.figure", has_text="at v1.2")
    colours = figure.locator(".plot polyline.curve").evaluate_all(
        "all => all.map(line => getComputedStyle(line).stroke)"
    )
    legend = figure.locator(".legend line.curve").evaluate_all(
        "all => all.map(line => getComputedStyle(line).stroke)"
    )
    assert len(set(colours)) == len(colours) == 4
    assert sorted(colours) == sorted(legend)
    hollow = figure.locator(".plot .mark.hollow").first
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert hollow.evaluate("mark => getComputedStyle(mark).fill") == ground


def test_overview_leads_to_the_figure(page: Any) -> None:
    """A task in the overview is a link to its drawing."""
    page.locator(".overview a", has_text="matmul_persistent").click()
    heading = page.locator("h2", has_text="matmul_persistent")
    box = None
    # The way there is smooth.
    for _ in range(100):
        box = heading.bounding_box()
        if box is not None and 0 <= box["y"] < 900:
            break
        page.wait_for_timeout(50)
    assert box is not None
    assert 0 <= box["y"] < 900


def test_page_opens_fast(chromium: Any, tmp_path: Path) -> None:
    """A hundred figures of ten cases stand within two seconds."""
    records = [
        {**record, "task": f"task{number:03}", "candidate": f"kernels/task{number:03}.py"}
        for number in range(100)
        for record in softmax()
    ]
    written, _ = write(records, tmp_path)
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    best = 60_000.0
    for _ in range(3):
        opened.goto(written.as_uri())
        assert opened.locator("section.figure").count() == 100
        timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
        best = min(best, opened.evaluate(timing))
    opened.close()
    assert best < 2000


def _light(page: Any, name: str) -> bool:
    colour = page.evaluate(f"getComputedStyle(document.body).{name}")
    parts = colour.removeprefix("rgb(").removesuffix(")").split(",")
    return sum(map(int, parts)) > 3 * 128
