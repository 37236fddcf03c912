"""The drawing process: a described picture on standard input, its PNG on standard output.

matplotlib takes some 70 MB and a second to load; here both are gone again when the chart is drawn.
"""

from __future__ import annotations

import os
import sys

from bot.charts.describe import from_json
from bot.charts.draw import draw

# Messages are screened meanwhile; a chart can wait.
_NICENESS = 10


def main() -> int:
    """Draw one picture; the exit status is 1, with one line, if that failed."""
    os.nice(_NICENESS)
    try:
        png = draw(from_json(sys.stdin.buffer.read()))
    except Exception as error:
        # The words of an error may quote what is to be drawn.
        print(type(error).__name__, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(png)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
