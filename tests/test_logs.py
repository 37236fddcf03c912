import logging

import pytest

from bot.errors import DatabaseError
from bot.logs import Fewer, OneLineFormatter, describe, set_up_logging

SECRET = "the-token"
WORDS = "what a member wrote"


def formatted(error: BaseException, message: str = "It failed") -> str:
    try:
        raise error
    except BaseException as caught:
        record = logging.LogRecord(
            "bot", logging.ERROR, __file__, 1, message, None, (type(caught), caught, None)
        )
        return OneLineFormatter(SECRET).format(record)


def test_an_exception_is_part_of_the_one_line() -> None:
    line = formatted(OSError("no route\nto host"))
    assert "\n" not in line
    assert "OSError" in line
    assert "no route to host" in line


def test_an_unknown_exceptions_words_are_left_out() -> None:
    line = formatted(ValueError(WORDS))
    assert "ValueError" in line
    assert WORDS not in line


def test_the_token_is_replaced_wherever_it_stands() -> None:
    assert SECRET not in formatted(OSError(f"bad {SECRET}"), f"with {SECRET} in it")


def test_our_own_errors_are_quoted() -> None:
    assert "The disk is full" in describe(DatabaseError("The disk is full"))


def test_libraries_that_print_payloads_stay_quiet_at_debug() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        set_up_logging(logging.DEBUG)
        assert logging.getLogger("bot.cogs").isEnabledFor(logging.DEBUG)
        for name in ("discord.gateway", "discord.http", "aiosqlite", "sqlalchemy.engine"):
            assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
    finally:
        root.handlers[:] = before
        root.setLevel(level)


@pytest.mark.parametrize("message", ["a\nb", "a\r\nb"])
def test_a_message_never_breaks_the_line(message: str) -> None:
    assert "\n" not in formatted(OSError(), message)


def rate_limited(wait_s: float) -> logging.LogRecord:
    words = "We are being rate limited. Retrying in %.2f seconds."
    return logging.LogRecord("discord.http", logging.WARNING, "", 0, words, (wait_s,), None)


def test_lines_of_one_kind_are_said_once_a_minute_with_their_number() -> None:
    now = 100.0
    fewer = Fewer(clock=lambda: now)
    assert fewer.filter(rate_limited(0.3))
    assert not any(fewer.filter(rate_limited(number)) for number in range(7))
    assert fewer.filter(logging.LogRecord("x", logging.WARNING, "", 0, "Another", (), None))
    now += 60
    late = rate_limited(0.5)
    assert fewer.filter(late)
    assert late.getMessage() == (
        "We are being rate limited. Retrying in 0.50 seconds. "
        "(and 7 more such lines since the last one)"
    )
    now += 60
    again = rate_limited(0.5)
    assert fewer.filter(again)
    assert "more such lines" not in again.getMessage()


def test_discords_own_lines_about_limits_are_fewer() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        set_up_logging(logging.INFO)
        set_up_logging(logging.INFO)
        filters = logging.getLogger("discord.http").filters
        assert [type(one) for one in filters] == [Fewer]
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("discord.http").filters.clear()
