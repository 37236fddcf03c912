"""What another threshold would have flagged, counted from flags and samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.labels import LABELS, Label, Scores, Thresholds
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.preview import Places, Preview, Previews, Stock
from bot.storage.samples import ScoreSamples

Make = Callable[..., NewDecision]
NOON = datetime(2026, 6, 3, 12, 0, tzinfo=UTC)
FIRST, LAST = date(2026, 6, 1), date(2026, 6, 3)
USUAL = Thresholds(0.7, 0.7, 0.7, 0.7, 0.7, 0.7)
HERE, THERE = 5, 6


def scores(toxic: float = 0.0, insult: float = 0.0) -> Scores:
    return Scores(toxic, 0.0, 0.0, 0.0, insult, 0.0)


class Log:
    """A server's past: texts that were flagged, and texts that passed."""

    def __init__(self, database: Database, make: Make) -> None:
        self.samples = ScoreSamples(database, random=Random(2))
        self.previews = Previews(database, self.samples)
        self._decisions = Decisions(database)
        self._make = make
        self._number = 0

    async def flagged(self, found: Scores, channel_id: int = HERE, at: datetime = NOON) -> None:
        self._number += 1
        over = tuple(label for label in LABELS if found[label] >= 0.5)
        made = self._make(
            server_id=1,
            channel_id=channel_id,
            message_id=self._number,
            scores=found,
            labels_over=over,
            decided_at=at,
        )
        await self._decisions.record(made)

    def passed(self, found: Scores, channel_id: int | None = HERE, at: datetime = NOON) -> None:
        self.samples.add(1, channel_id, found, at)

    async def preview(self, places: Places | None = None) -> Preview:
        return await self.previews.of(1, places or Places(Label.TOXIC, USUAL), FIRST, LAST)


@pytest.fixture
def past(database: Database, new_decision: Make) -> Log:
    return Log(database, new_decision)


def counts(preview: Preview, *thresholds: float) -> list[float]:
    found = [preview.at(threshold).count for threshold in thresholds]
    # The curve says the same as each estimate.
    assert preview.curve(thresholds) == pytest.approx(found)
    return found


async def test_flags_and_samples_are_counted_together(past: Log) -> None:
    await past.flagged(scores(0.9))
    await past.flagged(scores(0.7))
    await past.flagged(scores(0.6))  # when the threshold was lower
    past.passed(scores(0.65))
    past.passed(scores(0.4))
    preview = await past.preview()
    assert counts(preview, 0.95, 0.9, 0.7, 0.601, 0.6, 0.41, 0.4, 0.0) == [0, 1, 2, 3, 4, 4, 5, 5]
    assert preview.at(0.4).exact


async def test_what_other_labels_flag_stays(past: Log) -> None:
    await past.flagged(scores(0.9, insult=0.8))
    await past.flagged(scores(0.1, insult=0.8))
    past.passed(scores(0.1, insult=0.69))
    assert counts(await past.preview(), 1.0, 0.7, 0.1) == [2, 2, 3]


async def test_each_day_is_counted_for_itself_in_utc(past: Log) -> None:
    await past.flagged(scores(0.9), at=datetime(2026, 6, 1, 0, 0, tzinfo=UTC))
    await past.flagged(scores(0.9), at=datetime(2026, 5, 31, 23, 59, tzinfo=UTC))
    await past.flagged(scores(0.9), at=datetime(2026, 6, 1, 23, 59, 59, 999999, tzinfo=UTC))
    await past.flagged(scores(0.9), at=datetime(2026, 6, 4, 0, 0, tzinfo=UTC))
    past.passed(scores(0.5), at=NOON - timedelta(days=1))
    past.passed(scores(0.5), at=NOON - timedelta(days=3))
    preview = await past.preview()
    days = [FIRST + timedelta(days=n) for n in range(3)]
    assert [preview.at(0.7, day).count for day in days] == [2, 0, 0]
    assert [preview.at(0.5, day).count for day in days] == [2, 1, 0]
    assert preview.sampled == {days[1]}


async def test_where_a_channel_has_its_own_threshold_nothing_changes(past: Log) -> None:
    own = {THERE: USUAL.replace({Label.TOXIC: 0.9})}
    await past.flagged(scores(0.95), THERE)
    await past.flagged(scores(0.8), THERE)
    past.passed(scores(0.8), THERE)
    past.passed(scores(0.6), HERE)
    past.passed(scores(0.6), None)
    untouched = Places(Label.TOXIC, USUAL, own, frozenset({THERE}))
    assert counts(await past.preview(untouched), 0.99, 0.7, 0.6, 0.1) == [1, 1, 3, 3]
    # Another label of its own: the new threshold holds there, too.
    own = {THERE: USUAL.replace({Label.INSULT: 0.1})}
    past.passed(scores(0.6, insult=0.05), THERE)
    await past.flagged(scores(0.6, insult=0.2), THERE)
    found = await past.preview(Places(Label.TOXIC, USUAL, own))
    assert counts(found, 0.99, 0.7, 0.6) == [1, 4, 7]


