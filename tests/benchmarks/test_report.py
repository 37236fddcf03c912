"""The page: rows with their targets, and figures renewed between their marks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.figures import BenchmarkError
from benchmarks.growth import Curve, Growth, Point, spread
from benchmarks.machine import resident_bytes, this_machine
from benchmarks.report import BEGIN, END, page, renewed, verdict
from benchmarks.table import Row, at_least, at_most, rows_of


class Some:
    def rows(self) -> Iterator[Row]:
        yield at_least("throughput", 61.0, "61.0 ×", 60)
        yield at_most("latency", 80.0, "80 ms", 60, "ms")
        yield Row("memory", "3 MB")


def test_rows_say_whether_the_target_is_met() -> None:
    lines = rows_of(Some().rows()).splitlines()[2:]
    assert lines == [
        "| throughput | 61.0 × | ≥ 60 × | yes |",
        "| latency | 80 ms | ≤ 60 ms | **no** |",
        "| memory | 3 MB |  |  |",
    ]
    assert verdict(Some().rows()) == "1 of 2 targets are met."


def test_page_names_the_command_and_the_machine() -> None:
    text = page({"some": Some()}, this_machine(), "python -m benchmarks.screening")
    assert text.startswith("Measured with `python -m benchmarks.screening` on: ")
    assert this_machine().processor in text
    assert "1 of 2 targets" in text


def test_page_says_when_other_programs_spoilt_it() -> None:
    assert "Other programs" not in page({"some": Some()}, this_machine(), "x", 0.01)
    assert "up to 30% of the processor" in page({"some": Some()}, this_machine(), "x", 0.3)


def test_a_machine_tells_neither_its_name_nor_its_paths() -> None:
    import platform

    text = this_machine().text()
    assert platform.node() not in text
    assert "/" not in text
    assert this_machine().cores >= 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells it in /proc")
def test_resident_memory_is_that_of_this_process() -> None:
    now, peak = resident_bytes()
    assert 10e6 < now <= peak < 50e9


def test_the_time_of_others_leaves_out_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = os.cpu_count() or 1
    busy, own, clock = iter((100.0, 100.0 + cores)), iter((7.0, 7.0 + cores / 4)), iter((0.0, 2.0))
    monkeypatch.setattr(machine, "_busy_s", lambda: next(busy))
    monkeypatch.setattr(machine, "_own_s", lambda: next(own))
    monkeypatch.setattr(machine.time, "monotonic", lambda: next(clock))
    with machine.Others() as others:
        pass
    assert others.share == pytest.approx(0.75 / 2)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="Linux tells it in /proc")
def test_the_time_of_others_is_a_share() -> None:
    with machine.Others() as others:
        sum(range(1_000_000))
    assert 0.0 <= others.share <= 1.5


def test_only_what_stands_between_the_marks_is_renewed() -> None:
    before = f"# Speed\n\nby hand\n\n{BEGIN}\nold\n{END}\n\nmore by hand\n"
    after = renewed(before, "new\n")
    assert after == f"# Speed\n\nby hand\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore by hand\n"
    assert renewed(after, "new") == after


@pytest.mark.parametrize("text", ["", BEGIN, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_page_without_both_marks_is_refused(text: str) -> None:
    with pytest.raises(BenchmarkError, match=r"page\.md: .*measured: begin"):
        renewed(text, "new", "page.md")


def test_spread_keeps_both_ends() -> None:
    assert spread((1, 2, 4, 8, 16), 3) == [1, 4, 16]
    assert spread((1, 2), 5) == [1, 2]


def test_growth_has_tables_and_pictures(tmp_path: Path) -> None:
    points = tuple(Point(at, 100.0 / at, 0.001 * at, 0.002 * at) for at in (1, 10, 500))
    cores = (Point(1, 5.0, 0.1, 0.2, "1 thread", 2.5), Point(2, 9.0, 0.1, 0.2, "2 threads"))
    growth = Growth(
        (Curve("length", "words", "alone", points), Curve("cores", "cores", "alone", cores))
    )
    sections = list(growth.sections())
    assert "| 500 | 0 | 500.0 | 1000.0 |" in sections[2]
    assert "| 1 1 thread | 5 | 100.0 (at 2/s) | 200.0 (at 2/s) |" in sections[3]
    assert "| 2 2 threads | 9 | 100.0 |" in sections[3]
    growth.draw(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "growth-throughput.png",
        "growth-latency.png",
    }
