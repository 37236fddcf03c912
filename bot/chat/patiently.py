"""Asks Discord for something again where it stumbles, and says in words what it would not do.

Nothing here raises. How often something is asked that Discord does not answer for minutes is for
`bot.chat.stubborn`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import discord

from bot.chat.carried import Deed, Hurdle, What, hindered
from bot.language import tr
from bot.logs import describe

# How long a deed may take in all, waiting for Discord's rate limits included.
_PATIENCE_S = 60.0
# Pauses before a request is made again that Discord could not answer.
_AGAIN_S = (1.0, 3.0)
# After these discord.py itself has tried five times, as it waits where Discord says 429.
_TRIED_BY_LIBRARY = frozenset({500, 502, 504, 524})
_TOO_MANY = 429


async def patiently(what: What, deed: Callable[[], Awaitable[Deed]]) -> Deed:
    """Do it, again where Discord stumbles, and not for ever. Never raises."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            for pause_s in _AGAIN_S:
                try:
                    return await deed()
                except discord.DiscordServerError as error:
                    if error.status in _TRIED_BY_LIBRARY:
                        raise
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(pause_s)
            return await deed()
    except TimeoutError:
        return hindered(what, Hurdle.UNANSWERED, tr("Discord did not let it through in time."))
    except (aiohttp.ClientError, OSError):
        return hindered(what, Hurdle.UNANSWERED, tr("Discord could not be reached."))
    except discord.HTTPException as error:
        why = tr(
            "Discord refused it (HTTP {status}, error {code}).",
            status=error.status,
            code=error.code,
        )
        # What Discord says to be its own trouble, or too much at once, may well work later.
        stuck = error.status >= 500 or error.status == _TOO_MANY
        return hindered(what, Hurdle.UNANSWERED if stuck else Hurdle.FAILED, why)
    except Exception as error:  # also an answer that discord.py cannot parse
        return hindered(
            what, Hurdle.FAILED, tr("It failed ({error}).", error=describe(error)[:100])
        )
