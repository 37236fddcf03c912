"""No more is exempt than is kept: a thousand roles, and a thousand channels."""

from __future__ import annotations

import asyncio

from sandbox.wire import Reply
from tests.conftest import Scene

MOST = 1_000
NUMBERS = "SELECT kind, count(*) FROM exemptions GROUP BY kind ORDER BY kind"
# Of none of these is anything there, so none of them is shown as chosen.
MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})"
FILL = MANY + " INSERT INTO exemptions SELECT {server}, '{kind}', i FROM n"


def fill(scene: Scene, kind: str, many: int) -> None:
    scene.change(FILL.format(many=many, server=scene.server.id, kind=kind))


async def test_one_more_than_there_is_room_for_is_refused(scene: Scene) -> None:
    red, blue = scene.server.add_role("red"), scene.server.add_role("blue")
    mo, general = scene.mo, scene.general
    async with scene.bot():
        pass
    fill(scene, "role", MOST - 1)
    fill(scene, "channel", MOST)
    async with scene.bot(log_channel=False):
        # A role there is room for, but not for the channel beside it.
        reply: Reply = await mo.run(general, "exempt add", role=red, channel=general)
        assert "More than 1,000 exempt channels are not kept" in reply.texts
        assert scene.rows(NUMBERS) == [("channel", MOST), ("role", MOST - 1)]
        reply = await mo.run(general, "exempt add", role=red)
        assert "now exempt" in reply.texts
        reply = await mo.run(general, "exempt add", role=blue)
        assert "More than 1,000 exempt roles are not kept" in reply.texts
        reply = await mo.run(general, "exempt add", role=red)
        assert "already exempt" in reply.texts
        panel = (await mo.run(general, "setup")).message
        picked = await mo.select(panel, [red, blue], custom_id="hexward:setup:roles")
        assert "More than 1,000 exempt roles are not kept" in (await picked.followup()).texts
        picked = await mo.select(panel, [general], custom_id="hexward:setup:channels")
        assert "Exempt a category instead" in (await picked.followup()).texts
        await mo.run(general, "exempt remove", role=red)
        reply = await mo.run(general, "exempt add", role=blue)
        assert "now exempt" in reply.texts
    assert scene.rows(NUMBERS) == [("channel", MOST), ("role", MOST)]


async def test_two_moderators_do_not_share_the_last_place(scene: Scene) -> None:
    roles = [scene.server.add_role(name) for name in ("red", "blue", "green")]
    async with scene.bot():
        pass
    fill(scene, "role", MOST - 1)
    async with scene.bot(log_channel=False):
        replies: list[Reply] = await asyncio.gather(
            *(scene.mo.run(scene.general, "exempt add", role=role) for role in roles)
        )
    assert sorted("now exempt" in reply.texts for reply in replies) == [False, False, True]
    assert scene.rows(NUMBERS) == [("role", MOST)]
