import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.quotation import QUOTE_LIMIT, spoiler

NAMED = [
    "<@123456789012345678>",
    "<@!123456789012345678>",
    "<@&123456789012345>",
    "<#12345678901234567890>",
]
texts = (
    st.text(max_size=4_000)
    | st.text("|\\`*_~<@>&[]()#: a", max_size=4_000)
    | st.lists(st.sampled_from([*NAMED, "|", "\\", "<@", ">", " ", "a"]), max_size=400).map("".join)
)


@given(texts, st.integers(0, 4_000), st.integers(0, 4_000), st.booleans())
def test_a_quotation_stays_behind_its_bars_and_within_the_limit(
    text: str, start: int, end: int, mentions: bool
) -> None:
    quoted = spoiler(text, (start, end), mentions=mentions)
    assert quoted.startswith("||")
    assert quoted.endswith("||")
    assert len(quoted) <= 4_096
    inside = quoted[2:-2]
    unescaped = re.sub(r"\\.|<(?:@[!&]?|#)[0-9]{15,20}>", "", inside, flags=re.DOTALL)
    assert unescaped.count("__**") == unescaped.count("**__")
    assert not set(unescaped.replace("__**", "").replace("**__", "")) & set("|`*_~[]<@")
    assert not unescaped.endswith("\\")


def test_the_marked_words_are_bold_and_underlined() -> None:
    text = "  you are an *idiot*, really"
    start = text.index("*idiot")
    assert spoiler(text, (start, start + 7)) == r"||you are an __**\*idiot\***__, really||"
    assert spoiler(text) == r"||you are an \*idiot\*, really||"


@pytest.mark.parametrize("named", NAMED)
def test_who_is_named_is_shown_by_name_and_never_cut(named: str) -> None:
    text = f"{named} you *idiot*"
    start = text.index("you")
    quoted = spoiler(text, (start, start + 3), mentions=True)
    assert quoted == rf"||{named} __**you**__ \*idiot\*||"
    quoted = spoiler(text, (3, start + 3), mentions=True)
    assert quoted == rf"||__**{named} you**__ \*idiot\*||"
    quoted = spoiler(named * 400, mentions=True)
    assert not quoted.strip("|").replace(named, "").replace(" … ", "")


@pytest.mark.parametrize(
    "text", ["<@12>", "<@everyone>", "@everyone", "<@&>", "<:a:123456789012345678>"]
)
def test_what_only_looks_like_a_mention_is_no_markup(text: str) -> None:
    assert spoiler(text, mentions=True) == spoiler(text)
    assert spoiler(text).startswith("||\\")


def test_a_short_text_is_shown_whole() -> None:
    assert spoiler("a" * QUOTE_LIMIT) == "||" + "a" * QUOTE_LIMIT + "||"


def test_of_a_long_text_beginning_and_end_are_shown() -> None:
    quoted = spoiler("b" + "a" * 4_000 + "e")
    assert quoted.startswith("||baa")
    assert quoted.endswith("aae||")
    assert " … " in quoted


def test_of_a_long_text_the_marked_words_are_shown_with_what_stands_around_them() -> None:
    text = "b" + "a" * 5_000 + " idiot " + "c" * 5_000 + "e"
    start = text.index("idiot")
    quoted = spoiler(text, (start, start + 5))
    assert "a __**idiot**__ c" in quoted
    assert quoted.count(" … ") == 2
    assert quoted.startswith("||ba")
    assert quoted.endswith("ce||")


def test_marked_words_at_the_beginning_of_a_long_text_leave_one_gap() -> None:
    quoted = spoiler("idiot " + "c" * 5_000, (0, 5))
    assert quoted.startswith("||__**idiot**__ c")
    assert quoted.count(" … ") == 1


def test_letters_that_change_the_direction_of_reading_are_left_out() -> None:
    assert spoiler("\u202eidiot\u2066 you", (1, 6)) == "||__**idiot**__ you||"
