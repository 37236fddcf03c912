"""What the bot does, in numbers: for Prometheus on a loopback port, and for ``/status``.

Nothing here holds a message's text, and no label of a metric is a server's or a member's.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    make_wsgi_app,
    start_http_server,
)

from bot.errors import SettingsError
from bot.screening.observing import Figures, How
from bot.screening.waiting import Priority
from bot.storage.unscreened import Reason

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_OWN_NAMES = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)

# What `/status` speaks of: the last minutes, and so many of the latest waits in them.
RECENT_S = 300.0
_SAMPLES = 4096
_SLOT_S = 10.0

_WAITS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_WINDOWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
_SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Took:
    """How long the scores of messages took, waiting included: half of them, and 99 of 100."""

    p50_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Recent:
    """The last minutes.

    Attributes
    ----------
    window_s
        How much time this speaks of: five minutes, or less after the start.
    per_s
        Texts scored a second, remembered scores included.
    live, caught_up
        How long the scores took of messages as they were posted, and of those that were caught up
        with; None if there were none.
    """

    window_s: float
    per_s: float
    live: Took | None
    caught_up: Took | None


@dataclass(slots=True)
class _Batches:
    """What the network read since the start, added up, and how long texts waited before."""

    texts: int = 0
    waited_s: float = 0.0

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
        The part of a batch, longest × count, that was filled up.
    inference_s
        How long the network took.
    waited_s
        How long a text was in the queue before it was prepared.
    """

    windows: float
    padding_share: float
    inference_s: float
    waited_s: float


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
        # (when a slot of time began, texts answered in it), and (when, how long) of messages.
        self._slots: deque[list[float]] = deque(maxlen=int(RECENT_S / _SLOT_S) + 1)
        self._samples: dict[Priority, deque[tuple[float, float]]] = {
            priority: deque(maxlen=_SAMPLES) for priority in Priority
        }
        self._batches = _Batches()
        self._unscreened_so_far = 0
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
            "The part of a batch, longest × count, that is filled up",
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
        with self._lock:
            self._batches.texts += 1
            self._batches.waited_s += seconds

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
        self._samples[priority].append((self._clock(), scoring_s))

    @property
    def unscreened_so_far(self) -> int:
        """How often a message was put down as unscreened when it came, made up for or not."""
        return self._unscreened_so_far

    def unscreened(self, reason: Reason) -> None:
        """A message was put down as unscreened."""
        self._unscreened.labels(reason.value).inc()
        self._unscreened_so_far += reason is not Reason.AWAY

    def watch(self, figures: Callable[[], Figures]) -> None:
        """Show what waits in the engine now, asked whenever somebody looks."""
        for name, words, field in (
            ("hexward_waiting_texts", "Callers waiting for scores", "waiting"),
            ("hexward_waiting_chars", "Characters of the texts that wait", "waiting_chars"),
            ("hexward_waiting_servers", "Servers whose texts wait", "waiting_servers"),
            ("hexward_cache_entries", "Texts whose scores are remembered", "cache_entries"),
        ):
            gauge = Gauge(name, words, registry=self.registry)
            gauge.set_function(partial(_figure, figures, field))

    def recent(self) -> Recent:
        """The last minutes in numbers."""
        now = self._clock()
        window_s = max(min(RECENT_S, now - self._started), 1.0)
        with self._lock:
            texts = sum(count for began, count in self._slots if now - began < RECENT_S)
        live, caught_up = (self._took(one, now) for one in (Priority.LIVE, Priority.BULK))
        return Recent(window_s, texts / window_s, live, caught_up)

    def _took(self, priority: Priority, now: float) -> Took | None:
        samples = list(self._samples[priority])
        took = sorted(seconds for at, seconds in samples if now - at < RECENT_S)
        return Took(_rank(took, 0.5), _rank(took, 0.99)) if took else None

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
                waited_s=all_of.waited_s / max(all_of.texts, 1),
            )


def _figure(figures: Callable[[], Figures], field: str) -> float:
    return float(getattr(figures(), field))


def _rank(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed (nearest rank)."""
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


@contextlib.contextmanager
def served(metrics: Metrics, port: int | None) -> Iterator[None]:
    """Serve the metrics on a port of this machine alone while the block runs; None: nowhere.

    A page in a browser on this machine that makes its own name point here is refused.

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
    server.set_app(_asked_by_own_name(make_wsgi_app(metrics.registry)))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _asked_by_own_name(app: WSGIApplication) -> WSGIApplication:
    """An application that answers only requests for this machine by a name of its own."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        if host is None or _OWN_NAMES.fullmatch(host):
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"These metrics are for this machine alone: ask for localhost or 127.0.0.1.\n"]

    return guarded
