"""The trainer's benchmark: its table and its figures, not its speed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmarks import talk
from benchmarks.training import CONFIG, Measured, draw_rows, main, page, processor, ratio
from benchmarks.training_sides import Block, Job, Ready, Side
from tests.training.tiny_bert import table, write_checkpoint, write_rows
from training.config import Rows

ROOT = Path(__file__).parents[2]

Benchmark = Callable[..., Result]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """The command, in this process: only its sides are measured in others."""
    monkeypatch.chdir(ROOT)
    return lambda *options: CliRunner().invoke(main, options)


def side(seconds: list[float], *, common: bool = False, peak: int = 2**20) -> Measured:
    ready = Ready(512, 1_000_000, not common, "eager", 2, (10, 20, 30))
    blocks = tuple(Block(each, samples=8, tokens=400, padded=800) for each in seconds)
    return Measured(Side(common, 512), ready, blocks, peak)


def job() -> Job:
    return Job(CONFIG, "some-checkpoint", talk.rows(32, seed=1), 4, 17, None)


def test_ratio_is_of_samples_per_second() -> None:
    found = ratio(side([1.0, 2.0, 1.0]), side([10.0, 8.0, 30.0], common=True))
    assert (found.median, found.lowest, found.highest) == (10.0, 4.0, 30.0)
    assert found.overall == pytest.approx(48.0 / 4.0)


def test_page_states_speed_ratio_and_memory() -> None:
    sides = [side([1.0, 1.0], peak=300 * 2**20), side([20.0, 30.0], common=True, peak=2**31)]
    ours, common = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page(sides, job(), "made-up texts", 3).splitlines()
        if line.startswith(("| this", "| the common"))
    ]
    assert ours == [
        "this trainer, up to 512 tokens", "8.00", "400", "800", "25.0 (20.0–30.0)", "25.0",
        "300 MiB",
    ]  # fmt: skip
    assert common[0] == "the common recipe, padded to 512 tokens"
    assert common[1:] == ["0.32", "16", "32", "1.0 (1.0–1.0)", "1.0", "2,048 MiB"]


def test_page_states_what_it_was_measured_with() -> None:
    text = page([side([1.0]), side([9.0], common=True)], job(), "made-up texts", 3)
    for stated in (
        "some-checkpoint", "1.0 million weights", "Batches of 4", "32 made-up texts",
        "median 20", "longest 30", "1 of 2 steps each, after a warm-up of 3",
        "bf16, eager attention, 2 threads", "fp32", processor(), "torch ", "transformers ",
    ):  # fmt: skip
        assert stated in text, stated


@pytest.mark.timeout(600)
def test_both_sides_train_on_a_file(benchmark: Benchmark, checkpoint: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.csv", table(60))
    record = tmp_path / "found.json"
    done = benchmark(
        "--smoke", "--checkpoint", str(checkpoint), "--rows", str(rows), "--max-tokens", "32",
        "--batch-size", "8", "--json", str(record),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n| this trainer, up to 32 tokens |") == 1
    assert done.stdout.count("\n| the common recipe, padded to 64 tokens |") == 1

    ours, common = json.loads(record.read_text())["sides"]
    for one in (ours, common):
        assert [block["samples"] for block in one["blocks"]] == [16, 16]
        assert one["samples_per_second"] > 0
        # An interpreter with torch in it takes more than 100 MB, and this model nearly nothing.
        assert 100e6 < one["peak_bytes"] < 4e9
    assert all(block["padded"] == 16 * 64 for block in common["blocks"])
    assert all(block["tokens"] <= block["padded"] < 16 * 32 for block in ours["blocks"])
    assert not common["bf16"]
    assert (ours["attention"], common["attention"]) == ("eager", "sdpa")


@pytest.mark.timeout(600)
def test_a_checkpoint_that_is_missing_is_one_sentence(benchmark: Benchmark, tmp_path: Path) -> None:
    missing = tmp_path / "nothing-here"
    done = benchmark("--smoke", "--batch-size", "4", "--checkpoint", str(missing))
    assert done.exit_code == 1
    assert str(missing) in done.stderr
    assert isinstance(done.exception, SystemExit)


@pytest.mark.timeout(300)
def test_too_few_rows_are_refused_before_anything_is_loaded(
    benchmark: Benchmark, tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "rows.csv", table(30))
    done = benchmark("--rows", str(rows), "--batch-size", "8", "--steps", "5", "--blocks", "2")
    assert done.exit_code == 1
    assert "30 usable rows, and 104 are trained on" in done.stderr
    assert "--steps" in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_rows_are_drawn_once_each(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.csv", table(50))
    drawn, origin = draw_rows(Rows(file=path), 40, seed=2)
    assert len(set(drawn.ids)) == 40
    assert "rows.csv" in origin
    assert np.isin(drawn.labels, (0, 1)).all()
