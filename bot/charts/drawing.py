"""Has pictures drawn by a process of its own: the bot's memory and event loop are spared."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from types import TracebackType
from typing import Self

from bot.charts.describe import Picture, to_json
from bot.errors import ChartError

log = logging.getLogger(__name__)

# Pictures that may wait for the one that is being drawn.
_MOST_WAITING = 8
_COMMAND = ("-P", "-m", "bot.charts")
# The largest picture is a tenth of it.
_MOST_BYTES = 4_000_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Charts:
    """Draws one picture at a time.

    Parameters
    ----------
    deadline_s
        How long a picture may take, in seconds, the wait for those before it included. Loading the
        drawing library from a slow disk for the first time takes most of it.
    command
        What is run instead of the drawing module, with the same interpreter.
    """

    def __init__(self, *, deadline_s: float = 20.0, command: tuple[str, ...] = _COMMAND) -> None:
        self._deadline_s = deadline_s
        self._command = command
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        async with self._turn:
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    async def draw(self, picture: Picture) -> bytes:
        """A picture as PNG.

        Raises
        ------
        ChartError
            If it could not be drawn, or not in time. Whoever asked for it has the numbers.
        """
        if self._waiting >= _MOST_WAITING:
            raise ChartError("too many charts wait to be drawn")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._deadline_s), self._turn:
                return await self._draw(to_json(picture))
        except TimeoutError:
            raise self._failed(f"it took longer than {self._deadline_s:g} s") from None
        except OSError as error:  # no process, no memory, or no folder for temporary files
            raise self._failed(f"{type(error).__name__}: {error.strerror}") from None
        finally:
            self._waiting -= 1

    async def _draw(self, described: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=self._own_folder(),
            env=self._environment(),
        )
        try:
            png, complaint = await process.communicate(described)
        finally:
            await _end(process)
        if process.returncode != 0 or not png.startswith(_SIGNATURE):
            last = complaint.decode(errors="replace").strip().splitlines()[-1:]
            raise self._failed(f"exit status {process.returncode} {' '.join(last)[:200]}")
        if len(png) > _MOST_BYTES:
            raise self._failed(f"it has {len(png)} bytes")
        return png

    def _own_folder(self) -> str:
        """A folder in which the library keeps its list of fonts from one chart to the next.

        Its usual place in the home directory may not be writable, and may hold somebody's style.
        """
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="hexward-charts-")
        return self._folder.name

    def _environment(self) -> dict[str, str]:
        # Nothing of the bot's own environment, which holds the token.
        return {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "MPLCONFIGDIR": self._own_folder(),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }

    @staticmethod
    def _failed(reason: str) -> ChartError:
        log.warning("A chart could not be drawn: %s", reason)
        return ChartError(reason)


async def _end(process: Process) -> None:
    """See that a process is over, also one that nobody waits for any more."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await asyncio.shield(process.wait())
