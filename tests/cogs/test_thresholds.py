"""What ``/thresholds`` says of scores that were kept, and of moderators' verdicts."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bot.charts.describe import Columns, Curve, Picture
from bot.charts.drawing import Charts
from bot.errors import ChartError
from bot.labels import LABELS
from sandbox.wire import Reply
from sandbox.wire.commands import button
from tests.cogs.acting import words
from tests.conftest import Scene


async def test_scores_of_what_passes_are_kept_without_saying_whose(scene: Scene) -> None:
    authors = [scene.server.add_member(f"member-{number}") for number in range(7)]
    thread = scene.general.add_thread("a thread", authors[0])
    async with scene.bot():
        for author in authors[1:]:
            await author.post(scene.general, "what a rude day")
        await authors[0].post(thread, "hello there")
        await authors[0].post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
    rows = scene.rows(
        "SELECT channel_id, round(permille_toxic / 10.0), permille_insult FROM score_samples"
    )
    # Nothing of the one that was flagged, and no channel before five members wrote in it.
    channels, toxic, insult = (Counter(column) for column in zip(*rows, strict=True))
    assert channels == {None: 4, scene.general.id: 3}
    assert toxic == {60: 6, 2: 1}
    assert insult == {20: 7}
    assert scene.rows("SELECT sum(texts) FROM sample_counts") == [(7,)]


def past(scene: Scene) -> None:
    """Three days of a server: flags with verdicts, and samples of what passed."""
    server, channel, now = scene.server.id, scene.general.id, datetime.now(UTC)
    scores = ", ".join(f"score_{label}" for label in LABELS)
    thresholds = ", ".join(f"threshold_{label}" for label in LABELS)
    number = 0
    script = []
    for at in (now - timedelta(days=back) for back in range(3)):
        day, moment = f"{at:%Y-%m-%d}", f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
        script.append(f"INSERT INTO sample_counts VALUES ({server}, '{day}', 2, 40)")
        script += [
            f"INSERT INTO score_samples VALUES ({server}, '{day}', 2, {place}, {channel}, {toxic},"
            " 0, 0, 0, 0, 0)"
            for place, toxic in enumerate([600] * 10 + [300] * 10)
        ]
        for score, verdict in [(0.72, "dismissed")] * 5 + [(0.95, "upheld")] * 5:
            number += 1
            script.append(
                "INSERT INTO decisions (id, server_id, channel_id, message_id, author_id, surface,"
                f" revision, {scores}, {thresholds}, labels_over, action, outcome, model_version,"
                f" message_created_at, decided_at) VALUES ({number}, {server}, {channel}, {number},"
                f" 5, 'content', 0, {score}, 0, 0, 0, 0, 0, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 'toxic',"
                f" 'alert', 'alerted', 'm', '{moment}', '{moment}')"
            )
            script.append(f"INSERT INTO verdicts VALUES ({number}, '{verdict}', 7, '{moment}')")
    with closing(sqlite3.connect(scene.database)) as connection:
        connection.executescript("BEGIN;\n" + ";\n".join(script) + ";\nCOMMIT;")


async def shows(scene: Scene, reply: Reply, told: str) -> None:
    """Wait until the answer was changed to say so."""
    await scene.wire.wait_until(lambda: told in reply.content, what=told)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Picture]:
    """What is to be drawn, which is not done here: it would start a process."""
    pictures: list[Picture] = []

    async def draw(self: Charts, picture: Picture) -> bytes:
        pictures.append(picture)
        return b"\x89PNG\r\n\x1a\n"

    monkeypatch.setattr(Charts, "draw", draw)
    return pictures


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing fails, as where a host's machine has no memory left for it; and takes no time."""

    async def draw(self: Charts, picture: Picture) -> bytes:
        raise ChartError("no memory")

    monkeypatch.setattr(Charts, "draw", draw)


@pytest.fixture
async def past_scene(scene: Scene) -> Scene:
    async with scene.bot():
        pass
    past(scene)
    return scene


async def test_a_preview_counts_flags_and_samples(past_scene: Scene, drawn: list[Picture]) -> None:
    scene = past_scene
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(
            scene.general, "thresholds preview", label="toxic", value=0.6, days=3
        )
        said = words(reply)
        assert "**30** would flag at 0.7" in said
        # A half of 40 texts on each of three days, from samples of 20.
        assert "**about 90 (80 to 100)** at 0.6" in said
        assert "120 texts that passed, the scores of 60 are kept" in said
        assert "?" not in said
        # The picture follows once it is drawn.
        await scene.wire.wait_until(lambda: reply.message.stored.attachments, what="the picture")
        assert reply.embeds[0]["image"]["url"].endswith("thresholds.png")
    ((columns,), (curve,)) = drawn[0].rows
    assert isinstance(columns, Columns)
    assert [series.values for series in columns.series] == [(10, 10, 10), (20, 20, 20)]
    assert isinstance(curve, Curve)
    assert [(marker.x, curve.height(marker.x)) for marker in curve.markers] == [
        (0.7, 30),
        (0.6, 90),
    ]


@pytest.mark.usefixtures("no_pictures")
async def test_numbers_are_told_without_a_picture(past_scene: Scene) -> None:
    scene = past_scene
    async with scene.bot(log_channel=False):
        # Raising needs no samples.
        said = words(
            await scene.mo.run(scene.general, "thresholds preview", label="toxic", value=0.9)
        )
        assert "**30** would flag at 0.7, as it is, and **15** at 0.9" in said
        said = words(
            await scene.mo.run(
                scene.general, "thresholds preview", label="toxic", value=0.5, days=90
            )
        )
        assert "keeps scores for 30 days" in said
        assert "On 87 days (?)" in said


