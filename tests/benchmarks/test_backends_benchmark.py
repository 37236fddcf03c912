"""The comparison of libraries, with a network of one small layer: it runs, and adds up."""

from __future__ import annotations

import json
import os
import platform
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from benchmarks import backend_libraries, backends
from benchmarks import backend_turns as turns
from benchmarks.backend_figures import Cell, Exactness, Timed
from benchmarks.backend_graphs import Forms, make_forms, worst_pair
from benchmarks.backend_sides import (
    ONNX,
    OPENVINO,
    TORCH,
    Arrangement,
    Network,
    Run,
    Shape,
    Side,
    Way,
    environment,
)
from benchmarks.figures import BenchmarkError
from benchmarks.report import BEGIN, END
from benchmarks.workers import TookTooLongError, Worker
from bot.screening import artifact

SMALL = Network(layers=1, hidden=32, heads=2, inner=64, vocabulary=200)
TINY = turns.Effort(turns=2, spell_s=0.0, starts=1, calls=2, pause_s=0.0, texts=5, compiled=False)
TEXTS = [[7, 150, 90, 3], [20, 21, 22, 23, 24, 25, 26]]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Forms:
    return make_forms(SMALL, tmp_path_factory.mktemp("forms"))


class Here:
    """A `Worker` without a process."""

    def __init__(self, make: Callable[..., object], *arguments: object) -> None:
        self._side = make(*arguments)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def ask(self, method: Callable[..., object], *arguments: object) -> object:
        return getattr(self._side, method.__name__)(*arguments)


class Lanes:
    """A library whose batches end only when so many run at the same time."""

    fails_in = -1  # none

    def __init__(self, way: Way) -> None:
        pass

    def runs(self, arrangement: Arrangement) -> Sequence[Run]:
        gate = threading.Barrier(arrangement.lanes, timeout=20)

        def lane(at: int) -> Run:
            def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
                if at == self.fails_in:
                    raise ArithmeticError("no")
                if self.fails_in < 0:
                    gate.wait()
                return np.zeros((len(ids), 6), np.float32)

            return run

        return [lane(at) for at in range(arrangement.lanes)]

    def instructions(self) -> str:
        return "none"


def logits(forms: Forms, way: Way) -> NDArray[np.float32]:
    return Side(way, SMALL).logits(TEXTS)


def test_every_form_is_the_same_network(forms: Forms) -> None:
    true = logits(forms, Way("torch", TORCH, str(forms.checkpoint)))
    assert true.shape == (2, 6)
    spread = float(np.abs(true[0] - true[1]).max())
    ways = turns.Stage(forms, SMALL, TINY, "not compiled").ways()
    assert len(ways) >= 9
    for way in ways:
        near = 0.02 if "fp32" in way.name else 0.5
        assert np.abs(logits(forms, way) - true).max() < near * spread, way.name


def test_the_first_token_alone_changes_no_logit(forms: Forms) -> None:
    whole = logits(forms, Way("whole", ONNX, str(forms.whole)))
    assert np.allclose(whole, logits(forms, Way("cut", ONNX, str(forms.exact))), atol=1e-6)
    names = [
        [node.op_type for node in onnx.load(str(path)).graph.node]
        for path in (forms.whole, forms.exact)
    ]
    assert "Slice" in names[1]
    assert names[0].count("Slice") < names[1].count("Slice")


@pytest.mark.parametrize(
    ("weights", "worst"), [((64, -64, 1), 32_640), ((127, 127, 0), 64_770), ((1, 9, 127), 32_385)]
)
def test_neighbouring_products_are_added_at_their_worst(
    tmp_path: Path, weights: tuple[int, ...], worst: int
) -> None:
    column = np.array([weights], np.int8).T
    table = np.full((4, 3), 127, np.int8)  # looked up, never multiplied
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["weight", "scale"], ["exact"]),
            helper.make_node("MatMul", ["x", "exact"], ["y"]),
            helper.make_node("Gather", ["table", "at"], ["z"]),
        ],
        "products",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3]),
            helper.make_tensor_value_info("at", TensorProto.INT64, [1]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])],
        initializer=[
            numpy_helper.from_array(column, "weight"),
            numpy_helper.from_array(np.float32(1), "scale"),
            numpy_helper.from_array(table, "table"),
        ],
    )
    onnx.save(helper.make_model(graph), str(tmp_path / "graph.onnx"))
    assert worst_pair(tmp_path / "graph.onnx") == worst


def test_no_sum_is_cut_off_in_the_model_that_ships(forms: Forms) -> None:
    assert 0 < worst_pair(artifact.DEFAULT_MODEL / artifact.MODEL) < 2**15
    assert 0 < worst_pair(forms.static) < 2**15
    assert worst_pair(forms.exact) == 0


def test_lanes_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_libraries, "imported", lambda library: Lanes)
    side = Side(Way("lanes", ONNX, ""), SMALL)
    assert side.token_s(Shape(2, 4), Arrangement(2, 1), 0.0) > 0
    assert side.loaded().instructions == "none"


def test_a_lane_that_fails_does_not_leave_the_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend_libraries, "imported", lambda library: Lanes)
    side = Side(Way("lanes", ONNX, ""), SMALL)
    monkeypatch.setattr(Lanes, "fails_in", 1)
    with pytest.raises(ArithmeticError, match="no"):
        side.token_s(Shape(1, 4), Arrangement(2, 1), 0.0)


def test_variables_are_set_only_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOWN", "before")
    monkeypatch.delenv("NEW", raising=False)
    with environment({"KNOWN": "inside", "NEW": "inside"}):
        assert os.environ["KNOWN"] == os.environ["NEW"] == "inside"
    assert os.environ["KNOWN"] == "before"
    assert "NEW" not in os.environ


