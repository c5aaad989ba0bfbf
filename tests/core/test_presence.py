"""A person's word, found in what they write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.presence import matches_word, one_slip

LETTERS = st.text("abcdefghijklmnoprstuwz", min_size=5, max_size=9)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("my word is River, please", "river"),
        ("RIVER", "River"),
        ("rivver", "river"),
        ("rvier", "river"),
        ("riverlamp", "river lamp"),
        ("the sun flower", "sunflower"),
        ("nahr", "نهر"),
        ("نَهر", "نهر"),
        ("mesba7", "مصباح"),
        ("lampa", "лампа"),
        ("лампа", "lampa"),
        ("озеро", "озеро"),
        ("ozero tak", "озеро"),
        ("it is 4721", "4721"),
        ("٤٧٢١", "4721"),
        ("maalin", "máalin"),
    ],
)
def test_a_word_is_known_however_it_is_typed(said: str, word: str) -> None:
    assert matches_word(said, word)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("hello how are you", "river"),
        ("son", "sun"),
        ("4731", "4721"),
        ("47210", "4721"),
        ("2", "24"),
        ("rope", "river"),
        ("сон", "sun"),
        ("anything", ""),
        ("", "river"),
        ("", ""),
        ("...", "..."),
    ],
)
def test_what_is_not_the_word_is_not_taken_for_it(said: str, word: str) -> None:
    assert not matches_word(said, word)


@given(LETTERS, st.data())
def test_one_slip_is_forgiven_anywhere(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdefghijkl"))
    slipped = (word[:place] + word[place + 1 :], word[:place] + letter + word[place:])
    for form in (*slipped, word[:place] + letter + word[place + 1 :]):
        assert one_slip(form, word)
        assert one_slip(word, form)


@given(st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_one_slip_is_the_distance_of_damerau(left: str, right: str) -> None:
    forms = {left}
    for place in range(len(left) + 1):
        forms |= {left[:place] + more + left[place:] for more in "ab"} | {left[:place] + left[place + 1 :]}
        forms |= {left[:place] + more + left[place + 1 :] for more in "ab" if place < len(left)}
        forms |= {left[:place] + left[place : place + 2][::-1] + left[place + 2 :]}
    assert one_slip(left, right) == (right in forms)
