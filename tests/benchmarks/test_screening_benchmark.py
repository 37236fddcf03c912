"""Every measurement, at sizes that say nothing of speed: it runs, and adds up."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from click.testing import CliRunner
from transformers import BertConfig, BertForSequenceClassification

from benchmarks import chat, crowd, growth, peak, processes, screening, sides, wire
from benchmarks.effort import Effort
from benchmarks.engine_side import EngineSide
from benchmarks.figures import BenchmarkError
from benchmarks.recipe import RecipeSide
from benchmarks.report import BEGIN, END
from benchmarks.workers import Worker
from bot.labels import Scores
from bot.screening import artifact
from bot.screening.model import Model, Window

TINY = Effort(
    lines=40,
    turns=1,
    draws=2,
    batch_draws=1,
    lone=2,
    seconds=0.3,
    raid_messages=200,
    raid_s=1.2,  # long enough that on a busy machine, too, messages of other servers come
    fast_raid_s=1.0,
    starts=1,
    posts=40,
    fill=30,
    points=2,
)
# short ones, so that nothing takes long
TEXTS = tuple(text for text in chat.messages(80) if len(text) < 80)[:40]

pytestmark = pytest.mark.timeout(300)


class Here:
    """A `Worker` without a process: those are tested by themselves, and take seconds to start."""

    def __init__(
        self, make: Callable[..., object], *arguments: object, cores: Sequence[int] | None = None
    ) -> None:
        self._side = make(*arguments)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def ask(self, method: Callable[..., object], *arguments: object) -> object:
        return getattr(self._side, method.__name__)(*arguments)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No processes but those that a measurement is about; torch's threads as they were."""
    for module in (sides, crowd, growth, peak):
        monkeypatch.setattr(module, "Worker", Here)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


class SmallRecipe(RecipeSide):
    """The recipe with a network that is soon made."""

    @staticmethod
    def make_network() -> BertForSequenceClassification:
        config = BertConfig(
            num_labels=6, num_hidden_layers=1, hidden_size=64, num_attention_heads=1
        )
        return BertForSequenceClassification(config).eval()


def test_the_sides_take_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sides, "RecipeSide", SmallRecipe)
    compared = sides.measure(TEXTS, TINY)
    rows = list(compared.rows())
    assert [row.target for row in rows[:3]] == ["≥ 60 ×", "≥ 15 ×", "≥ 15 ×"]
    assert all(row.found.endswith("×") for row in rows)
    for times in (compared.usual, compared.single):
        values = (times.one_by_one_s, times.in_batches_s, times.engine_s, times.engine_lone_s)
        assert all(len(each) == TINY.turns and each[0] > 0 for each in values)
    assert compared.single.recipe_threads == 1
    assert "| the engine, cache off | 1 |" in "\n".join(compared.sections())
    compared.draw(tmp_path)
    assert (tmp_path / sides.PICTURE).stat().st_size > 1_000


def test_the_recipe_is_as_large_as_bert_base() -> None:
    with torch.device("meta"):
        network = RecipeSide.make_network()
    assert sum(weight.numel() for weight in network.parameters()) == 109_486_854
    assert not network.training


def test_the_tail_is_measured_below_the_capacity() -> None:
    tail = crowd.measure_tail(TEXTS, TINY)
    assert tail.refused == 0
    assert len(tail.p99_s) == len(tail.capacity) == 3 * TINY.turns
    assert [row.target for row in tail.rows()][:2] == ["≤ 60 ms", "≤ 10 ms"]


@pytest.mark.parametrize("seconds", [TINY.raid_s, TINY.fast_raid_s])
def test_in_a_raid_every_message_is_accounted_for(seconds: float) -> None:
    measured = crowd.measure_raid(TEXTS, TINY, seconds)
    assert measured.unanswered == 0
    assert sum(run.offered for run in measured.raided) > 100
    assert all(run.offered for run in (*measured.without, *measured.others))
    first, *_, last = measured.rows()
    assert first.what.startswith(f"a raid of 200 messages in {seconds:g} s in one server")
    assert first.target == "≤ 2 ×"
    assert last.target == "0 lost"
    assert last.met


def test_memory_is_that_of_the_bot_and_of_the_engine() -> None:
    memory = processes.measure_memory(TEXTS[:10], TINY)
    assert 50e6 < memory.engine < memory.bot_peak < 2e9
    assert max(memory.early, memory.bot) <= memory.bot_peak
    assert (memory.first, memory.messages) == (10, 10 + TINY.fill)


def test_the_peak_counts_the_networks_own_products() -> None:
    products = peak.products_of(artifact.DEFAULT_MODEL / artifact.MODEL)
    assert len(products) == 6 * 6
    # the last layer computes the first token alone, but for its keys and values
    assert [each.per_text for each in products].count(True) == 4
    assert [each.behind_exit for each in products].count(True) == 3 * 6
    assert peak.Product(384, 1_536) in products
    measured = peak.measure(TEXTS[:10], 1)
    front = [each for each in products if not each.behind_exit]
    assert measured.operations > 10 * 2 * sum(each.rows * each.columns for each in front)
    assert sum(measured.operators.values()) == pytest.approx(1.0)
    assert measured.calibrate_s > 0
    assert sum(measured.stages().values()) == pytest.approx(1e6 * measured.engine_s[0] / 10)
    assert min(measured.large_gops, measured.bf16_gops) > 0