@pytest.mark.skipif(platform.machine() != "x86_64", reason="there is no AVX2")
def test_a_restricted_process_says_so(forms: Forms) -> None:
    way = Way("torch", TORCH, str(forms.checkpoint))
    stage = turns.Stage(forms, SMALL, TINY, "not compiled")
    with stage.side(way, turns.AVX2) as side:
        assert isinstance(side, Worker)
        assert side.ask(Side.loaded).instructions == "AVX2"


def test_a_table_compares_with_the_default() -> None:
    lone, two = Arrangement(), Arrangement(2, 1)
    small, large = Shape(1, 8), Shape(8, 16)
    timed = Timed(
        "Libraries",
        "",
        "ours",
        (),
        (
            Cell("ours", small, lone, [1e-4, 2e-4, 9e-4]),
            Cell("ours", large, lone, [1e-4, 1e-4, 1e-4]),
            Cell("theirs", small, lone, [4e-4, 4e-4, 4e-4]),
            Cell("theirs", large, lone, [8e-4, 8e-4, 8e-4]),
            Cell("ours", small, two, [5e-5, 5e-5, 5e-5]),
        ),
        ("One was left out.",),
    )
    assert timed.ratio("theirs", lone) == pytest.approx(4.0)
    assert timed.ratio("theirs", two) is None
    text = "\n".join(timed.sections())
    assert "| ours | 200 | 100 | 1.00 × |" in text
    assert "| theirs | 400 | 800 | 4.00 × |" in text
    assert "µs a token, 2 lanes" in text
    assert "took 4.5 times its median" in text
    assert text.endswith("One was left out.")


def test_what_is_cut_off_is_said() -> None:
    found = Exactness({"good": 32_640, "bad": 64_770}, 5, {"AVX2": (0.25, "slow")}, "fast")
    text = "\n".join(found.sections())
    assert "- good: 32,640, so nothing is cut off" in text
    assert "- bad: 64,770, so **sums are** cut off" in text
    assert "| AVX2 | slow | 0.25 |" in text


def test_what_is_not_installed_is_left_out_in_a_sentence(
    forms: Forms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_libraries, "has", lambda library: library != OPENVINO)
    monkeypatch.setattr(backend_libraries, "has_compiler", lambda: False)
    not_compiled = turns.why_not_compiled(forms, SMALL, turns.FULL)
    stage = turns.Stage(forms, SMALL, turns.FULL, not_compiled)
    assert {way.runtime for way in stage.ways()} == {ONNX, TORCH}
    assert not any(way.compiled for way in stage.ways())
    assert "pip install openvino" in stage.left_out()[0]
    assert "C++" in stage.left_out()[1]
    scores = turns.measure_scores(stage)
    assert not scores.differences
    assert "OpenVINO is not installed" in "\n".join(scores.sections())


@pytest.mark.parametrize(
    ("error", "said"),
    [(TookTooLongError("slow"), "not done compiling after"), (BenchmarkError("bad"), "failed")],
)
def test_what_cannot_be_compiled_in_time_is_left_out_in_a_sentence(
    forms: Forms, monkeypatch: pytest.MonkeyPatch, error: BenchmarkError, said: str
) -> None:
    class Compiling(Here):
        def ask(self, *_: object, **__: object) -> object:
            raise error

    monkeypatch.setattr(backend_libraries, "has_compiler", lambda: True)
    monkeypatch.setattr(turns, "Worker", Compiling)
    monkeypatch.setattr(Side, "__init__", lambda *_: None)
    not_compiled = turns.why_not_compiled(forms, SMALL, turns.FULL)
    assert "PyTorch, fp32, compiled" in not_compiled
    assert said in not_compiled


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TookTooLongError), Worker(threading.Event) as side:
        side.ask(threading.Event.wait, within_s=0.05)
    assert not side._process.is_alive()


def test_the_command_renews_its_own_part_of_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(turns, "QUICK", TINY)
    monkeypatch.setattr(turns, "NETWORK", SMALL)
    monkeypatch.setattr(turns, "Worker", Here)
    for name in ("SHAPES", "FEW_SHAPES"):
        monkeypatch.setattr(turns, name, (Shape(1, 4), Shape(2, 4)))
    target, record = tmp_path / "page.md", tmp_path / "found.json"
    begin, end = backends.MARKS
    target.write_text(f"{BEGIN}\nkept\n{END}\nby hand\n{begin}\nold\n{end}\n")
    given = ["--quick", "--write", str(target), "--json", str(record)]
    done = CliRunner().invoke(backends.main, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    page = target.read_text()
    assert page.startswith(f"{BEGIN}\nkept\n{END}\nby hand\n{begin}\n\nMeasured with `python -m ")
    assert "old" not in page.split(begin)[1].split()
    for expected in ("### Libraries", "PyTorch, bf16", "spinning on", "arena off", "without VNNI"):
        assert expected in page
    assert "ONNX Runtime has no such switch" in page or platform.machine() != "x86_64"
    values = json.loads(record.read_text())
    assert list(values["measured"]) == list(backends.MEASUREMENTS)
    assert all(len(cell["token_s"]) == 2 for cell in values["measured"]["speed"]["cells"])
    assert str(tmp_path.parent) not in record.read_text()
    assert '"path"' not in record.read_text()


def test_a_page_without_marks_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    done = CliRunner().invoke(backends.main, ["--write", str(page)])
    assert done.exit_code == 1
    assert "backends: begin" in done.output


def test_a_page_is_not_renewed_in_part(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("\n".join(backends.MARKS))
    done = CliRunner().invoke(backends.main, ["--only", "scores", "--write", str(page)])
    assert done.exit_code == 2
    assert "leave --only out" in done.output
