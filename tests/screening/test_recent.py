from __future__ import annotations

import gc
from collections import OrderedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.labels import Scores
from bot.screening.recent import Recent

_WORDS = st.sampled_from([[b"a"], [b"b"], [b"a", b"b"], [b"ab"], [b"", b"ab"]])


def scores(number: int) -> Scores:
    return Scores.from_sequence([number / 1000] * 6)


@given(st.integers(0, 6), st.lists(st.tuples(st.booleans(), _WORDS), max_size=60))
@settings(max_examples=50, deadline=None)
def test_it_is_a_dictionary_that_forgets_the_least_lately_used(
    most: int, steps: list[tuple[bool, list[bytes]]]
) -> None:
    recent = Recent(most)
    expected: OrderedDict[tuple[bytes, ...], Scores] = OrderedDict()
    for number, (put, parts) in enumerate(steps):
        name = tuple(parts)
        if put:
            recent.put(recent.key(*parts), scores(number))
            expected[name] = scores(number)
            expected.move_to_end(name)
            while len(expected) > most:
                expected.popitem(last=False)
        else:
            assert recent.get(recent.key(*parts)) == expected.get(name)
            if name in expected:
                expected.move_to_end(name)
        assert len(recent) == len(expected) <= most


def test_keys_tell_nothing_without_the_secret() -> None:
    assert Recent(1).key(b"text") != Recent(1).key(b"text")


def test_no_text_is_kept() -> None:
    recent = Recent(10)
    text = b"a text that is in no other place" * 2
    recent.put(recent.key(text), scores(1))
    reachable, ahead = [], [recent.__dict__]
    while ahead:
        reachable += ahead
        ahead = [
            each
            for each in gc.get_referents(*ahead)
            if isinstance(each, (bytes, str, dict, Scores))
            and not any(each is r for r in reachable)
        ]
    assert not any(isinstance(each, bytes) and text in each for each in reachable)


def test_a_size_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="cache_entries is -1"):
        Recent(-1)