def test_operators_share_the_time_of_their_kernels() -> None:
    events = [
        {"cat": "Node", "name": "a_kernel_time", "dur": 30, "args": {"op_name": "MatMul"}},
        {"cat": "Node", "name": "b_kernel_time", "dur": 10, "args": {"op_name": "Add"}},
        {"cat": "Node", "name": "b_fence_before", "dur": 99, "args": {"op_name": "Add"}},
        {"cat": "Session", "name": "model_run", "dur": 99},
    ]
    assert peak.operator_shares(json.dumps(events)) == {"MatMul": 0.75, "Add": 0.25}


def test_growth_has_a_point_for_each_size() -> None:
    points = growth.by_length(growth.Worker(EngineSide), TINY)
    assert [point.at for point in points] == [1, 640]
    assert points[0].per_second > points[1].per_second
    assert points[0].p50_s < points[1].p50_s
    assert growth.by_cores(TEXTS[:4], TINY)[0].at == 1


class Overheard(Here):
    """Also keeps what was asked for."""

    def __init__(self, make: Callable[..., object], *arguments: object) -> None:
        super().__init__(make, *arguments)
        self.asked: list[tuple[Any, ...]] = []

    def ask(self, method: Callable[..., object], *arguments: object) -> object:
        self.asked.append(arguments)
        return super().ask(method, *arguments)


def test_every_server_of_a_line_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "SERVERS", (1, 30))
    monkeypatch.setattr(growth, "MESSAGES", 30)
    engine = Overheard(EngineSide)
    points = growth.by_servers(cast("Worker[EngineSide]", engine), 100.0, TINY)
    assert [point.at for point in points] == [1, 30]
    floods, streams = engine.asked[::2], engine.asked[1::2]
    assert [flood[1:3] for flood in floods] == [(30, 1), (30, 30)]
    assert {flood[0] for flood in floods} == {chat.messages(30)}
    for point, (stream, _) in zip(points, streams, strict=True):
        assert {arrival.server_id for arrival in stream} == set(range(1, point.at + 1))


def test_no_point_is_timed_above_half_of_its_own_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "BUDGETS", (1,))
    monkeypatch.setattr(growth, "MESSAGES", 30)
    engine = cast("Worker[EngineSide]", Here(EngineSide))
    (point,) = growth.by_budget(engine, 1e6, TINY)
    assert point.rate == growth.SHARE * point.per_second
    (point,) = growth.by_budget(engine, 5.0, TINY)
    assert point.rate is None


def test_a_batch_is_as_large_as_its_budget_however_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    read = Model.read

    def noted(model: Model, windows: Sequence[Window]) -> list[Scores]:
        sizes.append(sum(map(len, windows)))
        return read(model, windows)

    monkeypatch.setattr(Model, "read", noted)
    engine = EngineSide(1)
    texts = [f"the number is {number}" for number in range(600)]  # of one length or nearly so
    for budget in (64, 2_000):
        sizes.clear()
        engine.flood(texts, len(texts), 1, budget)
        assert budget / 2 < max(sizes) <= budget


def test_the_whole_way_counts_every_message(tiny_model: Path) -> None:
    whole = wire.measure(TINY, str(tiny_model))
    assert whole.per_second > 0
    assert len(whole.lone_s) == 1
    assert 0 < whole.flagged < 1
    threads = {thread for thread, _, _ in whole.stages()}
    assert "event loop" in threads
    assert "most of it for" in whole.bottleneck()


def test_a_side_works_in_a_process_of_its_own() -> None:
    with Worker(EngineSide, 1) as engine:
        served = engine.ask(EngineSide.flood, TEXTS[:6], 2)
        assert (served.scored, served.unanswered) == (6, 0)
        assert len(engine.ask(EngineSide.lone, TEXTS[:3])) == 3


def test_a_process_that_dies_is_one_sentence() -> None:
    with pytest.raises(BenchmarkError, match="ended with code 7"), Worker(os._exit, 7):
        pass


def test_a_side_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="nowhere"), Worker(EngineSide, 1, "./nowhere"):
        pass


def test_the_command_measures_what_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(screening, "QUICK", TINY)
    record = tmp_path / "found.json"
    done = CliRunner().invoke(screening.main, ["--quick", "--only", "start", "--json", str(record)])
    assert done.exit_code == 0, done.output
    assert "| from process start to the first score |" in done.output
    values = json.loads(record.read_text())
    assert values["rows"][0]["target"] == "≤ 1.5 s"
    assert list(values["measured"]) == ["start"]
    starts = values["measured"]["start"]
    assert len(starts["first_score_s"]) == len(starts["check_s"]) == TINY.starts
    assert starts["first_score_s"][0] > 0.1


def test_a_page_without_marks_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Speed\n")
    done = CliRunner().invoke(screening.main, ["--write", str(page)])
    assert done.exit_code == 1
    assert "measured: begin" in done.output
    assert page.read_text() == "# Speed\n"


def test_a_page_is_not_renewed_in_part(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    done = CliRunner().invoke(screening.main, ["--only", "start", "--write", str(page)])
    assert done.exit_code == 2
    assert "leave --only out" in done.output
