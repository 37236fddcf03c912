"""What members write, and what the bot hears and does about it."""

from __future__ import annotations

import discord
import pytest
from wire_client import Bot, Demo, running

from sandbox.wire import BackendError, Wire


def text_channel(bot: Bot, channel_id: int) -> discord.TextChannel:
    channel = bot.get_channel(channel_id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def test_message_create_edit_delete(demo: Demo, bot: Bot) -> None:
    message = await demo.ada.post(demo.general, "hello")
    heard = await bot.hears("message")
    assert (heard.content, heard.author.id, heard.guild.id) == (
        "hello",
        demo.ada.id,
        demo.server.id,
    )
    assert isinstance(heard.author, discord.Member)
    await message.edit("changed")
    before, after = await bot.hears("message_edit")
    assert (before.content, after.content) == ("hello", "changed")
    assert after.edited_at is not None
    await message.delete()
    assert (await bot.hears("message_delete")).id == message.id
    assert message.deleted


async def test_edit_of_a_message_the_bot_never_saw(demo: Demo, bot: Bot) -> None:
    message = await demo.ada.post(demo.general, "posted while the bot was away", unseen=True)
    await message.edit("something else")
    raw = await bot.hears("raw_message_edit")
    assert raw.cached_message is None
    assert raw.message.content == "something else"
    assert isinstance(raw.message.author, discord.Member)
    assert bot.of("message") == []
    assert bot.of("message_edit") == []


async def test_events_bring_the_member_along(wire: Wire, demo: Demo) -> None:
    intents = discord.Intents.default()
    intents.message_content = True
    bot = Bot(intents=intents)
    async with running(bot, wire):
        guild = bot.get_guild(demo.server.id)
        assert guild is not None
        assert guild.get_member(demo.mo.id) is None, "without the intent, members are not known"
        message = await demo.mo.post(demo.general, "posted unseen", unseen=True)
        await message.edit("something else")
        author = (await bot.hears("raw_message_edit")).message.author
        assert isinstance(author, discord.Member)
        assert author.guild_permissions.manage_messages


async def test_link_preview_is_an_update_without_an_edit(demo: Demo, bot: Bot) -> None:
    message = await demo.ada.post(demo.general, "https://example.org")
    await message.refresh_embeds([{"title": "Example", "type": "link"}])
    raw = await bot.hears("raw_message_edit")
    assert raw.message.embeds[0].title == "Example"
    assert raw.message.edited_at is None


async def test_forward_has_its_text_in_the_snapshot(demo: Demo, bot: Bot) -> None:
    message = await demo.ada.post(demo.general, "pass it on")
    await demo.ada.forward(message, to=demo.random)
    heard = await bot.hears("message", 2)
    assert heard.content == ""
    assert heard.message_snapshots[0].content == "pass it on"
    assert heard.reference.type is discord.MessageReferenceType.forward


async def test_reply_attachment_embed_poll(demo: Demo, bot: Bot) -> None:
    first = await demo.ada.post(demo.general, "first", attachments=[("note.txt", b"inside")])
    await demo.ada.post(demo.general, "second", reply_to=first, embeds=[{"description": "d"}])
    await demo.ada.post(demo.general, poll=("Which?", ["this", "that"]))
    with_file = await bot.hears("message")
    assert await with_file.attachments[0].read() == b"inside"
    reply = await bot.hears("message", 2)
    assert reply.reference.message_id == first.id
    assert reply.embeds[0].description == "d"
    poll = (await bot.hears("message", 3)).poll
    assert [answer.text for answer in poll.answers] == ["this", "that"]


async def test_thread_forum_post_and_voice_chat(demo: Demo, bot: Bot) -> None:
    thread = demo.general.add_thread("aside", by=demo.ada)
    await bot.hears("thread_create")
    await demo.ada.post(thread, "in a thread")
    forum = demo.server.add_channel("ideas", "forum")
    post, first = await forum.add_post("Title", "in a forum post", by=demo.ada)
    assert first.id == post.id, "as on Discord, the first message shares the post's id"
    voice = demo.server.add_channel("voice", "voice")
    await demo.ada.post(voice, "in voice chat")
    await bot.hears("message", 4)  # the first is the announcement of the thread
    texts = {m.content: m.channel for m in bot.of("message") if m.content}
    assert isinstance(texts["in a thread"], discord.Thread)
    assert texts["in a forum post"].parent_id == forum.id
    assert isinstance(texts["in voice chat"], discord.VoiceChannel)


async def test_bots_webhooks_and_system_messages(demo: Demo, bot: Bot) -> None:
    robot = demo.server.add_member("robot", bot=True)
    await robot.post(demo.general, "beep")
    await demo.general.add_webhook("CI").post("build failed", username="Builder")
    demo.general.post_system_message(discord.MessageType.new_member, by=demo.ada)
    beep = await bot.hears("message")
    assert beep.author.bot
    hooked = await bot.hears("message", 2)
    assert hooked.webhook_id is not None
    assert hooked.author.name == "Builder"
    joined = await bot.hears("message", 3)
    assert joined.is_system()


async def test_direct_messages_both_ways(wire: Wire, demo: Demo, bot: Bot) -> None:
    await demo.ada.dm("psst")
    heard = await bot.hears("message")
    assert heard.guild is None
    await heard.channel.send("yes?")
    assert (await wire.wait_for_message(demo.ada.dms)).content == "yes?"
    demo.ada.close_dms()
    with pytest.raises(discord.Forbidden) as refused:
        await heard.channel.send("still there?")
    assert refused.value.code == 50007


async def test_content_is_hidden_without_the_intent(wire: Wire, demo: Demo) -> None:
    intents = discord.Intents.all()
    intents.message_content = False
    bot = Bot(intents=intents)
    async with running(bot, wire):
        message = await demo.ada.post(
            demo.general, "secret", embeds=[{"title": "t"}], attachments=[("a.txt", b"a")]
        )
        await demo.ada.forward(message, to=demo.random)
        await demo.ada.post(demo.general, f"<@{wire.bot_id}> come here")
        await demo.ada.dm("in private")
        await text_channel(bot, demo.general.id).send("my own")
        hidden = await bot.hears("message")
        assert (hidden.content, hidden.embeds, hidden.attachments) == ("", [], [])
        forward = await bot.hears("message", 2)
        assert forward.message_snapshots[0].content == ""
        await bot.hears("message", 5)
        texts = {m.content for m in bot.of("message")}
        assert {f"<@{wire.bot_id}> come here", "in private", "my own"} <= texts


async def test_no_events_from_where_the_bot_may_not_look(demo: Demo, bot: Bot) -> None:
    demo.random.set_permissions(demo.server.bot, view_channel=False)
    hidden = demo.general.add_thread("private", by=demo.ada, private=True)
    demo.general.set_permissions(demo.server.bot, manage_threads=False)
    await demo.ada.post(demo.random, "behind closed doors")
    await demo.ada.post(hidden, "in a private thread")
    await demo.ada.post(demo.general, "in the open")
    await bot.hears("message")
    assert [m.content for m in bot.of("message")] == ["in the open"]


async def test_thread_on_a_message(demo: Demo, bot: Bot) -> None:
    message = await demo.ada.post(demo.general, "let us talk about this")
    thread = demo.general.add_thread("talk", by=demo.mo, on=message)
    assert thread.id == message.id
    starter = await bot.hears("message", 2)
    assert starter.type is discord.MessageType.thread_starter_message
    assert starter.content == ""
    assert starter.reference.message_id == message.id


async def test_bot_sends_edits_fetches_and_deletes(wire: Wire, demo: Demo, bot: Bot) -> None:
    channel = text_channel(bot, demo.mods.id)
    sent = await channel.send(
        "alert",
        embed=discord.Embed(title="Flag").add_field(name="toxic", value="0.91"),
        file=discord.File(__file__, description="this file"),
        allowed_mentions=discord.AllowedMentions.none(),
    )
    card = await wire.wait_for_message(demo.mods)
    assert card.id == sent.id
    assert card.texts.splitlines() == ["alert", "Flag", "toxic", "0.91"]
    assert card.attachments[0]["description"] == "this file"
    await sent.edit(content="settled")
    assert card.content == "settled"
    assert (await channel.fetch_message(sent.id)).content == "settled"
    await sent.delete()
    assert card.deleted
    with pytest.raises(discord.NotFound):
        await channel.fetch_message(sent.id)


async def test_history_after_a_message_begins_next_to_it(demo: Demo, bot: Bot) -> None:
    posted = [await demo.ada.post(demo.general, f"{number}") for number in range(230)]
    channel = text_channel(bot, demo.general.id)
    after = discord.Object(posted[9].id)
    page = await bot.http.logs_from(channel.id, 3, after=after.id)
    assert [shape["content"] for shape in page] == ["12", "11", "10"]  # the newest first
    whole = [m.content async for m in channel.history(after=after, limit=None)]
    assert whole == [f"{number}" for number in range(10, 230)]
    last = discord.Object(posted[-1].id)
    assert [m async for m in channel.history(after=last)] == []
    demo.general.set_permissions(demo.server.bot, read_message_history=False)
    assert [m async for m in channel.history(after=after)] == []


async def test_bot_reads_history_and_deletes_in_bulk(demo: Demo, bot: Bot) -> None:
    posted = [await demo.ada.post(demo.general, f"{number}") for number in range(5)]
    channel = text_channel(bot, demo.general.id)
    assert [m.content async for m in channel.history(limit=3)] == ["4", "3", "2"]
    await channel.delete_messages([discord.Object(m.id) for m in posted[:3]], reason="spam")
    assert [m.deleted for m in posted] == [True, True, True, False, False]
    assert len((await bot.hears("raw_bulk_message_delete")).message_ids) == 3


async def test_nonce_comes_back_and_can_be_enforced(wire: Wire, demo: Demo, bot: Bot) -> None:
    channel = text_channel(bot, demo.mods.id)
    first = await channel.send("alert", nonce="decision-1")
    again = await channel.send("alert", nonce="decision-1")
    other = await channel.send("alert", nonce="decision-2")
    assert first.id == again.id != other.id
    assert (await bot.hears("message")).nonce == "decision-1"
    wire.advance(600)
    assert (await channel.send("alert", nonce="decision-1")).id != first.id


async def test_message_that_is_too_long(demo: Demo, bot: Bot) -> None:
    with pytest.raises(discord.HTTPException) as refused:
        await text_channel(bot, demo.general.id).send("x" * 2001)
    assert (refused.value.status, refused.value.code) == (400, 50035)


async def test_messages_are_handed_out_once(wire: Wire, demo: Demo, bot: Bot) -> None:
    channel = text_channel(bot, demo.mods.id)
    for text in ("one", "two", "three"):
        await channel.send(text)
    last = await wire.wait_for_message(demo.mods, where=lambda m: m.content == "three")
    assert last.content == "three"
    assert (await wire.wait_for_message(demo.mods)).content == "one"
    assert (await wire.wait_for_message(demo.mods)).content == "two"
    with pytest.raises(TimeoutError, match="mod-log"):
        await wire.wait_for_message(demo.mods, timeout_s=0.05)


async def test_members_cannot_post_where_they_may_not(demo: Demo) -> None:
    demo.mods.set_permissions(demo.server.everyone, send_messages=False)
    with pytest.raises(BackendError):
        await demo.ada.post(demo.mods, "let me in")


async def test_reactions_are_heard(demo: Demo, bot: Bot) -> None:
    message = await demo.ada.post(demo.general, "hello")
    await demo.mo.react(message, "👍")
    reaction = await bot.hears("raw_reaction_add")
    assert (str(reaction.emoji), reaction.user_id) == ("👍", demo.mo.id)
