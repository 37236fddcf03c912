"""What a round of the worker makes of long texts, and of what is known already."""

from __future__ import annotations

import pytest

from bot.labels import Scores
from bot.screening.observing import Counts
from bot.screening.recent import Recent
from bot.screening.rounds import Answer, Rounds
from bot.screening.waiting import Job, Priority, Ticket
from tests.screening.numbers_model import GatedBackend, numbers_model, told


@pytest.fixture
def backend() -> GatedBackend:
    return GatedBackend(is_open=True)


@pytest.fixture
def rounds(backend: GatedBackend) -> Rounds:
    model = numbers_model(backend, max_tokens=12)
    # A slice holds one window: 12 numbers, of which the last three are the first of the next.
    return Rounds(model, 24, Recent(1000), Counts(None), lambda: 0.0)


def asked(text: str, server_id: int = 1, priority: Priority = Priority.LIVE) -> Job:
    job = Job(text, text.encode())
    ask(job, server_id, priority)
    return job


def ask(job: Job, server_id: int, priority: Priority) -> None:
    job.tickets[server_id, priority] = Ticket(job, server_id, priority, 0.0)


def wall(first: int, windows: int = 4) -> str:
    return " ".join(map(str, range(first, first + 12 + 9 * (windows - 1))))


def work(rounds: Rounds, *jobs: Job) -> list[Answer]:
    """One round; what is answered leaves its places, as in the engine."""
    answers = [answer for answers in rounds.work(jobs) for answer in answers]
    for answer in answers:
        answer.job.tickets.clear()
    return answers


def through(rounds: Rounds) -> list[Job]:
    """The jobs in the order in which they are answered from now on."""
    order = []
    while rounds.unfinished:
        order += [answer.job for answer in work(rounds)]
    return order


def score(answer: Answer) -> str:
    assert isinstance(answer.result, Scores)
    return told(answer.result)


def test_a_long_text_that_is_being_read_is_read_once_for_all_who_ask(
    rounds: Rounds, backend: GatedBackend
) -> None:
    first, again, other = asked(wall(100)), asked(wall(100) + " "), asked("7")
    assert not work(rounds, first)
    (answer,) = work(rounds, again, other)
    assert (answer.job, score(answer)) == (other, "7")
    assert rounds.unfinished == [first, again]
    assert through(rounds) == [first, again]
    assert backend.batches == [[100], [7], [109], [118], [127]]


def test_long_texts_of_another_server_do_not_wait_for_all_of_a_flood(rounds: Rounds) -> None:
    flood = [asked(wall(100 + at), server_id=1) for at in range(12)]
    work(rounds, *flood)
    other = asked(wall(500), server_id=2)
    work(rounds, other)
    order = through(rounds)
    assert set(order) == {*flood, other}
    assert order.index(other) <= 3


@pytest.mark.parametrize("late", [False, True])
def test_checks_of_long_texts_overtake_live_ones_which_overtake_bulk(
    rounds: Rounds, late: bool
) -> None:
    bulk, live = asked(wall(100), priority=Priority.BULK), asked(wall(200))
    # a moderator may ask for a text that is being read already
    check = asked(wall(300), priority=Priority.BULK if late else Priority.CHECK)
    work(rounds, bulk, live, check)
    if late:
        ask(check, 5, Priority.CHECK)
    assert through(rounds) == [check, live, bulk]


@pytest.mark.parametrize("every", [1, 2, 4])
def test_a_long_text_of_bulk_work_gets_on_while_live_ones_never_end(
    rounds: Rounds, every: int
) -> None:
    bulk = asked(wall(900, 3), priority=Priority.BULK)
    work(rounds, bulk)
    for number in range(100):
        work(rounds, *([asked(wall(number))] if number % every == 0 else []))
        if bulk not in rounds.unfinished:
            break
    assert number < 30
    assert len(rounds.unfinished) < 30


def test_what_nobody_waits_for_any_more_takes_no_ones_turn(
    rounds: Rounds, backend: GatedBackend
) -> None:
    gone, stays = asked(wall(100)), asked(wall(200))
    work(rounds, gone, stays)
    gone.tickets.clear()
    work(rounds)
    assert rounds.unfinished == [stays]
    assert backend.batches == [[100], [200]]


def test_what_is_known_counts_as_dealt_with(rounds: Rounds) -> None:
    # else a flood of repeats would seem slow, and rounds would shrink to a text each
    work(rounds, asked("7"))
    again = asked("7  ")
    assert [answer.how for answer in work(rounds, again)] == ["cache"]
    assert rounds.spent == again.cost