async def test_one_channel_can_be_looked_at_alone(past: Log) -> None:
    await past.flagged(scores(0.9), THERE)
    await past.flagged(scores(0.9), HERE)
    past.passed(scores(0.5), THERE)
    past.passed(scores(0.5), HERE)
    past.passed(scores(0.5), None)
    only = Places(Label.TOXIC, USUAL, only=frozenset({THERE}))
    assert counts(await past.preview(only), 0.7, 0.5) == [1, 2]


async def test_a_sample_is_reckoned_up_with_its_margin(past: Log) -> None:
    """600 samples of 3,000 texts of which 1,000 are at 0.5; the rest at 0.3."""
    for n in range(3_000):
        past.passed(scores(0.5 if n % 3 == 0 else 0.3))
    preview = await past.preview()
    estimate = preview.at(0.5)
    assert not estimate.exact
    assert estimate.low <= 1_000 <= estimate.high
    # 1.96 · 3000 · √(⅓ · ⅔ / 599 · (1 − 600 / 3000))
    assert estimate.below == pytest.approx(101, rel=0.05)
    assert estimate.above == pytest.approx(101, rel=0.05)
    # All samples reach 0.3: of the others, as many may not as may where none does.
    assert counts(preview, 0.3) == [3_000]
    estimate = preview.at(0.3)
    assert (estimate.low, estimate.high, estimate.exact) == (2_987, 3_000, False)


async def test_other_servers_are_not_counted(past: Log) -> None:
    past.samples.add(2, HERE, scores(0.6), NOON)
    preview = await past.preview()
    assert preview.stocks == []
    assert counts(preview, 0.5) == [0]


async def test_what_no_sample_is_may_still_be_there(past: Log) -> None:
    """600 samples of 3,000 texts, none of which reaches 0.6."""
    for n in range(3_000):
        past.passed(scores(0.3 if n else 0.31))
        past.passed(scores(0.1))
    preview = await past.preview()
    estimate = preview.at(0.6)
    assert (estimate.count, estimate.low, estimate.exact) == (0, 0, False)
    # ln 0.05 / ln (1 - 600 / 3000), while those around 0.1 cannot reach it.
    assert estimate.high == 13
    # The threshold as it is, and higher ones: they passed.
    assert preview.at(0.7).exact
    # What was found and what may have been missed are put together.
    await past.flagged(scores(0.9))
    estimate = (await past.preview()).at(0.6)
    assert (estimate.low, round(estimate.count), estimate.high) == (1, 1, 14)


async def test_several_days_without_any_are_surer_than_each(past: Log) -> None:
    for day in range(3):
        for _ in range(3_000):
            past.passed(scores(0.3), at=NOON - timedelta(days=day))
    preview = await past.preview()
    assert preview.at(0.6).high == preview.at(0.6, LAST).high == 13


@given(texts=st.integers(2, 3_000), data=st.data(), threshold=st.floats(0.0, 1.0, exclude_max=True))
def test_at_the_bound_finding_none_is_a_matter_of_one_in_twenty(
    texts: int, data: st.DataObject, threshold: float
) -> None:
    known = data.draw(st.integers(1, texts - 1))
    none = Stock(LAST, known, texts, {}).at(threshold)
    assert (none.count, none.below) == (0, 0)
    assert 0 < none.above <= texts - known
    beyond = math.floor(none.above) + 1
    if beyond <= texts - known:
        assert math.comb(texts - beyond, known) / math.comb(texts, known) <= 0.05
    every = Stock(LAST, known, texts, {1_000: known}).at(threshold)
    assert every.count == pytest.approx(texts)
    assert (every.below, every.above) == (none.above, 0)
    assert Stock(LAST, texts, texts, {}).at(threshold).exact
    assert Stock(LAST, known, texts, {}, below=threshold).at(threshold).exact


@given(texts=st.integers(3, 3_000), data=st.data())
def test_an_interval_holds_what_the_score_test_does_not_reject(
    texts: int, data: st.DataObject
) -> None:
    known = data.draw(st.integers(2, texts - 1))
    found = data.draw(st.integers(1, known - 1))
    estimate = Stock(LAST, known, texts, {500: found}).at(0.5)
    low, high = estimate.count - estimate.below, estimate.count + estimate.above
    assert found <= low <= estimate.count <= high <= texts - (known - found)
    for end, least in ((low, found), (high, texts - (known - found))):
        if end == pytest.approx(least):
            continue
        share = end / texts
        spread = share * (1 - share) / known * (texts - known) / (texts - 1)
        assert abs(found / known - share) == pytest.approx(1.96 * math.sqrt(spread), rel=1e-6)


async def test_a_server_may_have_more_channels_than_a_statement_takes_values(past: Log) -> None:
    own = {n: USUAL.replace({Label.TOXIC: 0.9}) for n in range(1_000, 6_000)}
    own |= {n: USUAL.replace({Label.INSULT: 0.1}) for n in range(6_000, 7_000)}
    past.passed(scores(0.6), 1_500)
    past.passed(scores(0.6), 6_500)
    past.passed(scores(0.6), HERE)
    untouched = frozenset(range(1_000, 6_000))
    places = Places(Label.TOXIC, USUAL, own, untouched)
    assert counts(await past.preview(places), 0.6) == [2]
    only = Places(Label.TOXIC, USUAL, own, untouched, untouched | {6_500})
    assert counts(await past.preview(only), 0.6) == [1]
