from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.screening.waiting import Job, Priority, Ticket, Waiting

CHECK, LIVE, BULK = Priority
LENGTHS = st.integers(0, 60) | st.integers(0, 4000)
BUDGETS = st.integers(1, 8000)


def ticket(length: int, server_id: int = 0, priority: Priority = LIVE) -> Ticket:
    return Ticket(Job("x" * length, b""), server_id, priority, 0.0)


def spent(taken: list[Ticket]) -> int:
    return sum(each.job.cost for each in taken)


class Queue(RuleBasedStateMachine):
    """`Waiting` against a plain list for each server and class."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = Waiting({3: 0.5})
        self.lanes: dict[tuple[int, Priority], list[Ticket]] = {}
        self.in_hand: list[Job] = []

    def all(self) -> list[Ticket]:
        return [each for lane in self.lanes.values() for each in lane]

    def expect(self, added: Ticket) -> None:
        self.lanes.setdefault((added.server_id, added.priority), []).append(added)

    def forget(self, gone: Ticket) -> None:
        self.lanes[gone.server_id, gone.priority].remove(gone)

    @rule(length=LENGTHS, server_id=st.integers(1, 3), priority=st.sampled_from(Priority))
    def add(self, length: int, server_id: int, priority: Priority) -> None:
        added = ticket(length, server_id, priority)
        self.waiting.add(added)
        self.expect(added)

    @precondition(lambda self: self.all())
    @rule(pick=st.integers(0), server_id=st.integers(1, 3), priority=st.sampled_from(Priority))
    def ask_elsewhere(self, pick: int, server_id: int, priority: Priority) -> None:
        job = self.all()[pick % len(self.all())].job
        if (server_id, priority) not in job.tickets:
            added = Ticket(job, server_id, priority, 0.0)
            self.waiting.add(added)
            self.expect(added)

    @precondition(lambda self: self.in_hand)
    @rule(server_id=st.integers(4, 6))
    def ask_for_what_is_in_hand(self, server_id: int) -> None:
        job = self.in_hand[-1]
        if (server_id, LIVE) not in job.tickets:
            self.waiting.add(Ticket(job, server_id, LIVE, 0.0))  # and it does not wait
            assert job.tickets[server_id, LIVE].job is job

    @precondition(lambda self: self.all())
    @rule(pick=st.integers(0))
    def drop(self, pick: int) -> None:
        dropped = self.all()[pick % len(self.all())]
        self.waiting.drop(dropped)
        self.forget(dropped)
        assert dropped not in dropped.job.tickets.values()

    @precondition(lambda self: self.in_hand)
    @rule()
    def drop_what_is_in_hand(self) -> None:
        job = self.in_hand.pop()
        for each in list(job.tickets.values()):
            self.waiting.drop(each)
        assert not job.wanted

    @precondition(lambda self: self.all())
    @rule(budget=BUDGETS)
    def take(self, budget: int) -> None:
        highest = min(priority for (_, priority), lane in self.lanes.items() if lane)
        taken = self.waiting.take(budget)
        assert highest in {priority for each in taken for _, priority in each.job.tickets}
        for each in taken:
            assert self.lanes[each.server_id, each.priority][0] is each  # first come, first served
            for sibling in each.job.tickets.values():
                self.forget(sibling)
            self.in_hand.append(each.job)
        # one of each class may be over the budget
        over = sum(
            max((each.job.cost for each in taken if each.priority is priority), default=0)
            for priority in Priority
        )
        assert spent(taken) - over <= budget

    @rule()
    def clear(self) -> None:
        self.waiting.clear()
        for each in self.all():
            each.job.tickets.clear()
        self.lanes = {}

    @invariant()
    def counts(self) -> None:
        assert len(self.waiting) == len(self.all())


def test_the_queue_keeps_order_and_loses_nothing() -> None:
    run_state_machine_as_test(Queue, settings=settings(max_examples=80, deadline=None))


def test_a_closed_queue_gives_out_what_is_left_and_then_nothing() -> None:
    waiting = Waiting()
    last = ticket(4)
    waiting.add(last)
    waiting.close()
    assert waiting.take(10) == [last]
    assert waiting.take(10) == []


@pytest.mark.parametrize("priority", Priority)
@given(st.lists(LENGTHS, min_size=1, max_size=8), LENGTHS, BUDGETS, st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_flood_in_one_server_delays_another_by_less_than_two_rounds(
    priority: Priority, flood: list[int], length: int, budget: int, before: int
) -> None:
    waiting = Waiting()
    for at in range(600):
        waiting.add(ticket(flood[at % len(flood)], 1, priority))
    for _ in range(before):
        if len(waiting) > 300:
            waiting.take(budget)
    other = ticket(length, 2, priority)
    waiting.add(other)
    taken = waiting.take(budget)
    assert other in taken or other in waiting.take(budget)


@given(st.lists(LENGTHS, min_size=3, max_size=3), st.integers(1, 1000), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_servers_with_a_backlog_get_their_shares(
    lengths: list[int], budget: int, weight: int
) -> None:
    waiting = Waiting({2: weight})
    costs = dict.fromkeys(range(3), 0.0)
    for server_id, length in enumerate(lengths):
        for _ in range(80):  # more than a round can take
            waiting.add(ticket(length, server_id))
    for _ in range(60):
        for each in waiting.take(budget):
            costs[each.server_id] += each.job.cost
            waiting.add(ticket(len(each.job.text), each.server_id))
    shares = [costs[0], costs[1], costs[2] / weight]
    assert max(shares) - min(shares) <= 2 * (max(lengths) + 16)  # a text of each


@given(st.lists(LENGTHS, min_size=3, max_size=3), st.integers(1, 500))
@settings(max_examples=60, deadline=None)
def test_no_class_starves_under_the_ones_above(lengths: list[int], budget: int) -> None:
    """Each lower class gets a sixteenth of the work, but for one of its texts and one round."""
    waiting = Waiting()
    costs = dict.fromkeys(Priority, 0)
    for priority, length in zip(Priority, lengths, strict=True):
        for _ in range(40):  # more than a round can take
            waiting.add(ticket(length, 1, priority))
    longest_round = 2 * (budget + sum(lengths) + 3 * 16)
    for _ in range(100):
        taken = waiting.take(budget)
        assert any(each.priority is CHECK for each in taken)
        for each in taken:
            costs[each.priority] += each.job.cost
            waiting.add(ticket(len(each.job.text), 1, each.priority))
        for priority, length in ((LIVE, lengths[1]), (BULK, lengths[2])):
            due = (sum(costs.values()) - longest_round) / 16
            assert costs[priority] >= due - (length + 16)


def test_a_server_that_comes_late_has_nothing_saved_up() -> None:
    waiting = Waiting()
    for _ in range(200):
        waiting.add(ticket(20, 1))
    for _ in range(20):
        waiting.take(180)
    for _ in range(100):
        waiting.add(ticket(20, 2))
    served = [each.server_id for _ in range(10) for each in waiting.take(180)]
    assert abs(served.count(1) - served.count(2)) <= 1


def test_a_check_is_in_the_next_round_however_much_waits() -> None:
    waiting = Waiting()
    for at in range(1000):
        waiting.add(ticket(4000, at % 50, LIVE))
        waiting.add(ticket(4000, at % 50, BULK))
    for _ in range(3):
        waiting.take(500)
    check = ticket(100, 7, CHECK)
    waiting.add(check)
    assert check in waiting.take(500)


def test_what_is_asked_for_elsewhere_does_not_wait_behind_a_backlog() -> None:
    waiting = Waiting()
    backlog = [ticket(20, 1) for _ in range(500)]
    for each in backlog:
        waiting.add(each)
    last = backlog[-1].job
    elsewhere = Ticket(last, 2, LIVE, 0.0)
    waiting.add(elsewhere)
    assert elsewhere in waiting.take(200)
    assert len(waiting) < 500
    rest = []
    while len(waiting):
        rest += waiting.take(200)
    assert last not in [each.job for each in rest]


def test_a_light_server_pays_for_its_long_texts_while_others_wait() -> None:
    """One long text after the other is no way around the others' turns."""
    waiting = Waiting()
    costs = {1: 0, 2: 0}
    for _ in range(100):
        waiting.add(ticket(20, 1))
    waiting.add(ticket(4000, 2))
    for _ in range(200):
        for each in waiting.take(400):
            costs[each.server_id] += each.job.cost
            # the second server's next text comes when its last one was taken
            waiting.add(ticket(len(each.job.text), each.server_id))
    assert costs[2] <= costs[1] + 2 * 4016


def test_thousands_of_servers_in_debt_are_served_in_turns() -> None:
    waiting = Waiting()
    numbers = count()
    for server_id in range(3000):
        for _ in range(2):
            waiting.add(ticket(2000 + next(numbers) % 7, server_id))
    first = [waiting.take(1)[0].server_id for _ in range(3000)]
    second = [waiting.take(1)[0].server_id for _ in range(3000)]
    assert sorted(first) == sorted(second) == list(range(3000))
    assert not len(waiting)


def test_a_weight_has_to_be_above_zero() -> None:
    with pytest.raises(ValueError, match="Server 5 has weight 0"):
        Waiting({5: 0})
