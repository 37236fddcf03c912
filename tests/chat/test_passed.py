from __future__ import annotations

from bot.chat.passed import Company


def test_a_channel_has_company_once_enough_members_wrote_there() -> None:
    company = Company(enough=3)
    assert [company.note(1, author) for author in (7, 8, 7, 9, 7)] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert not company.note(2, 9)


def test_who_wrote_is_not_remembered_any_longer_than_needed() -> None:
    company = Company(enough=2, remembered=3)
    assert [company.note(1, 7), company.note(1, 8)] == [False, True]
    assert set(company._seen.values()) == {None}
    for channel in range(2, 9):
        company.note(channel, 7)
    assert len(company._seen) == 3
    assert not company.note(1, 7)
