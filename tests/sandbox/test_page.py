"""The page and the stage behind it, driven as a browser drives them, with a bot of real shape."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from toy_bot import ToyBot

from sandbox import demo
from sandbox.stage import PortTaken, Refused, Stage
from tests.patience import PATIENCE_S, until


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[ToyBot]:
    async with ToyBot(tmp_path / "log.sqlite3") as bot:
        yield bot


@pytest.fixture
async def stage(bot: ToyBot) -> AsyncIterator[Stage]:
    async def point_log_channel(stage: Stage) -> None:
        bot.log_channel_id = stage.moderation_channel_id

    async with Stage.open(bot, before_login=point_log_channel) as stage:
        yield stage


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@dataclass
class Tab:
    """A browser tab in which one member looks at one channel."""

    http: aiohttp.ClientSession
    url: str
    headers: dict[str, str]
    sequence: count[int]

    @classmethod
    async def open(
        cls, http: aiohttp.ClientSession, stage: Stage, member: str, channel: str
    ) -> Tab:
        answer = await http.get(f"{stage.url}stage.json")
        seats = {room["name"]: room["seats"] for room in (await answer.json())["channels"]}
        tab = cls(http, stage.url, {"X-Simcord-Capability": seats[channel][member]}, count(1))
        opened = await http.post(f"{tab.url}api/pages", json={}, headers=tab.headers)
        tab.headers["X-Simcord-Context"] = (await opened.json())["context"]["id"]
        return tab

    async def state(self) -> dict[str, Any]:
        answer = await self.http.get(f"{self.url}api/state", headers=self.headers)
        assert answer.status == 200
        state: dict[str, Any] = await answer.json()
        return state

    async def act(self, kind: str, **wish: Any) -> dict[str, Any]:
        state = await self.state()
        sequence = next(self.sequence)
        body = {
            "protocol_version": 3,
            "sequence": sequence,
            "request_id": f"request-{sequence}",
            "generation": state["context"]["generation"],
            "bot_generation": state["botGeneration"],
            "published_revision": state["publishedRevision"],
            "kind": kind,
            **wish,
        }
        answer = await self.http.post(f"{self.url}api/action", json=body, headers=self.headers)
        receipt: dict[str, Any] = await answer.json()
        return receipt

    async def run_command(self, invocation: str, **options: str) -> dict[str, Any]:
        answer = await self.http.get(f"{self.url}api/commands", headers=self.headers)
        entries = {entry["invocation"]: entry for entry in (await answer.json())["entries"]}
        entry = entries[invocation]
        return await self.act(
            "run_command",
            command_id=entry["commandId"],
            path=entry["path"],
            schema_fingerprint=entry["schemaFingerprint"],
            options=options,
        )

    async def messages(self) -> list[dict[str, Any]]:
        state = await self.state()
        return [state["messages"][identity] for identity in state["timeline"]]

    async def until(self, seen: Callable[[str], bool]) -> str:
        """Poll, as the browser does, until what is on the page satisfies `seen`."""
        ends = time.monotonic() + PATIENCE_S
        while not seen(page := str(await self.messages())):
            assert time.monotonic() < ends, f"never seen; the page shows {page}"
            await asyncio.sleep(0.05)
        return page


async def test_script_is_played_and_screened_line_by_line(bot: ToyBot, stage: Stage) -> None:
    played = [posted async for posted in stage.play_script()]

    assert len(played) == len(demo.SCRIPT)
    assert bot.scored == [posted.text for posted in played]
    assert {posted.kind for posted in played} == {"message", "edit", "forward"}
    edit = next(posted for posted in played if posted.kind == "edit")
    assert [posted.kind for posted in played if posted.message_id == edit.message_id] == [
        "message",
        "edit",
    ]


async def test_post_returns_when_a_slow_bot_has_dealt_with_it(bot: ToyBot, stage: Stage) -> None:
    bot.inference_s = 1.0
    started = time.monotonic()
    posted = await stage.post("you idiot")

    assert posted.dealt_with
    assert time.monotonic() - started >= 1.0
    assert bot.scored == ["you idiot"]
    assert len(stage.channels["mod-log"].history()) == 1


async def test_background_tasks_of_the_bot_go_on_in_real_time(bot: ToyBot, stage: Stage) -> None:
    await until(lambda: bot.beats >= 3)


@pytest.mark.parametrize(
    ("text", "author", "channel", "words"),
    [
        ("", "Ada", "general", "needs some text"),
        ("x" * 2001, "Ada", "general", "2000"),
        ("hello", "Ada", "mod-log", "cannot"),
        ("hello", "Eve", "general", "Ada, Ben, Cleo, Mo"),
        ("hello", "Ada", "attic", "general, gaming, mod-log"),
    ],
)
async def test_impossible_posts_are_refused(
    stage: Stage, text: str, author: str, channel: str, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        await stage.post(text, author=author, channel=channel)


async def test_member_posts_and_moderator_sees_the_alert(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    ada = await Tab.open(http, stage, "ada", "general")
    mo = await Tab.open(http, stage, "mo", "mod-log")

    receipt = await ada.act("send_message", content="you idiot")

    assert receipt["settlement"] == "settled"
    await ada.until(lambda page: "you idiot" in page)
    alert = await mo.until(lambda page: "Flagged" in page and "you idiot" in page)
    assert "@Ada" in alert


async def test_alert_of_a_bot_slower_than_discords_patience_still_appears(
    bot: ToyBot, stage: Stage, http: aiohttp.ClientSession
) -> None:
    bot.inference_s = 3.5
    ada = await Tab.open(http, stage, "ada", "general")
    mo = await Tab.open(http, stage, "mo", "mod-log")
    await ada.act("send_message", content="you idiot")
    await mo.until(lambda page: "Flagged" in page)


async def test_terminal_and_tabs_act_at_once(
    bot: ToyBot, stage: Stage, http: aiohttp.ClientSession
) -> None:
    bot.inference_s = 0.1
    tabs = [await Tab.open(http, stage, name, "general") for name in ("ada", "ben", "cleo")]

    receipts = await asyncio.gather(
        *(tab.act("send_message", content=f"hello {number}") for number, tab in enumerate(tabs)),
        stage.post("hello from the terminal"),
    )

    assert all(receipt["settlement"] == "settled" for receipt in receipts[:3])
    assert sorted(bot.scored) == ["hello 0", "hello 1", "hello 2", "hello from the terminal"]


async def test_message_that_arrives_meanwhile_does_not_void_an_action(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    ada = await Tab.open(http, stage, "ada", "general")
    before = await ada.state()
    await stage.post("hello", author="Ben")
    await ada.state()

    receipt = await ada.act(
        "send_message", content="hi Ben", published_revision=before["publishedRevision"]
    )

    assert receipt["settlement"] == "settled"


async def test_moderator_runs_a_command_that_only_moderators_have(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    mo = await Tab.open(http, stage, "mo", "general")
    ada = await Tab.open(http, stage, "ada", "general")

    assert (await mo.run_command("check", text="what an idiot"))["settlement"] == "settled"

    assert "harmful" in str(await mo.messages())
    assert "harmful" not in str(await ada.messages())
    with pytest.raises(KeyError):
        await ada.run_command("check", text="what an idiot")


async def test_menu_on_a_message_runs_apps_and_forwards(
    bot: ToyBot, stage: Stage, http: aiohttp.ClientSession
) -> None:
    posted = await stage.post("you idiot")
    mo = await Tab.open(http, stage, "mo", "general")
    ada = await Tab.open(http, stage, "ada", "general")

    menus = [await http.get(f"{stage.url}stage/menu", headers=tab.headers) for tab in (mo, ada)]
    assert [await menu.json() for menu in menus] == [
        {
            "apps": [{"name": "Check message", "label": "Check message"}],
            "forward": ["general", "gaming", "mod-log"],
        },
        {"apps": [], "forward": ["general", "gaming"]},
    ]
    for wish in ({"app": "Check message"}, {"forward": "gaming"}):
        body = {"message_id": str(posted.message_id), **wish}
        answer = await http.post(f"{stage.url}stage/menu", json=body, headers=mo.headers)
        assert answer.status == 200
    assert "harmful" in str(await mo.messages())
    assert bot.scored == ["you idiot", "you idiot"]

    body = {"message_id": str(posted.message_id), "forward": "mod-log"}
    answer = await http.post(f"{stage.url}stage/menu", json=body, headers=ada.headers)
    assert answer.status == 400


async def test_member_whose_discord_is_in_another_language(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    languages = f"{stage.url}stage/language"
    for wish in ({"member": "mo", "locale": "de"}, {"locale": "de"}):
        assert (await http.post(languages, json=wish)).status == 200
    chosen = await (await http.get(f"{stage.url}stage.json")).json()
    assert chosen["locales"] == ["en-GB", "de"]
    assert chosen["locale"] == "de"
    spoken = {member["key"]: member["locale"] for member in chosen["members"]}
    assert (spoken["mo"], spoken["ada"]) == ("de", "en-GB")

    await stage.post("hello")
    mo = await Tab.open(http, stage, "mo", "general")
    assert (await mo.state())["profile"]["locale"] == "de"
    assert (await mo.run_command("prüfen", wortlaut="what an idiot"))["settlement"] == "settled"
    assert "harmful (de, de)" in str(await mo.messages())
    menu = await (await http.get(f"{stage.url}stage/menu", headers=mo.headers)).json()
    assert menu["apps"] == [{"name": "Check message", "label": "Nachricht prüfen"}]


@pytest.mark.parametrize(
    "wish", [{"member": "mo", "locale": "tlh"}, {"member": "eve", "locale": "de"}, {}, []]
)
async def test_languages_that_cannot_be_chosen(
    stage: Stage, http: aiohttp.ClientSession, wish: object
) -> None:
    assert (await http.post(f"{stage.url}stage/language", json=wish)).status == 400
    chosen = await (await http.get(f"{stage.url}stage.json")).json()
    assert {chosen["locale"], *(member["locale"] for member in chosen["members"])} == {"en-GB"}


async def test_members_have_no_seat_in_the_moderators_channel(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    with pytest.raises(KeyError):
        await Tab.open(http, stage, "ada", "mod-log")


async def test_one_tab_cannot_end_the_page_for_the_others(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    ada = await Tab.open(http, stage, "ada", "general")
    assert (await ada.act("close"))["rejected"]
    assert (await (await Tab.open(http, stage, "ben", "general")).state())["status"] == "current"


@pytest.mark.parametrize(
    "path", ["", "channel", "stage/stage.js", "stage/channel.css", "app.js", "preview.css"]
)
async def test_page_is_served_to_this_machine_only(
    stage: Stage, http: aiohttp.ClientSession, path: str
) -> None:
    assert (await http.get(stage.url + path)).status == 200
    elsewhere = await http.get(stage.url + path, headers={"Host": "evil.example"})
    assert elsewhere.status == 403


async def test_every_script_and_style_the_page_names_is_served(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    for page in ("", "channel"):
        text = await (await http.get(stage.url + page)).text()
        named = [part.split('"')[0] for part in text.replace('href="', 'src="').split('src="')[1:]]
        local = [address for address in named if address.startswith("/")]
        assert local
        for address in local:
            assert (await http.get(stage.url.rstrip("/") + address)).status == 200


async def test_closing_lets_the_bot_finish_and_frees_the_port(tmp_path: Path) -> None:
    bot = ToyBot(tmp_path / "log.sqlite3", inference_s=0.5)
    async with bot, aiohttp.ClientSession() as http:
        async with Stage.open(bot) as stage:
            bot.log_channel_id = stage.moderation_channel_id
            url = stage.url
            ada = await Tab.open(http, stage, "ada", "general")
            sending = asyncio.create_task(ada.act("send_message", content="you idiot"))
            await until(lambda: bot.asked == 1)
        assert bot.scored == ["you idiot"]
        assert len(stage.channels["mod-log"].history()) == 1
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(url)
        await asyncio.gather(sending, return_exceptions=True)


async def test_port_that_is_taken_is_named(stage: Stage, tmp_path: Path) -> None:
    port = int(stage.url.rstrip("/").rpartition(":")[2])
    async with ToyBot(tmp_path / "other.sqlite3") as other:
        with pytest.raises(PortTaken, match=str(port)):
            async with Stage.open(other, port=port):
                pass


async def test_the_moderator_may_do_what_a_card_offers(bot: ToyBot, stage: Stage) -> None:
    server = bot.get_guild(stage.server_id)
    assert server is not None
    mo, ada = [await server.fetch_member(stage.members[name].id) for name in ("Mo", "Ada")]
    for name in ("manage_guild", "manage_messages", "manage_nicknames", "moderate_members"):
        assert getattr(mo.guild_permissions, name)
        assert not getattr(ada.guild_permissions, name)
