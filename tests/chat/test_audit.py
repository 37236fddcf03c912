import re

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.audit import Ground, fitting, joint_reason
from bot.labels import Label, Scores

SCORES = Scores(0.97, 0.02, 0.02, 0.02, 0.91, 0.02)


def ground(number: int, *labels: Label) -> Ground:
    return Ground(number, labels or (Label.TOXIC,), SCORES)


def test_one_decision_stands_with_its_scores() -> None:
    one = ground(7, Label.TOXIC, Label.INSULT)
    assert joint_reason([one]) == one.reason == "Hexward decision 7: toxic 0.97, insult 0.91"


def test_many_stand_by_number_with_all_their_labels() -> None:
    many = [ground(3), ground(1, Label.INSULT), ground(2), ground(9, Label.THREAT)]
    assert joint_reason(many) == "Hexward decisions 1–3, 9: toxic, threat, insult"


@given(st.sets(st.integers(1, 10**9), min_size=2, max_size=100))
def test_every_decision_is_named(numbers: set[int]) -> None:
    reason = joint_reason([ground(number) for number in numbers])
    named = [
        number
        for first, last in re.findall(r"(\d+)(?:–(\d+))?", reason)
        for number in range(int(first), int(last or first) + 1)
    ]
    assert sorted(named) == sorted(numbers)


@given(st.integers(0, 1_200), st.sampled_from("a \n"))
def test_a_reason_fits_whatever_it_says(length: int, character: str) -> None:
    assert 1 <= len(fitting(length * character)) <= 512
