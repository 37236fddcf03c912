"""What a button carries is what was asked for, and fits."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.journal_query import PageButton, Query
from bot.labels import LABELS
from bot.storage.journal import Judged

ids = st.integers(1, 2**63 - 1)
maybe_ids = st.none() | ids


@st.composite
def queries(draw: st.DrawFn) -> Query:
    author_id = draw(maybe_ids)
    return Query(
        label=draw(st.none() | st.sampled_from(LABELS)),
        judged=draw(st.none() | st.sampled_from(Judged)),
        days=draw(st.none() | st.integers(1, 90)),
        channel_id=draw(maybe_ids),
        author_id=author_id,
        message_id=draw(maybe_ids) if author_id is None else None,
    )


@given(queries(), ids, st.booleans())
def test_a_button_carries_its_query(query: Query, at: int, older: bool) -> None:
    button = PageButton(query, at, older=older)
    assert len(button.custom_id) <= 100
    match = re.fullmatch(PageButton.__discord_ui_compiled_template__, button.custom_id)
    assert match is not None
    assert Query.parse(match) == query
    assert (int(match["at"]), match["way"] == "o") == (at, older)
