"""What the lanes make of texts long and short, and of what is known already."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Sequence

import pytest

from bot.labels import Scores
from bot.screening.batching import Cost
from bot.screening.desk import Answer, Desk, Reader
from bot.screening.model import Model, Prepared
from bot.screening.observing import Complaints, Counts
from bot.screening.recent import Recent
from bot.screening.waiting import Job, Priority, Ticket, Waiting
from tests.patience import PATIENCE_S
from tests.screening.numbers_model import GatedBackend, numbers_model, told


class Lane:
    """A reader that takes a step when it is told to; what is answered leaves its places."""

    def __init__(self, desk: Desk) -> None:
        self.reader = Reader(desk)
        self._waiting = desk.waiting

    def ask(self, job: Job, server_id: int = 1, priority: Priority = Priority.LIVE) -> Job:
        self._waiting.add(Ticket(job, server_id, priority, 0.0))
        return job

    def asked(self, text: str, server_id: int = 1, priority: Priority = Priority.LIVE) -> Job:
        return self.ask(Job(text, text.encode()), server_id, priority)

    def take(self) -> list[Answer]:
        return self._settled(self.reader.take())

    def read(self) -> list[Answer]:
        return self._settled(self.reader.read())

    def step(self) -> list[Answer]:
        return self.take() + self.read()

    def through(self, until: Callable[[], bool] = lambda: False) -> list[Job]:
        """The jobs in the order in which they are answered from now on."""
        order: list[Job] = []
        self._waiting.close()
        while not until() and self.reader.wait():
            order += [answer.job for answer in self.step()]
        return order

    @staticmethod
    def _settled(answers: list[Answer]) -> list[Answer]:
        for answer in answers:
            answer.job.tickets.clear()
        return answers


@pytest.fixture
def backend() -> GatedBackend:
    backend = GatedBackend(is_open=True)
    backend.cost = Cost(setup=1)  # what is much shorter is not padded for company
    return backend


def desk(backend: GatedBackend, batch_tokens: int = 24) -> Desk:
    model = numbers_model(backend, max_tokens=12)
    # A batch holds two windows: 12 numbers, of which the last three are the first of the next.
    return Desk(
        model,
        Waiting(),
        Recent(1000),
        Counts(None),
        lambda: 0.0,
        batch_tokens=batch_tokens,
        round_s=1.0,
    )


@pytest.fixture
def lane(backend: GatedBackend) -> Lane:
    return Lane(desk(backend))


def wall(first: int, windows: int = 4) -> str:
    return " ".join(map(str, range(first, first + 12 + 9 * (windows - 1))))


def score(answer: Answer) -> str:
    assert isinstance(answer.result, Scores)
    return told(answer.result)


def test_a_long_text_that_is_being_read_is_read_once_for_all_who_ask(
    lane: Lane, backend: GatedBackend
) -> None:
    first = lane.asked(wall(100))
    assert not lane.step()
    again, other = lane.asked(wall(100) + " "), lane.asked("7")
    (answer,) = lane.step()
    assert (answer.job, score(answer)) == (other, "7")
    assert lane.through() == [first, again]
    assert backend.batches == [[100, 109], [7], [118, 127]]


def test_a_text_that_another_lane_reads_is_not_read_again(backend: GatedBackend) -> None:
    shared = desk(backend)
    one, two = Lane(shared), Lane(shared)
    first = one.asked("7")
    one.take()
    again = two.asked("7 ")
    assert not two.step()
    assert [(answer.job, answer.how) for answer in one.read()] == [
        (first, "scored"),
        (again, "joined"),
    ]
    assert backend.batches == [[7]]


def test_two_lanes_read_a_long_text_together(backend: GatedBackend) -> None:
    shared = desk(backend)
    one, two = Lane(shared), Lane(shared)
    job = one.asked(wall(100))
    one.take()
    two.take()
    assert not two.read()
    (answer,) = one.read()
    assert (answer.job, score(answer)) == (job, "127")  # the highest, whoever came to it last
    assert not shared.pool


class Slow(Model):
    """Stops while it prepares the text "9", until it is told to go on."""

    def __init__(self) -> None: ...  # it is made of another model

    began: threading.Event
    goes_on: threading.Event

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        if "9" in texts:
            self.began.set()
            assert self.goes_on.wait(PATIENCE_S)
        return super().prepare(texts)


def test_who_is_free_reads_what_is_prepared_while_another_lane_prepares() -> None:
    backend = GatedBackend(is_open=True, lanes=2)
    backend.cost = Cost(setup=1)
    shared = desk(backend)
    slow = shared.model
    slow.__class__ = Slow
    assert isinstance(slow, Slow)
    slow.began, slow.goes_on = threading.Event(), threading.Event()
    one, two = Lane(shared), Lane(shared)
    one.asked("7")
    long = one.asked(" ".join(["8"] * 8))  # no batch holds both
    assert one.step()
    one.asked("9")
    prepares = threading.Thread(target=one.take)
    prepares.start()
    try:
        assert slow.began.wait(PATIENCE_S)
        (answer,) = two.step()
        assert answer.job is long
    finally:
        slow.goes_on.set()
        prepares.join(PATIENCE_S)
    assert [score(each) for each in one.read()] == ["9"]


def test_nothing_is_left_for_a_lane_that_prepares_its_own() -> None:
    backend = GatedBackend(is_open=True, lanes=2)
    shared = desk(backend, 64)
    slow = shared.model
    slow.__class__ = Slow
    assert isinstance(slow, Slow)
    slow.began, slow.goes_on = threading.Event(), threading.Event()
    one, two = Lane(shared), Lane(shared)
    for number in range(100, 116):
        one.asked(" ".join([str(number)] * 8))
    assert len(one.step()) == 8
    one.asked("9")
    prepares = threading.Thread(target=one.take)
    prepares.start()
    try:
        assert slow.began.wait(PATIENCE_S)
        assert len(two.step()) == 8
    finally:
        slow.goes_on.set()
        prepares.join(PATIENCE_S)


def test_an_idle_lane_is_left_its_part() -> None:
    backend = GatedBackend(is_open=True, lanes=2)
    shared = desk(backend, 64)
    one, two = Lane(shared), Lane(shared)
    for number in range(100, 108):
        one.asked(" ".join([str(number)] * 8))
    one.take()
    two.take()
    assert one.read()
    assert two.read()
    assert backend.batches == [[100, 101, 102, 103], [104, 105, 106, 107]]


def test_long_texts_of_another_server_do_not_wait_for_all_of_a_flood(lane: Lane) -> None:
    flood = [lane.asked(wall(100 + at), server_id=1) for at in range(12)]
    lane.step()
    other = lane.asked(wall(500), server_id=2)
    order = lane.through()
    assert set(order) == {*flood, other}
    assert order.index(other) <= 3


def test_short_texts_do_not_wait_for_a_long_one_that_came_before_them(lane: Lane) -> None:
    long, *short = [lane.asked(wall(100, 20)), *(lane.asked(str(at)) for at in range(40))]
    assert lane.through()[-1] is long
    assert not any(job.wanted for job in short)


def test_of_long_texts_that_with_least_left_is_read_to_its_end(
    lane: Lane, backend: GatedBackend
) -> None:
    longest, shorter = lane.asked(wall(100, 6), server_id=1), lane.asked(wall(300, 4), server_id=2)
    lane.step()
    newest = lane.asked(wall(500, 4), server_id=3)  # as long, but of the other one half is read
    assert lane.through() == [shorter, newest, longest]
    assert [{number // 100 for number in batch} for batch in backend.batches] == [
        *([{3}] * 2),
        *([{5}] * 2),
        *([{1}] * 3),
    ]


def test_a_short_text_waits_for_one_batch_of_another_servers_long_one(lane: Lane) -> None:
    lane.asked(wall(100, 8), server_id=1)
    lane.step()
    lane.asked(wall(300, 8), server_id=2)
    short = lane.asked("7", server_id=1)
    lane.step()
    lane.step()
    assert not short.wanted


@pytest.mark.parametrize("order", list(itertools.permutations(list(Priority)[1:])))
def test_the_first_comer_of_each_class_gets_on_while_others_never_end(
    lane: Lane, order: tuple[Priority, ...]
) -> None:
    long = [lane.asked(wall(900 * priority, 3), priority=priority) for priority in order]
    for number in range(200):
        lane.asked(f"{number} {number}")
        lane.step()
        if not any(job.wanted for job in long):
            break
    assert number < 50


def test_a_longer_text_is_not_passed_over_for_ever(lane: Lane) -> None:
    longest = lane.asked(wall(1, 6))
    for number in range(400):
        lane.asked(wall(100 * (number + 1), 4), server_id=2 + number)
        lane.step()
        if not longest.wanted:
            break
    assert number < 80


@pytest.mark.parametrize("late", [False, True])
def test_checks_of_long_texts_overtake_live_ones_which_overtake_bulk(
    lane: Lane, late: bool
) -> None:
    bulk, live = lane.asked(wall(100), priority=Priority.BULK), lane.asked(wall(200))
    # a moderator may ask for a text that is being read already
    check = lane.asked(wall(300), priority=Priority.BULK if late else Priority.CHECK)
    lane.take()
    if late:
        lane.ask(check, 5, Priority.CHECK)
    lane.read()
    assert lane.through() == [check, live, bulk]


def test_nothing_of_a_lower_class_makes_a_batch_longer(lane: Lane, backend: GatedBackend) -> None:
    for number, priority in enumerate([*Priority] * 2):
        lane.asked(str(number), priority=priority)
    lane.through()
    assert backend.batches == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("every", [1, 2, 4])
def test_a_long_text_of_bulk_work_gets_on_while_live_ones_never_end(lane: Lane, every: int) -> None:
    bulk = lane.asked(wall(900, 3), priority=Priority.BULK)
    lane.step()
    for number in range(100):
        if number % every == 0:
            lane.asked(wall(number))
        lane.step()
        if not bulk.wanted:
            break
    assert number < 30


def test_newcomers_do_not_wait_for_all_that_is_prepared(lane: Lane, backend: GatedBackend) -> None:
    for number in range(300):
        lane.asked(f"{number} {number}", server_id=1)
    lane.step()
    other = lane.asked("7", server_id=2)
    lane.step()
    assert not other.wanted
    assert len(backend.batches) == 2


def test_what_nobody_waits_for_any_more_takes_no_ones_turn(
    lane: Lane, backend: GatedBackend
) -> None:
    gone, stays = lane.asked(wall(100)), lane.asked(wall(200))
    lane.step()
    gone.tickets.clear()
    assert lane.through() == [stays]
    assert backend.batches == [[100, 109], [200, 209], [218, 227]]


def test_what_is_known_is_not_read(lane: Lane, backend: GatedBackend) -> None:
    lane.asked("7")
    lane.step()
    lane.asked("7  ")
    assert [answer.how for answer in lane.step()] == ["cache"]
    assert backend.batches == [[7]]


def test_a_lane_that_died_of_one_text_leaves_the_others_what_they_have(
    backend: GatedBackend,
) -> None:
    shared = desk(backend)
    one, two = Lane(shared), Lane(shared)
    job, other = one.asked("7"), None
    one.take()
    other = two.asked("8")
    two.take()
    assert two.reader.bury() == [other]
    assert [answer.job for answer in one.read()] == [job]
    assert shared.busy == 0
    shared.again.append(other)
    assert [answer.job for answer in Lane(shared).step()] == [other]


def test_a_reader_that_waits_is_woken_for_what_another_leaves(backend: GatedBackend) -> None:
    backend.lanes = 2
    shared = desk(backend)
    one, two = Lane(shared), Lane(shared)
    woken = threading.Event()

    def wait() -> None:
        if two.reader.wait():
            woken.set()

    one.asked(wall(100, 8))
    one.take()
    waiting = threading.Thread(target=wait)
    waiting.start()
    assert woken.wait(timeout=PATIENCE_S)
    waiting.join()


def test_texts_that_fail_are_told_of_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    caplog.set_level(logging.WARNING)
    complaints = Complaints(lambda: now)
    for _ in range(1000):
        complaints.text_failed("OSError")
    assert caplog.text.count("could not be scored") == 1
    now = 100.0
    complaints.text_failed("ValueError")
    assert "ValueError, 1000 since the last such line" in caplog.text


def test_a_long_text_does_not_wait_for_a_flood_of_short_ones_elsewhere(lane: Lane) -> None:
    for number in range(900):
        lane.asked(f"{number} {number}", server_id=1)
    lane.step()
    long = lane.asked(wall(100), server_id=2)
    for _ in range(5):  # two batches of it, and the flood in between
        lane.step()
    assert not long.wanted
