"""Findings as text: the worst first, and never more than fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.findings import MOST_CHARACTERS, Finding, Level, findings_card, problems, told

levels = st.sampled_from(Level)
sentences = st.integers(0, 600).map("x".__mul__)
finding = st.builds(Finding, levels, st.just("Subject"), sentences, sentences)


@given(st.lists(finding, max_size=30))
def test_a_card_takes_any_findings(findings: list[Finding]) -> None:
    card = findings_card(findings, "Title")
    assert len(card.description or "") <= MOST_CHARACTERS
    assert len(problems(findings)) == sum(one.level is not Level.GOOD for one in findings)


def test_what_does_not_fit_is_counted() -> None:
    many = [Finding(Level.GOOD, "Subject", "x" * 90) for _ in range(5)]
    assert told(many, 300).endswith("… and 3 findings more.")
    assert told(many, 420).endswith("… and 2 findings more.")
    assert "more" not in told(many)


def test_a_remedy_stands_below_what_was_found() -> None:
    text = told([Finding(Level.BAD, "Log channel", "It is gone.", "Choose another.")])
    assert text == "❌ **Log channel** · It is gone.\n-# → Choose another."
