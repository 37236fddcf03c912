"""What can be done about a flag, a file for each; ``docs/extending.md`` says how to add one.

In the order in which they stand on cards.
"""

from bot.chat.deeds.deletion import Deletion
from bot.chat.deeds.means import Means
from bot.chat.deeds.timeout import Timeout

MEANS: tuple[type[Means], ...] = (Deletion, Timeout)
