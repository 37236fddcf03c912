"""What is done of a long work is found again, and nothing else is taken for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.kept import UNFINISHED, Kept, until_done


@given(words=st.lists(st.text(), max_size=4), array=arrays(np.float64, (3, 6)))
def test_an_array_comes_back_bit_by_bit(
    words: list[str], array: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = Kept(tmp_path_factory.mktemp("kept"), "model")
    assert kept.get(*words, shape=(3, 6)) is None
    kept.put(array, *words)
    found = kept.get(*words, shape=(3, 6))
    assert found is not None
    assert found.tobytes() == array.tobytes()
    assert found.dtype == np.float64


def test_only_what_was_made_from_the_same_is_found(tmp_path: Path) -> None:
    Kept(tmp_path, "model").under("fold").put(np.zeros(2), "a", "b")
    same = Kept(tmp_path, "model", "fold")
    assert same.get("a", "b", shape=(2,)) is not None
    for other in (
        same.get("a", shape=(2,)),
        same.get("ab", shape=(2,)),
        same.get("b", "a", shape=(2,)),
        same.get("a", "b", shape=(3,)),
        Kept(tmp_path, "model").get("a", "b", shape=(2,)),
        Kept(tmp_path, "other", "fold").get("a", "b", shape=(2,)),
    ):
        assert other is None


def test_what_is_damaged_or_in_anothers_place_is_not_read(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "model")
    kept.put(np.zeros(200), "a")
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    for content in (b"", whole[:20], whole[:-1], whole + b"x", bytes(flipped), b"x" * 500):
        path.write_bytes(content)
        assert kept.get("a", shape=(200,)) is None
    kept.put(np.ones(200), "b")
    other = next(one for one in tmp_path.iterdir() if one != path)
    path.write_bytes(other.read_bytes())
    assert kept.get("a", shape=(200,)) is None
    path.write_bytes(whole)
    assert kept.get("a", shape=(200,)) is not None


def test_it_stays_when_the_work_is_stopped_and_goes_when_it_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "out" / UNFINISHED

    def stopped() -> None:
        with until_done(folder) as unfinished:
            Kept(unfinished, "model").put(np.zeros(1), "a")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    with until_done(folder) as unfinished:
        assert Kept(unfinished, "model").get("a", shape=(1,)) is not None
    assert not folder.exists()
    # work that kept nothing
    with until_done(folder):
        pass
    assert not folder.exists()


def test_what_somebody_else_put_there_stays(tmp_path: Path) -> None:
    folder = tmp_path / UNFINISHED
    folder.mkdir()
    (folder / "novel.txt").write_text("chapter one")
    with until_done(folder) as unfinished:
        Kept(unfinished, "model").put(np.zeros(1), "a")
    assert [path.name for path in folder.iterdir()] == ["novel.txt"]
