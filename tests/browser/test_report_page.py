"""The report's page works in a browser, from a file, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.pages import write_report
from tests.browser.chromium import browser
from tests.unit.report_pages.sample import MODELS, SUITES, predictions, records

MODEL = "output_gpt-4o"
HOSTILE = "</script><b>bold</b>"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of the sample, in which one text of an answer is hostile."""
    texts = predictions()
    key = next(key for key in texts if key[1] == MODEL)
    texts[key] = f"# {HOSTILE}\n"
    folder = tmp_path_factory.mktemp("report")
    return write_report(records(), folder, predictions=texts).page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium: Any, report: Path) -> Iterator[Any]:
    """The report, opened from its file; no error and no request is let pass."""
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    opened.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: said.append(f"error: {error}"))
    opened.on("request", lambda request: said.append(f"request: {request.url}"))
    opened.goto(report.as_uri())
    yield opened
    assert said == [f"request: {report.as_uri()}"]
    opened.close()


def _cells(page: Any) -> str:
    """Letters of the grid that are not dimmed."""
    told = page.eval_on_selector_all(
        "#gridbox td[data-m]:not(.dim)", "cells => cells.map(cell => cell.textContent).join('')"
    )
    return str(told)


def _rows(page: Any) -> list[str]:
    found = page.eval_on_selector_all("#gridbox tbody th", "all => all.map(th => th.textContent)")
    return list(found)


def _wait(page: Any, selector: str, count: int) -> None:
    """Wait until the grid is drawn anew; the page's policy keeps the browser from polling."""
    found = page.locator(f"#gridbox {selector}")
    for _ in range(100):
        if found.count() == count:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{found.count()} of {selector}, not {count}")


def test_leaderboard_lists_every_model_and_sorts(page: Any) -> None:
    """Each suite's leaderboard has a row a model, and a heading sorts by its column."""
    for number, models in enumerate(MODELS.values()):
        board = page.locator(".board").nth(number)
        assert sorted(board.locator("tbody th").all_text_contents()) == sorted(models)
    board = page.locator(".board").first
    column = board.locator("thead th", has_text="Speedup").first
    column.locator("button").click()
    assert column.get_attribute("aria-sort") == "descending"
    at = column.evaluate("th => th.cellIndex")
    orders = board.locator(f"tbody td:nth-child({at + 1})").evaluate_all(
        "cells => cells.map(cell => cell.dataset.order)"
    )
    numbers = [float(order) for order in orders if order]
    assert numbers == sorted(numbers, reverse=True)
    assert orders[len(numbers) :] == [""] * (len(orders) - len(numbers))


def test_grid_is_filtered(page: Any) -> None:
    """Text, difficulty, family, model and outcome each leave what they say, and Clear all."""
    names = _rows(page)
    assert len(names) == sum(SUITES["TritonBench-G"].values())
    page.fill("[name=text]", "softmax")
    _wait(page, "tbody tr", sum("softmax" in name for name in names))
    assert all("softmax" in name for name in _rows(page))
    page.click("button[type=reset]")
    _wait(page, "tbody tr", len(names))
    page.select_option("[name=difficulty]", "5")
    _wait(page, "tbody tr", 5)
    page.select_option("[name=difficulty]", "")
    page.select_option("[name=family]", "loss")
    _wait(page, "tbody tr", 7)
    page.fill("[name=model]", "gpt-4o_")
    _wait(page, "thead th", 5)
    page.click("button[type=reset]")
    _wait(page, "tbody tr", len(names))
    page.click("[data-letter=F]")
    assert set(_cells(page)) == {"F"}
    assert page.get_attribute("[data-letter=F]", "aria-pressed") == "true"


def test_cell_opens_the_answer(page: Any) -> None:
    """A click on a failed answer shows its code, the failing case, the reason and the replay."""
    page.select_option("[name=suite]", "1")
    page.fill("[name=model]", MODEL)
    _wait(page, "thead th", 3)
    page.locator("#gridbox td.o-fuzz").first.click()
    sheet = page.locator("#answer")
    sheet.locator("pre.code").wait_for()
    told = sheet.inner_text()
    assert sheet.locator(".reason").first.inner_text() == "wrong-values"
    assert "output has wrong values" in told
    assert '"dtype":"float16"' in told
    assert "@triton.jit" in sheet.locator("pre.code").inner_text()
    assert "--tb-case" in sheet.locator("pre.replay").inner_text()
    page.keyboard.press("Escape")
    assert not sheet.evaluate("dialog => dialog.open")


def test_text_of_an_answer_is_text(page: Any) -> None:
    """Tags in a prediction are shown as they stand."""
    page.select_option("[name=suite]", "1")
    page.fill("[name=model]", MODEL)
    _wait(page, "thead th", 3)
    page.locator("#gridbox td[data-t='0']").first.click()
    code = page.locator("#answer pre.code")
    code.wait_for()
    assert HOSTILE in code.inner_text()
    assert code.locator("b").count() == 0


def test_keyboard_is_enough(page: Any) -> None:
    """Arrow keys move in the grid, Enter opens a cell, Escape closes it and gives focus back."""
    page.locator("#gridbox td[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    at = "[document.activeElement.dataset.t, document.activeElement.dataset.m]"
    assert page.evaluate(at) == ["1", "2"]
    page.keyboard.press("Enter")
    page.locator("#answer .verdict").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate(at) == ["1", "2"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_fits_the_window(page: Any, tmp_path: Path, scheme: str, width: int) -> None:
    """Nothing is wider than the window, text stands out from the ground, and a picture is taken."""
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (_light(ink), _light(paper)) == ((False, True) if scheme == "light" else (True, False))
    picture = tmp_path / "page.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 10_000


def _light(colour: str) -> bool:
    parts = colour.removeprefix("rgb(").removesuffix(")").split(",")
    return sum(map(int, parts)) > 3 * 128


def test_charts_follow_the_model(page: Any) -> None:
    """The charts of difficulty and family are those of the chosen model."""
    charts = page.locator(".charts").first
    charts.locator("select").select_option(label="qwen_092")
    assert charts.locator(".drawn figcaption").all_text_contents() == [
        "By difficulty: qwen_092",
        "By family: qwen_092",
    ]
    counts = charts.locator(".drawn figure").first.locator(".number").all_text_contents()
    assert [count.split("/")[1] for count in counts] == ["3", "27", "65", "84", "5"]


def test_page_opens_fast(chromium: Any, tmp_path: Path) -> None:
    """The grid of 44 models and 350 tasks stands, ready to be filtered, within two seconds."""
    written = write_report(records(full=True), tmp_path, predictions=predictions(full=True))
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    best = 60_000.0
    for _ in range(3):
        opened.goto(written.page.as_uri())
        assert opened.locator("#gridbox tbody tr").count() == sum(SUITES["TritonBench-G"].values())
        timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
        best = min(best, opened.evaluate(timing))
    assert best < 2000
