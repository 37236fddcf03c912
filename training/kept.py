"""Long work that can be stopped: what is done of it stays on the disk until all of it is.

A part is found again by what it was made from and by nothing else. So a command that is started
again takes up what fits, and what another model, other rows or another normaliser left lies there
unread until the work is done.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

UNFINISHED = "unfinished"
PART, HALF = ".part", ".half"


class Kept:
    """Arrays in a folder, each under the words that say what it was made from.

    Parameters
    ----------
    folder
        Made with the first array.
    made_from
        What all of them are made from.
    """

    def __init__(self, folder: Path, *made_from: str) -> None:
        self._folder = folder
        self._made_from = made_from

    def under(self, *more: str) -> Kept:
        """The arrays that are made from this too."""
        return Kept(self._folder, *self._made_from, *more)

    def get(self, *made_from: str, shape: tuple[int, ...]) -> npt.NDArray[Any] | None:
        """The array that was made from this; None where there is none, or no whole one."""
        key = self._key(made_from)
        try:
            content = self._path(key).read_bytes()
            if hashlib.sha256(key + content[32:]).digest() != content[:32]:
                raise ValueError
            found: npt.NDArray[Any] = np.load(io.BytesIO(content[32:]), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return found if found.shape == shape else None

    def put(self, array: npt.NDArray[Any], *made_from: str) -> None:
        """Keep an array under what it was made from."""
        key = self._key(made_from)
        stream = io.BytesIO()
        np.save(stream, array, allow_pickle=False)
        content = stream.getvalue()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(key)
        half = path.with_suffix(HALF)
        half.write_bytes(hashlib.sha256(key + content).digest() + content)
        half.replace(path)

    def _key(self, made_from: tuple[str, ...]) -> bytes:
        return hashlib.sha256(json.dumps([*self._made_from, *made_from]).encode()).digest()

    def _path(self, key: bytes) -> Path:
        return self._folder / f"{key.hex()[:32]}{PART}"


@contextmanager
def until_done(unfinished: Path) -> Iterator[Path]:
    """A folder for `Kept`. It stays when the work is stopped; when it is done, it goes.

    Parameters
    ----------
    unfinished
        The folder, which belongs to one piece of work; `UNFINISHED` in the one that it writes to.
    """
    if unfinished.exists():
        log.info("going on from what is done already, where it fits (%s)", unfinished)
    yield unfinished
    for pattern in (f"*{PART}", f"*{HALF}"):
        for path in unfinished.glob(pattern):
            path.unlink(missing_ok=True)
    # Whatever else lies there is somebody's own.
    with suppress(OSError):
        unfinished.rmdir()
