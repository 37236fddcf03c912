"""What is measured lives in a process of its own and works only when it is asked.

So neither side's memory, threads or warm caches are the other's, and the sides can take turns on
the same machine: whatever else that machine does hurts both.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from benchmarks.figures import BenchmarkError
from benchmarks.machine import use_cores
from bot.errors import HexwardError

Side = TypeVar("Side")


@dataclass(frozen=True, slots=True)
class _Failed:
    sentence: str


class TookTooLongError(BenchmarkError):
    """A process was not done in time."""


class Worker(Generic[Side]):
    """A process that holds one object and calls its methods.

    Use it as a context manager; entering waits until the object is made.

    Parameters
    ----------
    make
        A class at the top of a module, called in the process.
    *arguments
        For ``make``; they must survive pickling, and so must what the methods take and return.
    cores
        The cores that the process may use; None for all.

    Raises
    ------
    BenchmarkError
        On entering or asking: the object cannot be made or used, or its process ended.
    """

    def __init__(
        self, make: Callable[..., Side], *arguments: object, cores: Sequence[int] | None = None
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, make, arguments, cores), daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        self._answer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.close()  # which ends the process
        self._process.join(timeout=None if error is None else 1.0)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()

    def ask(
        self, method: Callable[..., Any], *arguments: object, within_s: float | None = None
    ) -> Any:
        """Call one of the object's methods there.

        Parameters
        ----------
        method
            As the class has it: ``RecipeSide.one_by_one``.
        within_s
            How long that may take; None for however long.

        Raises
        ------
        TookTooLongError
            It took longer. The object is still at it, so it is of no further use.
        """
        self._pipe.send((method.__name__, arguments))
        return self._answer(within_s)

    def _answer(self, within_s: float | None = None) -> Any:
        if within_s is not None and not self._pipe.poll(within_s):
            raise TookTooLongError(f"A measuring process did not answer in {within_s:g} s.")
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            raise BenchmarkError(
                f"A measuring process ended with code {self._process.exitcode}; what it wrote "
                "above says why (-9 is a lack of memory)."
            ) from None
        if isinstance(answer, _Failed):
            raise BenchmarkError(answer.sentence)
        return answer


def _serve(
    pipe: Connection,
    make: Callable[..., object],
    arguments: tuple[object, ...],
    cores: Sequence[int] | None,
) -> None:
    use_cores(cores)
    try:
        side = make(*arguments)
    except (HexwardError, BenchmarkError, ImportError) as error:
        pipe.send(_Failed(str(error)))
        return
    pipe.send(None)
    while True:
        try:
            method, given = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(getattr(side, method)(*given))
        except (HexwardError, BenchmarkError) as error:
            pipe.send(_Failed(str(error)))
