from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.sms import Segments, count_segments, graphemes, spare_letters, split_text


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", Segments("gsm7", 0, 0)),
        ("a" * 160, Segments("gsm7", 1, 160)),
        ("a" * 161, Segments("gsm7", 2, 161)),
        ("a" * 306, Segments("gsm7", 2, 306)),
        ("a" * 307, Segments("gsm7", 3, 307)),
        ("€" * 80, Segments("gsm7", 1, 160)),
        ("€" * 81, Segments("gsm7", 2, 162)),
        ("ñ¿é", Segments("gsm7", 1, 3)),
        ("á", Segments("ucs2", 1, 1)),
        ("م" * 70, Segments("ucs2", 1, 70)),
        ("م" * 71, Segments("ucs2", 2, 71)),
        ("😀" * 35, Segments("ucs2", 1, 70)),
        ("😀" * 36, Segments("ucs2", 2, 72)),
    ],
)
def test_segments_are_counted_as_carriers_cut(text: str, segments: Segments) -> None:
    assert count_segments(text) == segments


def test_letters_are_spared_only_where_it_saves_a_segment() -> None:
    letters = {"á": "a", "ó": "o"}
    assert spare_letters("está", letters) == "está"
    long = "Está en la habitación. " * 4
    assert spare_letters(long, letters) == long.replace("á", "a").replace("ó", "o")
    assert spare_letters(long, {}) == long


def test_a_letter_that_nothing_replaces_makes_sparing_pointless() -> None:
    text = ("está " * 20) + "ا"
    assert spare_letters(text, {"á": "a"}) == text


@pytest.mark.parametrize(
    "sign",
    ["é", "e\u0301", "👩\u200d👩\u200d👧", "👍🏽", "🇪🇸", "❤\ufe0f", "لُ", "1\ufe0f\u20e3"],
)
def test_what_a_reader_sees_as_one_sign_stays_one(sign: str) -> None:
    assert list(graphemes(sign * 3)) == [sign] * 3
    assert split_text(sign * 3, len(sign) + len(sign) - 1 or 1) == (sign,) * 3


def test_a_text_is_cut_where_it_breathes() -> None:
    assert split_text("One one.\n\nTwo two two.", 14) == ("One one.", "Two two two.")
    assert split_text("One one one. Two two.", 16) == ("One one one.", "Two two.")
    assert split_text("aaaa bbbb cccc", 10) == ("aaaa bbbb", "cccc")
    assert split_text("short", 10) == ("short",)
    assert split_text("   ", 10) == ()


def test_no_room_is_an_error() -> None:
    with pytest.raises(ValueError, match="positive"):
        split_text("a", 0)


@given(st.text(alphabet=st.sampled_from("ab .\n\u0301م👍🏽\u200d"), max_size=200), st.integers(40, 60))
def test_pieces_fit_and_nothing_but_space_is_lost(text: str, limit: int) -> None:
    pieces = split_text(text, limit)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= limit for piece in pieces)
