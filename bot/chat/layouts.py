"""The texts in embeds and components: what links unfold to, and what other apps post."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import discord


def embed_texts(embed: discord.Embed) -> Iterator[str]:
    """What people read in an embed, from its top to its bottom."""
    texts = [embed.author.name, embed.title, embed.description]
    for field in embed.fields:
        texts += [field.name, field.value]
    texts.append(embed.footer.text)
    return (text for text in texts if text and not text.isspace())


def component_texts(components: Iterable[object]) -> Iterator[str]:
    """What people read in components, in their order, also in those inside of others."""
    for component in components:
        for text in _own_texts(component):
            if text and not text.isspace():
                yield text
        yield from component_texts(getattr(component, "children", ()))
        accessory = getattr(component, "accessory", None)
        if accessory is not None:
            yield from component_texts([accessory])


def _own_texts(component: object) -> list[str | None]:
    match component:
        case discord.TextDisplay():
            return [component.content]
        case discord.Button():
            return [component.label]
        case discord.SelectMenu():
            options: list[str | None] = [component.placeholder]
            for option in component.options:
                options += [option.label, option.description]
            return options
        case discord.MediaGalleryComponent():
            return [item.description for item in component.items]
        case discord.ThumbnailComponent():
            return [component.description]
        case _:
            return []