@pytest.mark.usefixtures("no_pictures")
async def test_a_preview_of_a_channel_counts_only_there(past_scene: Scene) -> None:
    scene = past_scene
    other = scene.server.add_channel("other")
    thread = scene.general.add_thread("a thread", scene.ada)
    async with scene.bot(log_channel=False):
        preview = partial(scene.mo.run, scene.general, "thresholds preview", label="toxic", days=3)
        assert "about 90" in words(await preview(value=0.6, channel=scene.general))
        said = words(await preview(value=0.6, channel=other))
        # All samples are of another channel, but they are half of the texts only.
        assert "**0** would flag at 0.7, as it is, and **at most about 4** at 0.6" in said
        said = words(await preview(value=0.6, channel=thread))
        assert f"name {scene.general.mention} instead" in said
        # Where the channel has a threshold of its own, the server's new one changes nothing.
        await scene.mo.run(
            scene.general, "thresholds set", label="toxic", value=0.9, channel=scene.general
        )
        assert "**about 15 (15 to 19)** at 0.6" in words(await preview(value=0.6))


@pytest.mark.usefixtures("no_pictures")
async def test_what_was_previewed_is_set_by_a_button_after_a_restart(past_scene: Scene) -> None:
    scene = past_scene
    async with scene.bot(log_channel=False):
        run = partial(scene.mo.run, scene.general, "thresholds preview", label="toxic", value=0.65)
        everywhere, here = await run(), await run(channel=scene.general)
    async with scene.bot(log_channel=False):
        await scene.mo.click(here.message, "Set it")
        await shows(scene, here, f"0.65** on in {scene.general.mention} (before: 0.7)")
        assert not here.message.components
        assert scene.rows("SELECT channel_id, label, value FROM channel_thresholds") == [
            (scene.general.id, "toxic", 0.65)
        ]
        await scene.mo.click(everywhere.message, "Set it")
        await shows(scene, everywhere, "**Toxic** now flags from **0.65** on (before: 0.7).")
    assert scene.rows("SELECT label, value FROM thresholds") == [("toxic", 0.65)]


async def test_nothing_is_counted_before_anything_was_screened(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        said = words(
            await scene.mo.run(scene.general, "thresholds preview", label="threat", value=0.3)
        )
        assert "nothing to count yet" in said
        said = words(await scene.mo.run(scene.general, "thresholds suggest"))
        assert said.count("Not enough verdicts yet: 0, and at least 11 are needed.") == 6


async def test_verdicts_suggest_thresholds_and_a_button_sets_them(past_scene: Scene) -> None:
    scene = past_scene
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "thresholds suggest")
        said = words(reply)
        assert "Toxic: 0.7 → 0.73" in said
        assert "Now 15 of 30 verdicts right: 50% (36% to 64%)." in said
        assert "Then 15 of 15 verdicts right: 100% (85% to 100%)." in said
        await scene.mo.click(reply.message, "Set it")
        await shows(scene, reply, "**Toxic** now flags from **0.73** on (before: 0.7).")
        said = words(await scene.mo.run(scene.general, "thresholds suggest", label="toxic"))
        assert "Stays as it is: 15 of 15 verdicts right" in said
        said = words(await scene.mo.run(scene.general, "thresholds suggest", precision=0.95))
        assert "Not enough verdicts yet: 15, and at least 52 are needed. 15 more do not" in said
    assert scene.rows("SELECT label, value FROM thresholds") == [("toxic", 0.73)]


async def test_a_button_needs_the_permission_of_who_clicks(past_scene: Scene) -> None:
    scene = past_scene
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "thresholds suggest", label="toxic")
        shape = button(reply.message.components, "Set it", None)
        refused = await (await scene.ada._press(reply.message, shape)).followup()
        assert refused.content == "This needs the permission Manage Server in this server."
        assert refused.ephemeral
    assert scene.rows("SELECT * FROM thresholds") == []


async def test_values_are_offered_while_they_are_typed(past_scene: Scene) -> None:
    scene = past_scene
    async with scene.bot(log_channel=False):
        for command in ("thresholds set", "thresholds preview"):
            offer = partial(scene.mo.autocomplete, scene.general, command, "value")
            assert [(one["name"], one["value"]) for one in await offer("", label="toxic")] == [
                ("0.7: as it is now, preset balanced", 0.7),
                ("0.73: suggested by verdicts", 0.73),
                ("0.9: preset relaxed", 0.9),
                ("0.5: preset strict", 0.5),
            ]
            assert [one["value"] for one in await offer("0.7", label="toxic")] == [0.7, 0.73]
            assert await offer("0.4", label="toxic") == []
            assert await offer("") == []


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        (
            "thresholds preview",
            {"label": "toxic", "value": 0.5, "days": 0},
            "0 days cannot be looked at",
        ),
        (
            "thresholds preview",
            {"label": "toxic", "value": 0.5, "days": 91},
            "91 days cannot be looked at",
        ),
        ("thresholds preview", {"label": "toxic", "value": 1.5}, "“1.5” cannot be a threshold"),
        ("thresholds preview", {"label": "rudeness", "value": 0.5}, "“rudeness” is not a label"),
        ("thresholds suggest", {"precision": 1.0}, "from 0.5 to 0.99 is possible"),
        ("thresholds suggest", {"precision": 0.3}, "A precision of 0.3 cannot"),
    ],
)
async def test_bad_arguments_get_one_sentence(
    scene: Scene, command: str, options: dict[str, object], said: str
) -> None:
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, command, force=True, **options)
        assert reply.ephemeral
        assert said in reply.texts
        assert "\n" not in reply.texts
