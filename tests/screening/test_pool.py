"""Nobody starves, whoever else comes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.screening.pool import Group, Pool
from bot.screening.waiting import Job, Priority, Ticket
from tests.screening.numbers_model import GatedBackend, numbers_model

_CLASSES = st.sampled_from(Priority)
_SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=5)  # tokens of each window
# One batch in 16 is for the first comer of the class whose turn it is, one in 8 for the first comer
# of those below; and a batch takes a window of it at least.
_EVERY = 16


def group(server_id: int, priority: Priority, sizes: list[int], *, long: bool = False) -> Group:
    job = Job("text", b"key")
    job.tickets[server_id, priority] = Ticket(job, server_id, priority, 0.0)
    windows = tuple((size, *range(size - 1)) for size in sizes)
    return Group(windows, b"key", [job], long or len(sizes) > 2)


@given(
    st.lists(st.tuples(st.integers(1, 4), _CLASSES, _SIZES), min_size=1, max_size=6),
    _CLASSES,
    st.lists(st.tuples(st.integers(1, 3), _SIZES), min_size=1, max_size=5),
    st.sampled_from([4, 24, 512]),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_what_waits_is_read_however_much_comes_after_it(
    waiting: list[tuple[int, Priority, list[int]]],
    coming: Priority,
    flood: list[tuple[int, list[int]]],
    budget: int,
    idle: int,
) -> None:
    """Texts of one class come before every batch, always of servers that nobody has heard of."""
    pool = Pool(numbers_model(GatedBackend()))
    first = [group(*each) for each in waiting]
    for each in first:
        pool.add(each)
    windows = sum(len(sizes) for _, _, sizes in waiting)
    server = 100
    for turn in range(_EVERY * (windows + 1)):
        count, sizes = flood[turn % len(flood)]
        for _ in range(count):
            server += 1
            pool.add(group(server, coming, sizes))
        taken, dropped = pool.take(budget, idle)
        assert taken
        assert not dropped
        if not any(each.unread for each in first):
            return
    raise AssertionError([len(each.unread) for each in first])


@given(
    st.lists(st.tuples(st.integers(1, 4), _CLASSES, _SIZES), min_size=1, max_size=12),
    st.sampled_from([4, 24, 512]),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_every_window_is_read_once(
    waiting: list[tuple[int, Priority, list[int]]], budget: int, idle: int
) -> None:
    pool = Pool(numbers_model(GatedBackend()))
    groups = [group(*each) for each in waiting]
    for each in groups:
        pool.add(each)
    read: Counter[tuple[int, int]] = Counter()
    while pool:
        taken, _ = pool.take(budget, idle)
        assert len({priority for owner, _ in taken for _, priority in owner.places}) == 1
        read.update((groups.index(owner), len(window)) for owner, window in taken)
    expected = Counter((at, size) for at, (_, _, sizes) in enumerate(waiting) for size in sizes)
    assert read == expected
    assert pool.take(budget, idle) == ([], [])


def flooded_pool(budget: int, calm: int) -> Counter[str]:
    """64 batches with one server flooded, and so many texts of other servers before each."""
    pool = Pool(numbers_model(GatedBackend()))
    read: Counter[str] = Counter()
    other = 100
    for _ in range(64):
        while len(pool) < 60:
            pool.add(group(1, Priority.LIVE, [6]))
        for _ in range(calm):
            other += 1
            pool.add(group(other, Priority.LIVE, [6]))
        taken, _ = pool.take(budget, 1)
        servers = {server for owner, _ in taken for server, _ in owner.places}
        read["both" if len(servers & {1}) < len(servers) and 1 in servers else "one"] += 1
        read["flooded batches"] += 1 in servers
        read["flooded texts"] += sum((1, Priority.LIVE) in owner.places for owner, _ in taken)
        read["calm texts"] += sum((1, Priority.LIVE) not in owner.places for owner, _ in taken)
    return read


def test_a_flood_has_one_short_batch_in_four_beside_others() -> None:
    read = flooded_pool(budget=48, calm=8)
    assert read["both"] == 0
    assert read["flooded batches"] == 16
    assert read["flooded texts"] == 16 * (48 // 3 // 6)
    assert read["calm texts"] == 48 * 48 // 6


def test_a_flood_leaves_nobody_waiting_and_takes_what_is_left() -> None:
    read = flooded_pool(budget=48, calm=1)
    assert read["calm texts"] >= 63  # one may have come just now
    assert read["flooded batches"] >= 16


def test_where_nobody_else_is_a_flood_has_whole_batches() -> None:
    read = flooded_pool(budget=48, calm=0)
    assert read["flooded texts"] == 64 * 48 // 6


def test_a_flood_has_whole_batches_again_when_the_others_are_silent() -> None:
    pool = Pool(numbers_model(GatedBackend()))
    pool.add(group(2, Priority.LIVE, [6]))
    sizes = []
    for _ in range(40):
        while len(pool) < 60:
            pool.add(group(1, Priority.LIVE, [6]))
        sizes.append(len(pool.take(48, 1)[0]))
    assert sizes[2:34] == [2] * 32  # 48 / 3 tokens
    assert sizes[34:] == [8] * 6


def test_a_flood_of_a_lower_class_is_read_beside_others_of_it() -> None:
    pool = Pool(numbers_model(GatedBackend()))
    flood = [group(1, Priority.BULK, [6]) for _ in range(10)]
    for each in flood:
        pool.add(each)
    for server in range(100, 100 + 8 * 10):
        pool.add(group(server, Priority.LIVE, [6]))
        pool.add(group(server, Priority.BULK, [6]))
        pool.take(6, 1)
    assert not any(each.unread for each in flood)


@pytest.mark.parametrize("priority", [Priority.CHECK, Priority.BULK])
def test_a_server_alone_is_not_held_up_by_its_own_other_texts(priority: Priority) -> None:
    pool = Pool(numbers_model(GatedBackend()))
    for _ in range(40):
        while len(pool) < 40:
            pool.add(group(1, Priority.LIVE, [6]))
        pool.add(group(1, priority, [6]))
        taken, _ = pool.take(48, 1)
        assert len(taken) == 8 or any((1, priority) in owner.places for owner, _ in taken)


def test_nor_by_texts_of_its_own_that_wait_in_two_classes() -> None:
    pool = Pool(numbers_model(GatedBackend()))
    for _ in range(40):
        while len(pool) < 40:
            both = group(1, Priority.LIVE, [6])
            (job,) = both.jobs
            job.tickets[1, Priority.BULK] = Ticket(job, 1, Priority.BULK, 0.0)
            pool.add(both)
            for _ in range(9):
                pool.add(group(1, Priority.LIVE, [6]))
        assert len(pool.take(48, 1)[0]) == 8


@given(st.integers(1, 3), st.sampled_from([24, 512]), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_in_a_flood_too_the_first_comer_is_read(calm: int, budget: int, idle: int) -> None:
    """A long text that came first, of the flooded server, with short ones after it and others."""
    pool = Pool(numbers_model(GatedBackend()))
    wall = group(1, Priority.LIVE, [12] * 4, long=True)
    pool.add(wall)
    other = 100
    for _ in range(_EVERY * (len(wall.windows) + 1)):
        while len(pool) < 40:
            pool.add(group(1, Priority.LIVE, [2]))
        for _ in range(calm):
            other += 1
            pool.add(group(other, Priority.LIVE, [2]))
        pool.take(budget, idle)
        if not wall.unread:
            return
    raise AssertionError(len(wall.unread))
