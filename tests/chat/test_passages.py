"""Long texts in pieces: nothing is lost, nothing gets too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.passages import passages, read_through
from bot.labels import LABELS, Label, Scores, Thresholds
from bot.screening.policy import Rules, decide

texts = st.text(st.sampled_from("ab \n"), max_size=300)


@given(texts, st.integers(2, 50))
def test_pieces_make_up_the_text(text: str, longest: int) -> None:
    pieces = passages(text, longest, longest)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece.strip() and len(piece) <= longest for piece in pieces)


def test_a_text_that_is_short_enough_stays_as_it_is() -> None:
    assert passages(" hello \n", 20, 3) == [" hello \n"]


def test_it_is_cut_at_a_line_before_a_space() -> None:
    assert passages("aaaa bbb\ncc dd", 12, 12) == ["aaaa bbb", "cc dd"]
    assert passages("aaaa bbbb cccc", 12, 12) == ["aaaa bbbb", "cccc"]


async def test_the_highest_scores_count_and_the_piece_at_fault_is_quoted() -> None:
    async def score(text: str) -> Scores:
        return Scores(*(0.9 if "bad" in text else 0.1 for _ in LABELS))

    reading = await read_through("fine " * 900 + "bad " + "fine " * 900, score)
    assert len(reading.pieces) > 2
    assert reading.scores[Label.TOXIC] == 0.9
    decision = decide(reading.scores, Rules(Thresholds(*(0.5 for _ in LABELS))))
    assert "bad" in reading.quote(decision)
