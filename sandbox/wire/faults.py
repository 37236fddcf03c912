"""Faults on request: what the wire does wrong when a test asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(slots=True)
class Fault:
    """One thing to go wrong with matching REST requests.

    Attributes
    ----------
    method, path
        Which requests: a method or ``*``, and a glob over the path below ``/api/v10``, such as
        ``/channels/*/messages``.
    times
        For how many requests; None until removed.
    delay_s
        How long to wait before anything else happens. A request whose sender hangs up meanwhile is
        carried out all the same.
    status, code, message
        Answer this instead of the truth; ``status`` None answers the truth.
    body
        Answer this JSON with ``status`` instead of an error.
    retry_after_s, is_global
        For status 429.
    drop
        Close the connection without an answer.
    after
        Carry the request out first, so that only its answer goes wrong.
    hits
        How many requests it has struck so far.
    """

    method: str = "*"
    path: str = "*"
    times: int | None = 1
    delay_s: float = 0.0
    status: int | None = None
    code: int = 0
    message: str = ""
    body: Any = None
    retry_after_s: float = 0.0
    is_global: bool = False
    drop: bool = False
    after: bool = False
    hits: int = 0


@dataclass(slots=True)
class Faults:
    """The faults that wait for their request.

    Attributes
    ----------
    refuse_handshakes
        How many of the next gateway connections are answered 503 instead of upgraded.
    ignore_heartbeats
        While true, heartbeats get no acknowledgement, and the client holds a zombie.
    """

    refuse_handshakes: int = 0
    ignore_heartbeats: bool = False
    _waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> Fault:
        self._waiting.append(fault)
        return fault

    def rate_limit(
        self,
        method: str = "*",
        path: str = "*",
        *,
        retry_after_s: float = 0.2,
        is_global: bool = False,
        times: int | None = 1,
    ) -> Fault:
        """Answer 429 and name the wait."""
        return self.add(
            Fault(
                method,
                path,
                times,
                status=429,
                message="You are being rate limited.",
                retry_after_s=retry_after_s,
                is_global=is_global,
            )
        )

    def server_error(
        self,
        method: str = "*",
        path: str = "*",
        *,
        status: int = 502,
        times: int | None = 1,
        after: bool = False,
    ) -> Fault:
        """Answer 5xx; with ``after`` the request was carried out nevertheless."""
        return self.add(
            Fault(method, path, times, status=status, message="Server error", after=after)
        )

    def refuse(
        self,
        method: str = "*",
        path: str = "*",
        *,
        status: int = 403,
        code: int = 50013,
        message: str = "Missing Permissions",
        times: int | None = 1,
    ) -> Fault:
        """Answer with one of Discord's own errors."""
        return self.add(Fault(method, path, times, status=status, code=code, message=message))

    def reply(
        self, method: str, path: str, body: Any, *, status: int = 200, times: int | None = 1
    ) -> Fault:
        """Answer with this JSON, whatever the truth is."""
        return self.add(Fault(method, path, times, status=status, body=body))

    def slow(
        self, delay_s: float, method: str = "*", path: str = "*", *, times: int | None = 1
    ) -> Fault:
        """Let requests wait ``delay_s`` seconds."""
        return self.add(Fault(method, path, times, delay_s=delay_s))

    def drop(
        self,
        method: str = "*",
        path: str = "*",
        *,
        times: int | None = 1,
        after: bool = False,
    ) -> Fault:
        """Close the connection instead of answering."""
        return self.add(Fault(method, path, times, drop=True, after=after))

    def remove(self, fault: Fault) -> None:
        if fault in self._waiting:
            self._waiting.remove(fault)

    def clear(self) -> None:
        """Forget every fault that has not struck yet."""
        self._waiting.clear()
        self.refuse_handshakes = 0
        self.ignore_heartbeats = False

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that strikes this request, counted down."""
        for fault in self._waiting:
            if fault.method in ("*", method) and fnmatchcase(path, fault.path):
                fault.hits += 1
                if fault.times is not None and fault.hits >= fault.times:
                    self._waiting.remove(fault)
                return fault
        return None
