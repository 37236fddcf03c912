"""The fixed messages have the lengths and the oddities of chat, and are the same everywhere."""

from __future__ import annotations

import hashlib

import numpy as np

from benchmarks import chat
from bot.screening.normalize import views


def test_the_messages_are_fixed() -> None:
    digest = hashlib.sha256("\n".join(chat.messages()).encode()).hexdigest()
    # New messages mean new figures: whoever changes them measures everything again.
    assert digest == "bcc1e24511dc245875139adb778edf45ba5c7cb4329c7f8c616bcc4f6fcdaf42"


def test_there_are_enough_and_no_two_are_alike() -> None:
    messages = chat.messages()
    assert len(messages) >= 2_000
    assert len(set(messages)) == len(messages)
    assert all(message.strip() for message in messages)


def test_lengths_are_those_of_chat() -> None:
    words = np.array([len(message.split()) for message in chat.messages()])
    median, most, nearly_all = np.percentile(words, [50, 90, 99])
    assert 7 <= median <= 9
    assert 22 <= most <= 30
    assert 100 <= nearly_all <= 150
    assert words.min() == 1


def test_the_tail_reaches_the_longest_message_there_can_be() -> None:
    lengths = [len(message) for message in chat.messages()]
    assert 3_900 <= max(lengths) <= chat.LONGEST
    walls = sum(length >= chat.SHORTEST_PASTE for length in lengths)
    assert 3 <= walls <= 0.01 * len(lengths)


def test_a_few_in_a_hundred_need_the_second_view() -> None:
    disguised = np.mean([len(views(message)) > 1 for message in chat.messages()])
    assert 0.02 <= disguised <= 0.06


def test_emoji_links_and_mentions_stand_in_them() -> None:
    messages = chat.messages()
    for part, least, most in (("https://", 0.02, 0.06), ("<@", 0.03, 0.09), ("<:", 0.01, 0.05)):
        share = np.mean([part in message for message in messages])
        assert least <= share <= most, part
    emoji = np.mean([any(one in message for one in chat.EMOJI) for message in messages])
    assert 0.06 <= emoji <= 0.14


def test_more_messages_begin_with_the_same_ones() -> None:
    assert chat.messages(300)[:100] == chat.messages(100)
    assert chat.messages(100, seed=1) != chat.messages(100)


def test_talk_has_so_many_words() -> None:
    for words in (1, 8, 640):
        assert len(chat.talk(words).split()) == words
    assert chat.talk(30, seed=1) != chat.talk(30, seed=2)
