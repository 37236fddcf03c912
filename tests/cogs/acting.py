"""What the tests of actions share: choosing an action, flagging a message, seeing what was done."""

from __future__ import annotations

from typing import Any

from sandbox.wire import Channel, Member, Reply
from tests.conftest import Scene


def words(reply: Reply) -> str:
    assert reply.ephemeral
    assert reply.deferred
    return reply.texts


async def choose(scene: Scene, label: str, action: str, **options: Any) -> Reply:
    return await scene.mo.run(scene.general, "actions set", label=label, action=action, **options)


async def enforce(scene: Scene, label: str, action: str, **options: Any) -> None:
    await choose(scene, label, action, **options)
    await scene.mo.run(scene.general, "mode enforce")


def done_to(scene: Scene) -> list[tuple[str, str, str | None]]:
    """What the bot asked Discord to do to messages and members: method, path, reason."""
    return [
        (request.method, request.path, request.reason)
        for request in scene.wire.requests
        if (request.method == "DELETE" and "/messages/" in request.path)
        or request.path.endswith("/bulk-delete")
        or (request.method == "PATCH" and "/members/" in request.path)
    ]


async def flagged(scene: Scene, author: Member, channel: Channel, text: str) -> Any:
    """Post a message and wait for its card."""
    await author.post(channel, text)
    return await scene.wire.wait_for_message(scene.log)
