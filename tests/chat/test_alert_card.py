from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.alert_card import Alert, Background, alert_card, what_was_done
from bot.chat.carried import Carried, Deed, Hurdle, What
from bot.labels import LABELS, Label, Scores, Thresholds
from bot.language import languages, speaking
from bot.rules import Action, Mode
from bot.screening.explain import Phrase
from bot.screening.policy import Rules, decide

NOW = datetime(2026, 11, 21, tzinfo=UTC)
AUTHOR_ID = 2**63 - 1
HOUR = timedelta(hours=1)
numbers = st.lists(st.floats(0, 1), min_size=6, max_size=6)


def alert(**given: Any) -> Alert:
    values: dict[str, Any] = {
        "decision": decide(
            Scores(0.97, 0.02, 0.02, 0.02, 0.91, 0.02), Rules(Thresholds(*[0.7] * 6))
        ),
        "decision_id": 12,
        "text": "you are an idiot",
        "surface": "content",
        "author_id": AUTHOR_ID,
        "channel_id": 5,
        "jump_url": "https://discord.com/channels/1/2/3",
        "posted_at": NOW - timedelta(days=3),
        "edited": False,
        "model_version": "model-7",
        "now": NOW,
    }
    return Alert(**values | given)


def field(card: Any, name: str) -> str:
    (found,) = [one.value for one in card.fields if one.name == name]
    return str(found)


sentences = st.text(max_size=2_000)
deeds = st.builds(
    Deed, st.booleans(), st.sampled_from(What), sentences, st.sampled_from(Hurdle), sentences
)
carried = st.builds(
    Carried,
    mode=st.sampled_from(Mode),
    action=st.sampled_from(Action),
    deeds=st.lists(deeds, max_size=3).map(tuple),
    timeout=st.none() | st.timedeltas(timedelta(minutes=1), timedelta(days=28)),
    earlier=st.integers(0, 10**6),
    spared=st.none() | sentences,
    notice=st.none() | sentences,
)


@given(st.text(max_size=4_000), numbers, carried, st.sampled_from(languages()), st.data())
def test_an_alert_fits_into_discords_limits(
    text: str, scores: list[float], done: Carried, language: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    url = "https://discord.com/channels/" + "/".join(["9" * 19] * 3)
    with speaking(language):
        card = alert_card(
            alert(
                decision=decide(Scores.from_sequence(scores), Rules(Thresholds(*[0.0] * 6))),
                decision_id=2**62,
                text=text,
                surface="forward-2/attachment-10",
                channel_id=2**63 - 1,
                jump_url=url,
                edited=True,
                model_version="m" * 64,
                carried=done,
                background=Background(10**6, 30, 2**62, url),
            ),
            Phrase(start, end, Label.IDENTITY_HATE, 1.0, 1.0),
        )
    assert len(card) <= 6_000
    assert len(card.description or "") <= 4_096
    assert len(card.title or "") <= 256
    assert all(0 < len(field.value or "") <= 1_024 for field in card.fields)
    assert all(0 < len(field.name or "") <= 256 for field in card.fields)


def test_the_author_has_an_age_and_a_past() -> None:
    card = alert_card(alert(background=Background(upheld=2)))
    words = field(card, "Author")
    assert words.startswith(f"<@{AUTHOR_ID}>\naccount made <t:")
    assert words.endswith("2 earlier flags upheld in 30 days")
    none = alert_card(alert(background=Background(upheld=0, within_days=1)))
    assert field(none, "Author").endswith("no earlier flags upheld in 1 day")
    assert "upheld" not in field(alert_card(alert()), "Author")  # it could not be looked up
    assert field(alert_card(alert(person=False)), "Author") == f"<@{AUTHOR_ID}>"


def test_a_card_for_an_edited_message_points_to_the_first() -> None:
    first = Background(first_id=11, first_url="https://discord.com/channels/1/7/8")
    words = field(alert_card(alert(edited=True, background=first)), "Message (edited)")
    assert "Flagged before: [decision 11](https://discord.com/channels/1/7/8)" in words
    assert "Flagged before" not in field(alert_card(alert()), "Message")


def test_the_words_that_counted_are_marked_with_what_they_count() -> None:
    card = alert_card(alert(), Phrase(11, 16, Label.TOXIC, 0.95, 0.04))
    assert card.description == "||you are an __**idiot**__||"
    table = field(card, "Scores against thresholds")
    assert table.endswith(
        "The marked words by themselves: Toxic 0.95. Without them the score would be 0.04."
    )
    assert all(label.caption in table for label in LABELS)


def test_what_observing_would_have_done() -> None:
    assert what_was_done(Carried()) == ("Mode: observe", "Alert only.")
    assert what_was_done(Carried(action=Action.TIMEOUT, timeout=HOUR))[1] == (
        "Nothing was done. In enforce mode the message would have been deleted and its author "
        "timed out for 1 hour."
    )
    told = what_was_done(
        Carried(action=Action.TIMEOUT, timeout=HOUR, spared="The member owns this server.")
    )[1]
    assert "timed out" not in told
    assert told.endswith("No timeout: The member owns this server.")


def test_what_enforcing_did_and_could_not_do() -> None:
    heading, told = what_was_done(
        Carried(
            mode=Mode.ENFORCE,
            action=Action.TIMEOUT,
            timeout=HOUR,
            deeds=(
                Deed(True, What.DELETE),
                Deed(
                    False,
                    What.TIMEOUT,
                    "I lack Timeout Members in this server.",
                    Hurdle.MISSING_PERMISSION,
                    remedy="Give my role Timeout Members.",
                ),
            ),
        )
    )
    assert heading == "Mode: enforce"
    assert told.splitlines() == [
        "Message deleted.",
        "Author not timed out: I lack Timeout Members in this server. "
        "Give my role Timeout Members.",
    ]


def test_why_somebody_was_spared_is_said_once() -> None:
    why = "The member owns this server."
    told = what_was_done(
        Carried(
            mode=Mode.ENFORCE,
            action=Action.TIMEOUT,
            timeout=HOUR,
            deeds=(
                Deed(True, What.DELETE),
                Deed(False, What.TIMEOUT, why, Hurdle.PROTECTED),
            ),
            spared=why,
        )
    )[1]
    assert told.splitlines() == ["Message deleted.", f"Author not timed out: {why}"]


def test_the_footer_calls_a_webhook_one() -> None:
    with speaking("de"):
        member, webhook = alert().card(), alert(by_webhook=True, author_name="News").card()
    assert f"Mitglied {AUTHOR_ID}" in str(member.footer.text)
    assert f"· Webhook {AUTHOR_ID} ·" in str(webhook.footer.text)
