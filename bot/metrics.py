"""What the bot does, in numbers: for Prometheus on a loopback port, and for ``/status``.

Nothing here holds a message's text, and no label of a metric is a server's or a member's.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

from bot.errors import SettingsError
from bot.screening.observing import Figures, How
from bot.screening.waiting import Priority

# What `/status` speaks of: the last minutes, and so many of the latest waits in them.
RECENT_S = 300.0
_SAMPLES = 4096
_SLOT_S = 10.0

_WAITS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_WINDOWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
_SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Recent:
    """The last minutes.

    Attributes
    ----------
    window_s
        How much time this speaks of: five minutes, or less after the start.
    per_s
        Texts scored a second, remembered scores included.
    p50_s, p99_s
        How long the scores of live messages took, waiting included; None if there were none.
    """

    window_s: float
    per_s: float
    p50_s: float | None
    p99_s: float | None


@dataclass(slots=True)
class _Batches:
    """What the network read since the start, added up."""

    count: int = 0
    windows: int = 0
    tokens: int = 0
    padded_tokens: int = 0
    inference_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch was on average since the start.

    Attributes
    ----------
    windows
        How many it had.
    padding_share
        The part of all that the network read that was padding.
    inference_s
        How long the network took.
    """

    windows: float
    padding_share: float
    inference_s: float


