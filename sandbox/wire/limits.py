"""Discord's rate limits: one bucket per route and major parameter, and one over everything."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Scope = Literal["user", "global"]

_ID = re.compile(r"^\d+$")


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests a bucket takes in a window of ``per_s`` seconds."""

    requests: int
    per_s: float


#: Discord allows a bot 50 requests a second over all routes.
USUAL = Limit(50, 1.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a bucket stands after a request; what the ``X-RateLimit-*`` headers say."""

    bucket: str
    limit: int
    remaining: int
    reset_after_s: float
    limited: bool = False
    scope: Scope = "user"

    def headers(self) -> dict[str, str]:
        fields = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{time.time() + self.reset_after_s:.3f}",
            "X-RateLimit-Reset-After": f"{self.reset_after_s:.3f}",
            "X-RateLimit-Bucket": self.bucket,
        }
        if self.limited:
            fields["X-RateLimit-Scope"] = self.scope
        return fields


@dataclass(slots=True)
class _Window:
    used: int
    ends: float


class RateLimits:
    """Counts requests and says which of them come too soon.

    Parameters
    ----------
    default
        The limit of every route without a rule of its own.
    overall
        The limit over all routes together; None for none. Interaction callbacks and webhooks
        do not count towards it, as on Discord.
    """

    def __init__(
        self,
        default: Limit = USUAL,
        overall: Limit | None = USUAL,
    ) -> None:
        self.default = default
        self.overall = overall
        self._rules: list[tuple[str, str, Limit]] = []
        self._windows: dict[str, _Window] = {}

    def set(self, method: str, path: str, limit: Limit) -> None:
        """Give the routes that match ``method`` and the glob ``path`` a limit of their own."""
        self._rules.insert(0, (method, path, limit))

    def spend(self, method: str, path: str) -> Standing:
        """Count one request, unless it is over a limit."""
        bucket, key = _bucket(method, path)
        own = self._find(method, path)
        now = time.monotonic()
        window = self._window(key, own, now)
        if window.used >= own.requests:
            return Standing(bucket, own.requests, 0, window.ends - now, limited=True)
        if self.overall is not None and not path.startswith(("/interactions/", "/webhooks/")):
            shared = self._window("", self.overall, now)
            if shared.used >= self.overall.requests:
                wait_s = shared.ends - now
                return Standing(bucket, own.requests, 0, wait_s, limited=True, scope="global")
            shared.used += 1
        window.used += 1
        return Standing(bucket, own.requests, own.requests - window.used, window.ends - now)

    def _find(self, method: str, path: str) -> Limit:
        for wanted, pattern, limit in self._rules:
            if wanted in ("*", method) and fnmatchcase(path, pattern):
                return limit
        return self.default

    def _window(self, key: str, limit: Limit, now: float) -> _Window:
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = _Window(0, now + limit.per_s)
        return window


def _bucket(method: str, path: str) -> tuple[str, str]:
    """A route's bucket name, and the key of the one window it counts in."""
    parts = path.strip("/").split("/")
    major = ""
    if len(parts) > 1 and parts[0] in ("channels", "guilds"):
        major = parts[1]
    elif parts[0] in ("webhooks", "interactions"):
        major = "/".join(parts[1:3])
        parts[1:3] = ["{id}", "{token}"][: len(parts) - 1]
    template = "/".join("{id}" if _ID.match(part) else part for part in parts)
    name = hashlib.sha256(f"{method} {template}".encode()).hexdigest()[:32]
    return name, f"{name}:{major}"
