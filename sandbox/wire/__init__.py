"""The wire: a local server that speaks Discord's REST and gateway protocol to a real client.

async with Wire() as wire:
    server = wire.add_server("Demo")
    general = server.add_channel("general")
    ada = server.add_member("ada")
    ...  # point the client at wire.api_url and wire.gateway_url, log in with wire.token
    await ada.post(general, "hello")
"""

try:
    import simcord as _simcord
except ImportError as _error:
    raise ImportError(
        "the sandbox stands on simcord; install it with: pip install 'hexward[sandbox]'"
    ) from _error

from .actors import Member
from .commands import CannotDo
from .faults import Fault, Faults
from .handles import Channel, Role, Server, Webhook
from .limits import Limit, RateLimits
from .messages import Message
from .reply import NoReply, Reply
from .server import Wire
from .world import Request

BackendError = _simcord.BackendError

__all__ = [
    "BackendError",
    "CannotDo",
    "Channel",
    "Fault",
    "Faults",
    "Limit",
    "Member",
    "Message",
    "NoReply",
    "RateLimits",
    "Reply",
    "Request",
    "Role",
    "Server",
    "Webhook",
    "Wire",
]
