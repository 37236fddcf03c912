from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.errors import Overloaded
from bot.screening.waiting import Request, Waiting


def request(text: str) -> Request:
    loop = asyncio.new_event_loop()
    try:
        return Request(text, loop.create_future())
    finally:
        loop.close()


class Queue(RuleBasedStateMachine):
    """`Waiting` against a plain list."""

    @initialize(most=st.integers(1, 5), most_chars=st.integers(0, 20))
    def start(self, most: int, most_chars: int) -> None:
        self.most, self.most_chars = most, most_chars
        self.waiting = Waiting(most, most_chars)
        self.expected: list[Request] = []
        self.gone: list[Request] = []

    def chars(self) -> int:
        return sum(len(each.text) for each in self.expected)

    @rule(length=st.integers(0, 12))
    def add(self, length: int) -> None:
        added = request("x" * length)
        fits = len(self.expected) < self.most and self.chars() + length <= self.most_chars
        if fits:
            self.waiting.add(added)
            self.expected.append(added)
        else:
            with pytest.raises(Overloaded) as caught:
                self.waiting.add(added)
            assert caught.value.waiting == len(self.expected)

    @precondition(lambda self: self.expected)
    @rule(most_chars=st.integers(0, 15))
    def take(self, most_chars: int) -> None:
        taken = self.waiting.take(most_chars)
        assert taken
        assert taken == self.expected[: len(taken)]
        chars = sum(len(each.text) for each in taken)
        assert len(taken) == 1 or chars <= most_chars
        rest = self.expected[len(taken) :]
        assert not rest or chars + len(rest[0].text) > most_chars  # it took all it could
        self.expected = rest
        self.gone += taken

    @precondition(lambda self: self.expected)
    @rule(pick=st.integers(0, 4))
    def drop(self, pick: int) -> None:
        dropped = self.expected.pop(pick % len(self.expected))
        self.waiting.drop(dropped)
        self.gone.append(dropped)

    @precondition(lambda self: self.gone)
    @rule()
    def drop_one_that_is_gone(self) -> None:
        self.waiting.drop(self.gone[-1])

    @rule()
    def clear(self) -> None:
        self.waiting.clear()
        self.expected = []

    @invariant()
    def counts(self) -> None:
        assert len(self.waiting) == len(self.expected) <= self.most
        assert self.waiting.chars == self.chars() <= self.most_chars


def test_the_queue_keeps_order_and_bounds() -> None:
    run_state_machine_as_test(Queue, settings=settings(max_examples=60, deadline=None))


def test_a_closed_queue_gives_out_what_is_left_and_then_nothing() -> None:
    waiting = Waiting(5, 100)
    last = request("text")
    waiting.add(last)
    waiting.close()
    assert waiting.take(10) == [last]
    assert waiting.take(10) == []
