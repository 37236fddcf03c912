"""How near the engine is to what the processor can do, and where the rest of the time goes.

The peak is measured, not looked up: ONNX Runtime runs a graph that holds nothing but the network's
own int8 products with constant weights, one after the other, for the very lengths of the file's
windows. What is left of a message's time is taken apart by measuring each stage on all messages,
and by ONNX Runtime's own profile of its operators.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from tokenizers import Tokenizer

from benchmarks import chat
from benchmarks.engine_side import EngineSide
from benchmarks.figures import Spread
from benchmarks.products import (
    Product,
    products_of,
    products_session,
    run_products,
    single_thread,
)
from benchmarks.table import Row
from benchmarks.workers import Worker
from bot.screening import artifact
from bot.screening.backends import SLOWER_JOINED, OnnxBackend, padded
from bot.screening.model import load_model
from bot.screening.normalize import views
from training.exit_graph import STAYS
from training.markdown import table_of

LONG = 2_048  # rows of a product where the peak at large shapes is measured
_WARM = 200  # other messages: the normaliser reads its lists of words when it first needs them
_PROFILED = 300  # windows
_LEAST_SHARE = 0.01  # of the network's time, to be named


@dataclass(frozen=True, slots=True)
class Peak:
    """Seconds for the whole file, on one thread.

    Attributes
    ----------
    products_s
        The network's int8 products alone.
    normalise_s, tokenise_s, network_s, calibrate_s, engine_s
        Of the stages; the engine's is all of it together.
    operations
        Of the int8 products: two for each multiply and add.
    operators
        Operator → its share of the network's time, by ONNX Runtime's profile.
    large_gops, bf16_gops
        Thousand million operations a second in products of `LONG` rows: int8 by ONNX Runtime, bf16
        by PyTorch.
    """

    messages: int
    products_s: list[float]
    normalise_s: float
    tokenise_s: float
    network_s: float
    calibrate_s: float
    engine_s: list[float]
    operations: float
    operators: dict[str, float]
    large_gops: float
    bf16_gops: float

    def rows(self) -> Iterator[Row]:
        """Figures for the table."""
        share = Spread.of(
            [100 * one / all_ for one, all_ in zip(self.products_s, self.engine_s, strict=True)]
        )
        yield Row(
            "share of the processor's measured peak for int8 products of the same shapes",
            share.text(".0f", "%"),
            "reported",
        )
        reached = self.operations / Spread.of(self.engine_s).median / 1e9
        peak = self.operations / Spread.of(self.products_s).median / 1e9
        yield Row(
            "operations in int8 products, thousand million a second on one thread",
            f"{reached:,.0f} in the engine, {peak:,.0f} in the products alone, "
            f"{self.large_gops:,.0f} with {LONG:,} rows; bf16 {self.bf16_gops:,.0f}",
        )

    def stages(self) -> dict[str, float]:
        """What a message costs in microseconds, by stage; one thread."""
        engine_s = Spread.of(self.engine_s).median
        products_s = Spread.of(self.products_s).median
        known = self.normalise_s + self.tokenise_s + self.network_s + self.calibrate_s
        found = {
            "normalise": self.normalise_s,
            "tokenise, cut into windows": self.tokenise_s,
            "network: int8 products": products_s,
            "network: the rest": self.network_s - products_s,
            "calibrate": self.calibrate_s,
            "queue, batches, hand-over": engine_s - known,
        }
        return {name: 1e6 * seconds / self.messages for name, seconds in found.items()}

    def sections(self) -> Iterator[str]:
        """What the rest of the time goes to."""
        stages = self.stages()
        everything = sum(stages.values())
        yield (
            "### Where a message's time goes\n\nOne thread, cache off, all messages, each stage "
            "measured alone. The int8 products are those of the same shapes in a graph that holds "
            "nothing else; the last line is what the engine takes beyond the stages.\n\n"
        ) + table_of(
            ("stage", "µs a message", "share"),
            [
                (name, f"{cost:,.0f}", f"{100 * cost / everything:.1f} %")
                for name, cost in stages.items()
            ],
        )
        yield "Within the network, by ONNX Runtime's profile:\n\n" + table_of(
            ("operator", "share of the network's time"),
            [
                (f"`{name}`", f"{100 * share:.1f} %")
                for name, share in self.operators.items()
                if share >= _LEAST_SHARE
            ],
        )


def measure(texts: Sequence[str], turns: int) -> Peak:
    """Measure the products alone and the engine in turns, then the stages."""
    with Worker(PeakSide) as alone, Worker(EngineSide, 1) as engine:
        normalise_s, tokenise_s, network_s, calibrate_s = alone.ask(PeakSide.stages, texts)
        products_s, engine_s = [], []
        for _ in range(turns):
            products_s.append(alone.ask(PeakSide.products))
            engine_s.append(engine.ask(EngineSide.flood, texts).seconds)
        return Peak(
            messages=len(texts),
            products_s=products_s,
            normalise_s=normalise_s,
            tokenise_s=tokenise_s,
            network_s=network_s,
            calibrate_s=calibrate_s,
            engine_s=engine_s,
            operations=alone.ask(PeakSide.operations),
            operators=alone.ask(PeakSide.operators),
            large_gops=alone.ask(PeakSide.large_gops),
            bf16_gops=alone.ask(PeakSide.bf16_gops),
        )


class PeakSide:
    """The model's stages one by one, on one thread; see `benchmarks.workers`."""

    def __init__(self) -> None:
        self._path = artifact.DEFAULT_MODEL / artifact.MODEL
        self._model = load_model(None, 1)
        tokenizer = Tokenizer.from_file(str(artifact.DEFAULT_MODEL / artifact.TOKENIZER))
        self._backend = OnnxBackend(
            self._path, pad_id=tokenizer.token_to_id("[PAD]") or 0, threads=1
        )
        self._products = products_of(self._path)
        self._batches: list[list[tuple[int, ...]]] = []

    def stages(self, texts: Sequence[str]) -> tuple[float, float, float, float]:
        """Seconds to normalise, to tokenise, in the network, to calibrate; for all texts."""
        for text in chat.messages(_WARM, seed=1):
            views(text)
        started = perf_counter()
        for text in texts:
            views(text)
        normalised = perf_counter()
        prepared = [self._model.prepare([text])[0] for text in texts]
        done = perf_counter()
        normalise_s, prepare_s = normalised - started, done - normalised
        windows = [window for each in prepared for window in each.windows]
        self._batches = [
            [windows[at] for at in batch] for batch in self._model.cut([len(w) for w in windows])
        ]
        started = perf_counter()
        found = [self._backend.logits(batch) for batch in self._batches]
        network_s = perf_counter() - started
        started = perf_counter()
        for logits in found:  # alone: a run of the network differs by more than this takes
            self._model._calibrated(logits)
        calibrate_s = perf_counter() - started
        return normalise_s, prepare_s - normalise_s, network_s, calibrate_s

    def operations(self) -> float:
        """Two for each multiply and add of the products, for all batches of `stages`."""
        return sum(
            2.0 * (texts if each.per_text else tokens) * each.rows * each.columns
            for products, sizes in self._parts()
            for tokens, texts in sizes
            for each in products
        )

    def _parts(self) -> list[tuple[list[Product], list[tuple[int, int]]]]:
        """The products before and behind the early exit, if there is one.

        Beside each part are the tokens and the texts of each batch that pass it; padding does not
        come to a product.
        """
        front = [each for each in self._products if not each.behind_exit]
        back = [each for each in self._products if each.behind_exit]
        parts = [(front, [_size(batch) for batch in self._batches])]
        if back:
            parts.append((back, [_size(batch) for batch in self._staying() if batch]))
        return parts

    def _staying(self) -> list[list[tuple[int, ...]]]:
        """Of each batch, the windows that pass the early exit."""
        network = onnx.load(self._path)
        network.graph.output.append(
            helper.make_tensor_value_info(STAYS, TensorProto.INT64, ["staying"])
        )
        session = onnxruntime.InferenceSession(network.SerializeToString(), single_thread())
        return [
            [batch[at] for at in session.run([STAYS], _feed(session, batch))[0]]
            for batch in self._batches
        ]

    def products(self) -> float:
        """Seconds of the products alone, for all batches of `stages`."""
        draw = np.random.default_rng(0)
        seconds = 0.0
        for products, sizes in self._parts():
            session = products_session(products)
            fed = {
                (each.rows, each.per_text): draw.integers(0, 256, (LONG, each.rows), dtype=np.uint8)
                for each in products
            }
            run_products(session, fed, sizes[:20])
            started = perf_counter()
            run_products(session, fed, sizes)
            seconds += perf_counter() - started
        return seconds

    def operators(self) -> dict[str, float]:
        """Each operator's share of the network's time."""
        with tempfile.TemporaryDirectory() as folder:
            options = single_thread()
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "profile")
            session = onnxruntime.InferenceSession(
                self._path,
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=SLOWER_JOINED,
            )
            step = max(len(self._batches) // _PROFILED, 1)
            for batch in self._batches[::step]:
                session.run(None, _feed(session, batch))
            profile = Path(session.end_profiling()).read_text(encoding="utf-8")
        return operator_shares(profile)

    def large_gops(self) -> float:
        """The int8 peak where the shapes are large."""
        products = [Product(1_536, 1_536)] * 4
        session = products_session(products)
        fed = {(1_536, False): np.full((LONG, 1_536), 3, dtype=np.uint8)}
        run_products(session, fed, [(LONG, 0)])
        started = perf_counter()
        run_products(session, fed, [(LONG, 0)] * 3)
        operations = 3 * sum(2.0 * LONG * each.rows * each.columns for each in products)
        return operations / (perf_counter() - started) / 1e9

    def bf16_gops(self) -> float:
        """PyTorch's bf16 peak on one thread where the shapes are large."""
        import torch

        torch.set_num_threads(1)
        left = torch.ones((LONG, 1_536), dtype=torch.bfloat16)
        right = torch.ones((1_536, 1_536), dtype=torch.bfloat16)
        with torch.inference_mode():
            left @ right
            started = perf_counter()
            for _ in range(6):
                left @ right
            seconds = perf_counter() - started
        return 6 * 2.0 * LONG * 1_536 * 1_536 / seconds / 1e9


def _size(batch: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The tokens of a batch, and its texts."""
    return sum(map(len, batch)), len(batch)


def _feed(
    session: onnxruntime.InferenceSession, batch: Sequence[Sequence[int]]
) -> dict[str, NDArray[np.int64]]:
    """A batch as the network takes it."""
    ids, mask = padded(batch, 0)
    fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return {each.name: fed[each.name] for each in session.get_inputs()}


def operator_shares(profile: str) -> dict[str, float]:
    """Operator → share of the time in all kernels, from ONNX Runtime's profile in JSON."""
    spent: Counter[str] = Counter()
    for event in json.loads(profile):
        kernel = event.get("cat") == "Node" and event.get("name", "").endswith("_kernel_time")
        # the operators of a branch are told one by one as well
        if kernel and event["args"]["op_name"] != "If":
            spent[event["args"]["op_name"]] += event["dur"]
    everything = sum(spent.values())
    return {name: took / everything for name, took in spent.most_common()}
