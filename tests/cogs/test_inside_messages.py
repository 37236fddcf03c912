"""What stands in a message beside its words: each is screened, said on the card, and once."""

from __future__ import annotations

import pytest

from tests.conftest import Scene

SURFACES = "SELECT surface, labels_over FROM decisions ORDER BY id"


async def card_field(scene: Scene) -> str:
    """What the next card calls the text that it is about."""
    card = await scene.wire.wait_for_message(scene.log)
    jump = [field for field in card.embeds[0]["fields"] if "Jump to" in field["value"]]
    return str(jump[0]["name"])


async def test_a_poll_is_screened(scene: Scene) -> None:
    async with scene.bot():
        await scene.ada.post(scene.general, poll=("Who is it?", ["Ada", "the idiot"]))
        assert await card_field(scene) == "Poll"
    assert scene.rows(SURFACES) == [("poll", "toxic,insult")]


async def test_a_link_that_unfolds_to_harm_is_flagged_and_its_message_only_once(
    scene: Scene,
) -> None:
    embed = {"type": "link", "url": "https://example.com", "title": "kill them"}
    async with scene.bot():
        message = await scene.ada.post(scene.general, "idiot https://example.com")
        await card_field(scene)
        await message.refresh_embeds([embed])
        assert await card_field(scene) == "Embed"
        await message.refresh_embeds([embed])
        await message.refresh_embeds([])
        await message.refresh_embeds([embed])
        await scene.wire.quiet()
    assert scene.rows(SURFACES) == [("content", "toxic,insult"), ("embed", "toxic,threat")]


async def test_the_embed_of_an_app_is_screened_where_apps_are(scene: Scene) -> None:
    hook = scene.general.add_webhook("News")
    embed = {"fields": [{"name": "today", "value": "you idiot"}], "footer": {"text": "news"}}
    async with scene.bot():
        await hook.post(embeds=[embed])
        await scene.wire.quiet()
        assert scene.rows(SURFACES) == []
        await scene.mo.run(scene.general, "exempt bots", exempt=False)
        await hook.post(embeds=[embed])
        assert await card_field(scene) == "Embed"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("message.txt", b"you idiot"),
        ("notes.log", "dann halt so: IDIOT, \u00fc".encode("utf-16")),
        ("old.csv", "größe;idiot".encode("cp1252")),
        ("long.md", b"fine words\n" * 5_000 + b"idiot"),
    ],
)
async def test_a_text_file_is_read(scene: Scene, name: str, content: bytes) -> None:
    async with scene.bot():
        await scene.ada.post(scene.general, "see below", attachments=[(name, content)])
        assert await card_field(scene) == "Text file"
    assert scene.rows(SURFACES) == [("attachment", "toxic,insult")]
    assert scene.rows("SELECT sum(passed), sum(flagged) FROM daily_counts") == [(1, 1)]


async def test_a_card_quotes_of_a_long_file_what_it_is_about(scene: Scene) -> None:
    content = b"fine words\n" * 2_000 + b"you idiot\n" + b"fine words\n" * 2_000
    async with scene.bot():
        await scene.ada.post(scene.general, attachments=[("a.txt", content)])
        card = await scene.wire.wait_for_message(scene.log)
    quoted = card.embeds[0]["description"]
    assert "you idiot" in quoted.replace("__", "").replace("**", "")  # once explained, marked
    (row,) = scene.rows("SELECT round(score_toxic, 2) FROM decisions")
    assert row == (0.97,)


async def test_files_that_are_no_text_or_too_large_are_not_fetched(scene: Scene) -> None:
    async with scene.bot():
        files = [("a.png", b"idiot"), ("b.txt", b"idiot " * 20_000), ("c.txt", b"")]
        await scene.ada.post(scene.general, "hello", attachments=files)
        await scene.wire.quiet()
    assert scene.rows(SURFACES) == []
    assert scene.rows("SELECT passed, flagged FROM daily_counts") == [(1, 0)]


async def test_a_file_that_is_gone_does_not_keep_the_words_from_being_screened(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.bot():
        scene.wire.world.backend.cdn._blobs = _Empty()
        await scene.ada.post(scene.general, "idiot", attachments=[("a.txt", b"idiot")])
        assert await card_field(scene) == "Message"
        await scene.ada.post(scene.general, "hello", attachments=[("a.txt", b"idiot")])
        await scene.wire.quiet()
    assert scene.rows(SURFACES) == [("content", "toxic,insult")]
    assert scene.rows("SELECT passed, flagged FROM daily_counts") == [(1, 1)]
    assert "unscreened" not in caplog.text


class _Empty(dict[str, bytes]):
    """A file server that has lost its files."""

    def __setitem__(self, url: str, blob: bytes) -> None:
        pass


async def test_a_file_in_a_forward_is_read(scene: Scene) -> None:
    source = await scene.ada.post(
        scene.general, "look", attachments=[("a.txt", b"kill them")], unseen=True
    )
    other = scene.server.add_channel("other")
    async with scene.bot():
        await scene.ada.forward(source, to=other)
        assert await card_field(scene) == "Forwarded text: text file"
    assert scene.rows(SURFACES) == [("forward/attachment", "toxic,threat")]


async def test_check_message_reads_files_and_polls_too(scene: Scene) -> None:
    async with scene.bot():
        message = await scene.ada.post(
            scene.general, "hello", attachments=[("a.txt", b"fine " * 900 + b"scum")]
        )
        await scene.wire.wait_for_message(scene.log)
        reply = await scene.mo.use_on(message, "Check message")
    assert "Identity hate" in reply.message.texts


async def test_a_flag_of_a_file_that_a_crash_left_is_alerted_after_the_start(
    scene: Scene,
) -> None:
    async with scene.bot():
        await scene.ada.post(scene.general, "look", attachments=[("a.txt", b"idiot")])
        await scene.wire.wait_for_message(scene.log)
    scene.change("UPDATE decisions SET id = id + 100, outcome = NULL, settled_at = NULL")
    async with scene.bot(log_channel=False):
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    assert scene.rows("SELECT outcome FROM decisions") == [("alerted",)]
