"""The live line of a run that asks models."""

import json
import time
from pathlib import Path

import pytest

from pytest_tritonbench.candidate.model.progress import WIDTH, Board, Share, line, shares
from pytest_tritonbench.candidate.model.question import Streamed
from tests.unit.model.answering import generation, question


def test_no_process_no_line(tmp_path: Path) -> None:
    """Before anybody has asked there is nothing to show."""
    assert line(tmp_path) == ""


def test_the_line_tells_the_oldest_request_and_the_whole_run(tmp_path: Path) -> None:
    """Two processes: what both did is added, what both found is not."""
    first = Share(total=400, found=30, failed=1)
    for _ in range(5):
        first.count(generation())
    Board(tmp_path).write(first, [(question(), Streamed(1234, 14.5))])
    second = Share(total=400, found=33, failed=1)
    second.count(generation())
    Board(tmp_path).write(second, [(question("matmul"), Streamed(10, 2.0))])
    assert line(tmp_path) == (
        "36/400 answers, 2 failed, 2 running: softmax[fake-0] 1,234 tokens, 85/s; $3.00"
    )


def test_without_requests_the_line_tells_what_was_used(tmp_path: Path) -> None:
    """At the end: how many, tokens, dollars."""
    share = Share(total=1)
    share.count(generation())
    Board(tmp_path).write(share, [])
    assert line(tmp_path) == "1/1 answers, 500 tokens; $0.50"


def test_what_a_dead_process_had_under_way_goes_from_the_line(tmp_path: Path) -> None:
    """Its answers stay counted, its requests do not stay on the screen."""
    Board(tmp_path).write(Share(total=3, answered=2), [(question(), Streamed(7, 1.0))])
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "updated": time.time() - 60}))
    assert line(tmp_path) == "2/3 answers, 0 tokens"


@pytest.mark.parametrize("length", [1, 20, 60, 300])
def test_the_line_fits_a_terminal(tmp_path: Path, length: int) -> None:
    """A long name is cut in its middle: its start and its sample can still be read."""
    share = Share(total=99_999, found=88_888, failed=7_777, cost=12_345.678)
    asked = question("q" + "x" * length, sample=13)
    Board(tmp_path).write(share, [(asked, Streamed(98_765, 9.9))])
    shown = line(tmp_path)
    assert len(shown) <= WIDTH
    assert ": qx" in shown
    assert "-13] 98,765 tokens" in shown
    assert shown.isascii()
    assert shown.endswith("98,765 tokens, 9,976/s; $12,345.68")


def test_a_share_is_written_four_times_a_second_at_most(tmp_path: Path) -> None:
    """A thousand tokens a second do not write a thousand files a second."""
    board, share = Board(tmp_path), Share()
    for count in range(1000):
        share.answered = count
        board.write(share, [])
    assert shares(tmp_path)[0].answered < 999
    board.write(share, [], now=True)
    assert shares(tmp_path)[0].answered == 999
