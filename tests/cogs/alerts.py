"""What the tests of alert cards share: a flag with its card, and what the card shows."""

from __future__ import annotations

from typing import Any

from tests.conftest import Scene


async def flagged(scene: Scene, text: str = "you idiot", by: Any = None) -> tuple[Any, Any]:
    """A flagged message and its card."""
    message = await (by or scene.ada).post(scene.general, text)
    card = await scene.wire.wait_for_message(scene.log)
    await settled(scene)
    return message, card


async def settled(scene: Scene) -> None:
    """Wait until the last flag's card is on record."""
    await scene.wire.quiet()


def labels(card: Any) -> list[str]:
    return [button["label"] for button in card.buttons]


async def shows(scene: Scene, card: Any, *words: str) -> None:
    await scene.wire.wait_until(
        lambda: all(word in card.content for word in words),
        what=f"{words} on the card, which says {card.content!r}",
    )


async def said(reply: Any) -> str:
    """What a click was answered beside the card."""
    return (await reply.followup()).texts


async def becomes(scene: Scene, menu: Any, words: str) -> None:
    await scene.wire.wait_until(
        lambda: menu.content.startswith(words), what=f"{words!r} instead of {menu.content!r}"
    )
