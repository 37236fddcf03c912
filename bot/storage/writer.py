"""One writer for the whole process: what waits is committed together.

SQLite lets one connection write at a time and a commit costs about the same for one row as for a
hundred, so every write goes through one queue and one task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, NestedTransaction
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.errors import DatabaseError

T = TypeVar("T")
log = logging.getLogger(__name__)

Operation = Callable[[Connection], T]

# Writes that may wait; far more than a healthy disk ever leaves waiting.
_CAPACITY = 4096
# Writes in one transaction, so that other processes get their turn.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Job:
    """An accepted write and the future its caller waits on."""

    operation: Operation[Any]
    after: Callable[[], None] | None
    future: asyncio.Future[Any]

    def finish(self, outcome: Any) -> None:
        """Hand the outcome (a result, or the exception) to the caller."""
        if self.future.done():
            return
        try:
            if self.after is not None:
                self.after()
        except Exception:
            log.exception("What follows a write failed")
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Writer:
    """Runs write operations in the order they come, in batches, on one connection.

    Parameters
    ----------
    engine
        An engine whose transactions take the write lock at their beginning.
    explain
        Turns what the driver raises into a sentence.
    capacity
        How many operations may wait.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        explain: Callable[[Exception], DatabaseError],
        *,
        capacity: int = _CAPACITY,
    ) -> None:
        self._engine = engine
        self._explain = explain
        # None is put in once, by `close`, and ends the task.
        self._queue: asyncio.Queue[_Job | None] = asyncio.Queue(capacity)
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="database writer")

    async def write(self, operation: Operation[T], *, after: Callable[[], None] | None = None) -> T:
        """Run `operation` in a transaction and return its result once it is committed.

        An accepted operation is carried out even when its caller is cancelled while waiting.

        Parameters
        ----------
        operation
            Gets a synchronous connection. It runs on the event loop, which goes on while a
            statement is carried out, so it may do nothing else that takes time. What it raises
            reaches the caller and undoes this operation alone.
        after
            Called when the operation is over, committed or not, before the caller goes on.

        Raises
        ------
        DatabaseError
            If it could not be written, if too many writes wait, or if the writer is closed.
        """
        if self._closed:
            raise _closed()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Job(operation, after, future))
        except asyncio.QueueFull:
            raise DatabaseError(
                f"The database does not keep up: {self._queue.qsize()} writes are waiting."
            ) from None
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Finish every accepted operation, then stop. May be called again."""
        if not self._closed:
            self._closed = True
            await self._queue.put(None)
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while batch := await self._next_batch():
                await self._commit(batch)
        finally:
            # Only when the task itself is cancelled is anything left here.
            self._closed = True
            while not self._queue.empty():
                if job := self._queue.get_nowait():
                    job.finish(_closed())

    async def _next_batch(self) -> list[_Job]:
        """Whatever waits, at least one; empty at the end."""
        batch: list[_Job] = []
        job = await self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _BATCH or self._queue.empty():
                return batch
            job = self._queue.get_nowait()
        if batch:
            # The end comes after what was found before it. The queue has room: it was just taken.
            self._queue.put_nowait(None)
        return batch

    async def _commit(self, batch: list[_Job]) -> None:
        """Carry out a batch in one transaction and tell every caller how it went."""
        # What they get if this task is cancelled before the commit is through.
        outcomes: list[Any] = [_closed() for _ in batch]
        try:
            async with self._engine.begin() as connection:
                results = await connection.run_sync(self._carry_out, batch)
            outcomes = results
        except Exception as error:
            # The transaction is gone, with every operation in it, also those that went well.
            outcomes = [self._explain(error) for _ in batch]
        finally:
            for job, outcome in zip(batch, outcomes, strict=True):
                job.finish(outcome)

    def _carry_out(self, connection: Connection, batch: list[_Job]) -> list[Any]:
        outcomes: list[Any] = []
        for job in batch:
            savepoint = connection.begin_nested()
            try:
                outcome = job.operation(connection)
                savepoint.commit()
            except Exception as error:
                self._undo(savepoint, error)
                outcome = self._explain(error) if isinstance(error, SQLAlchemyError) else error
            outcomes.append(outcome)
        return outcomes

    def _undo(self, savepoint: NestedTransaction, error: Exception) -> None:
        try:
            savepoint.rollback()
        except SQLAlchemyError:
            # The error has ended the whole transaction (SQLite does that when the disk is full).
            # The next operation would be written outside of it, so the batch ends here.
            raise error from None


def _closed() -> DatabaseError:
    return DatabaseError("The database is closed; nothing more is read or written.")
