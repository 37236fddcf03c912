"""Settings as a file: what is written can be read, and what cannot be is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.labels import Label
from bot.language import languages
from bot.rules import Action, Measure, Mode, Step
from bot.storage.database import Database
from bot.storage.server_settings import Notice, NoticeWay, Own, ServerSettings
from bot.storage.servers import Servers
from bot.storage.settings_document import BadFile, ProblemKind
from bot.storage.settings_file import Chosen, over, read, write

UNSET = Chosen(ServerSettings(1), 30, None)

ids = st.integers(1, 2**63 - 1)
timeouts = st.integers(60, 28 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
measures = st.one_of(
    st.sampled_from([Action.LOG, Action.ALERT, Action.DELETE]).map(Measure),
    timeouts.map(lambda timeout: Measure(Action.TIMEOUT, timeout)),
)


def by_label(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(list(Label)), values).map(
        lambda found: MappingProxyType({one: found[one] for one in Label if one in found})
    )


thresholds = by_label(st.floats(0, 1))
steps = st.lists(
    st.builds(
        Step,
        st.integers(1, 100),
        st.integers(60, 365 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
        timeouts,
    ),
    max_size=10,
    unique_by=lambda step: step.flags,
).map(lambda found: tuple(sorted(found, key=lambda step: step.flags)))
places = st.dictionaries(
    ids,
    st.builds(Own, thresholds, by_label(measures)).filter(
        lambda own: bool(own.thresholds or own.measures)
    ),
    max_size=3,
).map(lambda found: MappingProxyType(dict(sorted(found.items()))))
choices = st.builds(
    Chosen,
    st.builds(
        ServerSettings,
        server_id=st.just(1),
        preset=st.sampled_from(["relaxed", "balanced", "strict"]),
        overrides=thresholds,
        log_channel_id=st.none() | ids,
        exempt_moderators=st.booleans(),
        exempt_bots=st.booleans(),
        exempt_role_ids=st.frozensets(ids, max_size=3),
        exempt_channel_ids=st.frozensets(ids, max_size=3),
        mode=st.sampled_from(Mode),
        measures=by_label(measures),
        places=places,
        escalation=steps,
        notice=st.builds(
            Notice,
            st.sampled_from(NoticeWay),
            # As `/notice` takes it: with nothing but words at both ends.
            st.none()
            | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=500)
            .map(str.strip)
            .filter(bool),
        ),
        screen_titles=st.booleans(),
        screen_names=st.booleans(),
        language=st.sampled_from([None, *languages()]),
    ),
    st.integers(1, 90),
    st.none() | st.integers(1, 30),
)


@given(choices)
def test_whatever_is_written_is_read_as_it_was(chosen: Chosen) -> None:
    other = Chosen(ServerSettings(1, preset="strict", log_channel_id=5, screen_names=True), 7, 3)
    assert over(read(write(chosen)), other) == over(read(write(chosen)), UNSET) == chosen


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Servers]]:
    path: Path = tmp_path_factory.mktemp("settings") / "hexward.db"
    with asyncio.Runner() as runner:
        database = runner.run(Database.open(f"sqlite:///{path}"))
        yield runner, Servers(database)
        runner.run(database.close())


@settings(max_examples=20)
@given(choices)
def test_whatever_is_applied_is_what_holds(
    opened: tuple[asyncio.Runner, Servers], chosen: Chosen
) -> None:
    runner, servers = opened

    async def play() -> None:
        before = await servers.chosen(1)
        await servers.get(1)  # in the cache: it must not be what is read afterwards
        assert await servers.replace_all(before, over(read(write(chosen)), before))
        assert await servers.chosen(1) == chosen
        assert await servers.get(1) == chosen.settings
        stale = replace(chosen, retention_days=chosen.retention_days % 90 + 1)
        assert not await servers.replace_all(stale, UNSET)
        assert await servers.chosen(1) == chosen

    runner.run(play())


def test_every_choice_is_in_the_file() -> None:
    """Whoever adds a choice adds it to the file, to what replaces it and to `choices` above."""
    assert {field.name for field in fields(ServerSettings)} == {
        "server_id",
        "preset",
        "overrides",
        "log_channel_id",
        "exempt_moderators",
        "exempt_bots",
        "exempt_role_ids",
        "exempt_channel_ids",
        "mode",
        "measures",
        "places",
        "escalation",
        "notice",
        "screen_titles",
        "screen_names",
        "language",
    }


def test_what_a_file_leaves_out_stays() -> None:
    held = Chosen(ServerSettings(1, preset="strict", log_channel_id=5), 7, 3)
    assert over(read(b'{"hexward_settings": 1}'), held) == held
    only = over(read(b'{"hexward_settings": 1, "log_channel": null}'), held)
    assert only == replace(held, settings=replace(held.settings, log_channel_id=None))


def test_what_a_part_of_a_file_leaves_out_stays_too() -> None:
    own = Own({Label.TOXIC: 0.3}, {Label.INSULT: Measure(Action.DELETE)})
    held = Chosen(
        ServerSettings(
            1,
            exempt_moderators=False,
            exempt_role_ids=frozenset({7}),
            notice=Notice(NoticeWay.DM, "Be kind."),
            places={5: own},
            screen_names=True,
        ),
        7,
        3,
    )

    def taken(changes: dict[str, Any]) -> Chosen:
        return over(read(json.dumps({"hexward_settings": 1} | changes).encode()), held)

    for part in ("exempt", "notice", "screening", "privacy"):
        assert taken({part: {}}) == held
    assert taken({"exempt": {"roles": ["8"]}}).settings == replace(
        held.settings, exempt_role_ids=frozenset({8})
    )
    assert taken({"notice": {"text": "Hm."}}).settings.notice == Notice(NoticeWay.DM, "Hm.")
    assert taken({"notice": {"text": None}}).settings.notice == Notice(NoticeWay.DM)
    assert taken({"privacy": {"excerpt_days": None}}) == replace(held, excerpt_days=None)
    assert taken({"channels": {"5": {}}}).settings.places == {5: own}
    assert taken({"channels": {"5": {"thresholds": {}}}}).settings.places == {
        5: Own(measures=own.measures)
    }


def test_no_threshold_is_minus_zero() -> None:
    file = read(b'{"hexward_settings": 1, "thresholds": {"toxic": -0.0}}')
    assert str(over(file, UNSET).settings.overrides[Label.TOXIC]) == "0.0"


@pytest.mark.parametrize(
    ("changes", "kind", "place"),
    [
        ({"hexward_settings": 2}, ProblemKind.VERSION, "hexward_settings"),
        ({"hexward_settings": None}, ProblemKind.VERSION, "hexward_settings"),
        ({"mood": "grim"}, ProblemKind.UNKNOWN, "mood"),
        ({"preset": "mild"}, ProblemKind.IMPOSSIBLE, "preset"),
        ({"thresholds": {"rude": 0.5}}, ProblemKind.NO_LABEL, "thresholds.rude"),
        ({"thresholds": {"toxic": 1.5}}, ProblemKind.IMPOSSIBLE, "thresholds.toxic"),
        ({"thresholds": {"toxic": "0.5"}}, ProblemKind.IMPOSSIBLE, "thresholds.toxic"),
        ({"thresholds": {"toxic": True}}, ProblemKind.IMPOSSIBLE, "thresholds.toxic"),
        (
            {"actions": {"toxic": {"action": "ban"}}},
            ProblemKind.IMPOSSIBLE,
            "actions.toxic.action",
        ),
        ({"actions": {"toxic": {}}}, ProblemKind.MISSING, "actions.toxic.action"),
        ({"actions": {"toxic": {"action": "timeout"}}}, ProblemKind.IMPOSSIBLE, "actions.toxic"),
        (
            {"actions": {"toxic": {"action": "timeout", "timeout_s": 5}}},
            ProblemKind.IMPOSSIBLE,
            "actions.toxic.timeout_s",
        ),
        (
            {"channels": {"7": {"thresholds": {"toxic": -1}}}},
            ProblemKind.IMPOSSIBLE,
            "channels.7.thresholds.toxic",
        ),
        ({"channels": {"general": {}}}, ProblemKind.NO_ID, "channels.general"),
        ({"log_channel": 7}, ProblemKind.IMPOSSIBLE, "log_channel"),
        ({"log_channel": "9" * 19}, ProblemKind.IMPOSSIBLE, "log_channel"),
        (
            {"escalation": [{"flags": 2, "window_s": 60, "timeout_s": 60}] * 2},
            ProblemKind.IMPOSSIBLE,
            "escalation",
        ),
        ({"channels": {"07": {}, "7": {}}}, ProblemKind.NO_ID, "channels.07"),
        ({"notice": {"way": "dm", "text": "x" * 501}}, ProblemKind.IMPOSSIBLE, "notice.text"),
        ({"notice": {"way": "dm", "text": " \n"}}, ProblemKind.IMPOSSIBLE, "notice.text"),
        ({"notice": {"way": "dm", "text": "a\0b"}}, ProblemKind.IMPOSSIBLE, "notice.text"),
        ({"notice": {"way": None}}, ProblemKind.IMPOSSIBLE, "notice.way"),
        (
            {"privacy": {"retention_days": 91, "excerpt_days": None}},
            ProblemKind.IMPOSSIBLE,
            "privacy.retention_days",
        ),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, Any], kind: ProblemKind, place: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(json.dumps({"hexward_settings": 1} | changes).encode())
    first = caught.value.problems[0]
    assert (first.kind, first.place) == (kind, place)


@pytest.mark.parametrize(
    ("raw", "kind", "place"),
    [
        (b"", ProblemKind.NO_JSON, "1"),
        (b"{\n oh", ProblemKind.NO_JSON, "2"),
        (b"\xff\xfe{", ProblemKind.NO_TEXT, "1"),
        (b"\n" + b"[" * 100_000, ProblemKind.TOO_DEEP, "2"),
        (b'"' + b"[" * 100_000, ProblemKind.NO_JSON, "1"),
        (b'"\\' * 100_000, ProblemKind.NO_JSON, "1"),
        (b"[NaN]", ProblemKind.NO_SETTINGS, ""),
        (b'{"x": {"a": 1, "a": 2}}', ProblemKind.TWICE, "x.a"),
    ],
)
def test_what_cannot_be_read_is_said(raw: bytes, kind: ProblemKind, place: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(raw)
    assert [(one.kind, one.place) for one in caught.value.problems] == [(kind, place)]


def test_of_many_problems_the_first_are_named() -> None:
    document = {"hexward_settings": 1} | {f"key {number}": 1 for number in range(30)}
    with pytest.raises(BadFile) as caught:
        read(json.dumps(document).encode())
    assert len(caught.value.problems) == 10
    assert caught.value.others == 20


@given(
    st.binary(max_size=30)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["hexward_settings", "thresholds", "exempt", "x"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_nothing_but_a_named_problem_comes_of_any_file(raw: bytes) -> None:
    problems = None
    try:
        read(raw)
    except BadFile as error:
        problems = error.problems
    assert problems != []