class Metrics:
    """Counters, histograms and gauges, in a registry of their own.

    It is the engine's observer; the engine calls it on the loop and on the worker thread.

    Parameters
    ----------
    clock
        Seconds from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        # (when a slot of time began, texts answered in it), and (when, how long) of live messages.
        self._slots: deque[list[float]] = deque(maxlen=int(RECENT_S / _SLOT_S) + 1)
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)
        self._batches = _Batches()
        registry = self.registry
        wait = Histogram(
            "hexward_queue_wait_seconds",
            "How long texts waited for the worker",
            ["priority"],
            buckets=_WAITS_S,
            registry=registry,
        )
        self._wait = {priority: wait.labels(priority.name.lower()) for priority in Priority}
        latency = Histogram(
            "hexward_scoring_seconds",
            "How long messages' scores took, waiting included",
            ["priority"],
            buckets=_WAITS_S,
            registry=registry,
        )
        self._latency = {priority: latency.labels(priority.name.lower()) for priority in Priority}
        self._prepare = Histogram(
            "hexward_prepare_seconds",
            "How long normalising and tokenising the texts of a round took",
            buckets=_WAITS_S,
            registry=registry,
        )
        self._inference = Histogram(
            "hexward_inference_seconds",
            "How long the network took for a batch",
            buckets=_WAITS_S,
            registry=registry,
        )
        self._windows = Histogram(
            "hexward_batch_windows", "Windows in a batch", buckets=_WINDOWS, registry=registry
        )
        self._tokens = Histogram(
            "hexward_batch_tokens",
            "Tokens in a batch, padding left out",
            buckets=_TOKENS,
            registry=registry,
        )
        self._padding = Histogram(
            "hexward_batch_padding_share",
            "The part of a batch that is padding",
            buckets=_SHARES,
            registry=registry,
        )
        self._prepared = Counter(
            "hexward_texts_prepared", "Texts normalised and tokenised", registry=registry
        )
        answers = Counter(
            "hexward_answers",
            "Texts answered with scores: from the network, the cache, or a text in flight",
            ["how"],
            registry=registry,
        )
        self._answers = {how: answers.labels(how) for how in get_args(How)}
        self._refusals = Counter(
            "hexward_refusals", "Texts refused because too much waited", registry=registry
        )
        self._failures = Counter(
            "hexward_failures", "Texts that could not be scored", registry=registry
        )
        self._restarts = Counter(
            "hexward_worker_restarts", "Scoring workers that died", registry=registry
        )
        self._screened = Counter(
            "hexward_screened", "Texts of messages that were decided on", registry=registry
        )
        self._flagged = Counter(
            "hexward_flagged", "Texts of messages that were flagged", registry=registry
        )
        self._unscreened = Counter(
            "hexward_unscreened",
            "Messages that went unscreened when they came, or were missed",
            ["reason"],
            registry=registry,
        )

    # The engine's observer.

    def queue_wait(self, seconds: float, priority: Priority) -> None:
        self._wait[priority].observe(seconds)

    def prepared(self, texts: int, seconds: float) -> None:
        self._prepared.inc(texts)
        self._prepare.observe(seconds)

    def batch(self, windows: int, tokens: int, padded_tokens: int, inference_s: float) -> None:
        self._windows.observe(windows)
        self._tokens.observe(tokens)
        self._padding.observe(1 - tokens / padded_tokens if padded_tokens else 0.0)
        self._inference.observe(inference_s)
        with self._lock:
            self._batches.count += 1
            self._batches.windows += windows
            self._batches.tokens += tokens
            self._batches.padded_tokens += padded_tokens
            self._batches.inference_s += inference_s

    def answered(self, how: How) -> None:
        self._answers[how].inc()
        now = self._clock()
        with self._lock:
            if not self._slots or now - self._slots[-1][0] >= _SLOT_S:
                self._slots.append([now, 0])
            self._slots[-1][1] += 1

    def refused(self) -> None:
        self._refusals.inc()

    def failed(self) -> None:
        self._failures.inc()

    def worker_restarted(self) -> None:
        self._restarts.inc()

    # Of messages.

    def screened(self, *, flagged: bool, priority: Priority, scoring_s: float) -> None:
        """A text of a message was decided on."""
        self._screened.inc()
        self._flagged.inc(flagged)
        self._latency[priority].observe(scoring_s)
        if priority is Priority.LIVE:
            self._samples.append((self._clock(), scoring_s))

    def unscreened(self, reason: str) -> None:
        """A message was put down as unscreened."""
        self._unscreened.labels(reason).inc()

    def watch(self, figures: Callable[[], Figures]) -> None:
        """Show what waits in the engine now, asked whenever somebody looks."""
        for name, words, field in (
            ("hexward_waiting_texts", "Callers waiting for scores", "waiting"),
            ("hexward_waiting_chars", "Characters of the texts that wait", "waiting_chars"),
            ("hexward_waiting_servers", "Servers whose texts wait", "waiting_servers"),
            ("hexward_cache_entries", "Texts whose scores are remembered", "cache_entries"),
        ):
            gauge = Gauge(name, words, registry=self.registry)
            gauge.set_function(lambda field=field: getattr(figures(), field))  # type: ignore[misc]

    def recent(self) -> Recent:
        """The last minutes in numbers."""
        now = self._clock()
        window_s = max(min(RECENT_S, now - self._started), 1.0)
        with self._lock:
            texts = sum(count for began, count in self._slots if now - began < RECENT_S)
        took = sorted(seconds for at, seconds in list(self._samples) if now - at < RECENT_S)
        return Recent(window_s, texts / window_s, _rank(took, 0.5), _rank(took, 0.99))

    def average_batch(self) -> Batch | None:
        """What the network got at a time; None if it has got nothing yet."""
        with self._lock:
            all_of = self._batches
            if not all_of.count:
                return None
            return Batch(
                windows=all_of.windows / all_of.count,
                padding_share=1 - all_of.tokens / max(all_of.padded_tokens, 1),
                inference_s=all_of.inference_s / all_of.count,
            )


def _rank(ordered: list[float], share: float) -> float | None:
    """The smallest value that at least `share` of all do not exceed (nearest rank)."""
    if not ordered:
        return None
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


@contextlib.contextmanager
def served(metrics: Metrics, port: int | None) -> Iterator[None]:
    """Serve the metrics on a port of this machine alone while the block runs; None: nowhere.

    Raises
    ------
    SettingsError
        If another program has the port.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, "127.0.0.1", metrics.registry)
    except OSError as error:
        raise SettingsError(
            f"METRICS_PORT: port {port} cannot be used ({error.strerror}); choose another, or "
            "leave it empty to serve no metrics"
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
