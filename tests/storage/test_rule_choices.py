from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.labels import Label
from bot.rules import Action, Measure, Mode, Step
from bot.storage.database import Database
from bot.storage.server_settings import MOST_STEPS, Notice, NoticeWay, Own, ServerSettings
from bot.storage.servers import Servers

BIG = 2**63 - 1
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def servers(database: Database) -> Servers:
    return Servers(database)


async def test_everything_comes_back_after_a_restart(url: str) -> None:
    async with await Database.open(url) as database:
        servers = Servers(database)
        await servers.set_mode(BIG, Mode.ENFORCE)
        await servers.set_measure(BIG, Label.THREAT, Measure(Action.TIMEOUT, DAY))
        await servers.set_measure(BIG, Label.THREAT, Measure(Action.TIMEOUT, HOUR))
        await servers.set_measure(BIG, Label.TOXIC, Measure(Action.LOG), channel_id=BIG - 1)
        await servers.set_threshold(BIG, Label.INSULT, 0.25, channel_id=BIG - 1)
        await servers.set_threshold(BIG, Label.INSULT, 1, channel_id=BIG - 2)
        await servers.set_step(BIG, Step(5, DAY, DAY))
        await servers.set_step(BIG, Step(2, DAY, HOUR))
        await servers.set_notice(BIG, Notice(NoticeWay.DM, "Please be kind."))
    async with await Database.open(url) as database:
        after = await Servers(database).get(BIG)
    assert after == ServerSettings(
        server_id=BIG,
        mode=Mode.ENFORCE,
        measures={Label.THREAT: Measure(Action.TIMEOUT, HOUR)},
        places={
            BIG - 2: Own({Label.INSULT: 1.0}),
            BIG - 1: Own({Label.INSULT: 0.25}, {Label.TOXIC: Measure(Action.LOG)}),
        },
        escalation=(Step(2, DAY, HOUR), Step(5, DAY, DAY)),
        notice=Notice(NoticeWay.DM, "Please be kind."),
    )


async def test_a_server_observes_until_it_says_otherwise(servers: Servers) -> None:
    await servers.set_log_channel(1, 5)
    found = await servers.get(1)
    assert found.mode is Mode.OBSERVE
    assert found.notice == Notice(NoticeWay.OFF)
    assert not found.measures
    assert not found.escalation


async def test_scopes_are_reset_each_by_itself(servers: Servers) -> None:
    delete = Measure(Action.DELETE)
    for channel_id in (None, 7, 8):
        for label in (Label.TOXIC, Label.INSULT):
            await servers.set_measure(1, label, delete, channel_id=channel_id)
            await servers.set_threshold(1, label, 0.4, channel_id=channel_id)
    await servers.reset_measure(1, Label.TOXIC, channel_id=7)
    await servers.reset_threshold(1, channel_id=7)
    await servers.reset_measure(1)
    found = await servers.get(1)
    assert found.measures == {}
    assert set(found.overrides) == {Label.TOXIC, Label.INSULT}
    assert found.places[7] == Own({}, {Label.INSULT: delete})
    assert set(found.places[8].thresholds) == set(found.places[8].measures) == set(found.overrides)
    await servers.forget_place(1, 8)
    await servers.reset_measure(1, channel_id=7)
    assert (await servers.get(1)).places == {}


async def test_a_preset_leaves_the_values_of_channels_alone(servers: Servers) -> None:
    await servers.set_threshold(1, Label.TOXIC, 0.3, channel_id=7)
    await servers.set_preset(1, "strict")
    assert (await servers.get(1)).places == {7: Own({Label.TOXIC: 0.3})}


async def test_steps_are_bounded_and_dropped_one_by_one(servers: Servers) -> None:
    for flags in range(1, MOST_STEPS + 1):
        assert await servers.set_step(1, Step(flags, DAY, HOUR))
    assert not await servers.set_step(1, Step(MOST_STEPS + 1, DAY, HOUR))
    assert await servers.set_step(1, Step(MOST_STEPS, HOUR, DAY))  # changes one that is there
    assert await servers.drop_steps(1, 3) == 1
    assert await servers.drop_steps(1, 3) == 0
    assert await servers.drop_steps(2) == 0
    assert len((await servers.get(1)).escalation) == MOST_STEPS - 1
    assert await servers.drop_steps(1) == MOST_STEPS - 1


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
async def test_a_channels_threshold_out_of_range_changes_nothing(
    servers: Servers, value: float
) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        await servers.set_threshold(1, Label.TOXIC, value, channel_id=7)
    assert await servers.get(1) == ServerSettings(1)


@pytest.mark.parametrize("text", ["", "x" * 501])
async def test_a_notice_has_a_length(servers: Servers, text: str) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        await servers.set_notice(1, Notice(NoticeWay.DM, text))


async def test_everything_goes_with_the_server(servers: Servers, path: Path) -> None:
    await servers.set_measure(1, Label.TOXIC, Measure(Action.DELETE))
    await servers.set_threshold(1, Label.TOXIC, 0.5, channel_id=7)
    await servers.set_step(1, Step(1, DAY, HOUR))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM servers")
        for table in ("actions", "channel_thresholds", "escalation"):
            assert connection.execute(f"SELECT * FROM {table}").fetchall() == []


@pytest.mark.parametrize("seconds", [60, 61, 5_400, 28 * 86_400])
async def test_durations_come_back_to_the_second(servers: Servers, seconds: int) -> None:
    measure = Measure(Action.TIMEOUT, timedelta(seconds=seconds))
    await servers.set_measure(1, Label.TOXIC, measure)
    assert (await servers.get(1)).measures == {Label.TOXIC: measure}
