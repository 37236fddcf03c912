"""What ``/thresholds`` says of scores that were kept, and of moderators' verdicts."""

from __future__ import annotations

from collections import Counter

from tests.conftest import Scene


async def test_scores_of_what_passes_are_kept_without_saying_whose(scene: Scene) -> None:
    authors = [scene.server.add_member(f"member-{number}") for number in range(7)]
    thread = scene.general.add_thread("a thread", authors[0])
    async with scene.bot():
        for author in authors[1:]:
            await author.post(scene.general, "what a rude day")
        await authors[0].post(thread, "hello there")
        await authors[0].post(scene.general, "you idiot")
        await scene.wire.wait_for_message(scene.log)
    rows = scene.rows(
        "SELECT channel_id, round(permille_toxic / 10.0), permille_insult FROM score_samples"
    )
    # Nothing of the one that was flagged, and no channel before five members wrote in it.
    channels, toxic, insult = (Counter(column) for column in zip(*rows, strict=True))
    assert channels == {None: 4, scene.general.id: 3}
    assert toxic == {60: 6, 2: 1}
    assert insult == {20: 7}
    assert scene.rows("SELECT sum(texts) FROM sample_counts") == [(7,)]
