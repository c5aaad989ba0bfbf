from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.digits import ascii_digits, read_number
from handoff.core.normalise import normalise, tokens


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("  STOP!! ", "stop"),
        ("¡¿Sí, gracias!?", "si, gracias"),
        ("Menú", "menu"),
        ("إيقاف", "ايقاف"),
        ("ايقاف", "ايقاف"),
        ("مُسَاعَدَة", "مساعده"),
        ("مساعدة", "مساعده"),
        ("قـــائمة", "قايمه"),
        ("على", "علي"),
        ("\u200fخطر\u200e", "خطر"),
        ("\u2067don’t\u2069", "dont"),
        ("\ufeffhelp\u200b", "help"),
        ("ﻣﺮﺣﺒﺎ", "مرحبا"),
        ("１２", "12"),
        ("٣", "3"),
        ("۴", "4"),
        ("১", "1"),
        ("၅", "5"),
        ("1️⃣", "1"),
        ("②", "2"),
        ("a \n\t b", "a b"),
        ("", ""),
        ("...", ""),
    ],
)
def test_what_keyboards_add_is_taken_away(written: str, form: str) -> None:
    assert normalise(written) == form


@given(st.text(max_size=60))
def test_the_matching_form_is_stable(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet="abc١٢é ,.!\u200fإـ", max_size=30))
def test_invisible_signs_change_nothing(text: str) -> None:
    assert normalise("\u200f" + text + "\u2069\ufeff") == normalise(text)


def test_words_keep_the_borders_of_clauses() -> None:
    assert tokens("No, he will kill me") == ("no", ".", "he", "will", "kill", "me")
    assert tokens("قال: اخرج") == ("قال", ".", "اخرج")


def test_a_leaned_on_key_counts_once_but_double_letters_stay() -> None:
    assert tokens("heeeelp beeen too 100000") == ("help", "ben", "too", "100000")


def test_vowel_signs_of_other_scripts_are_not_accents() -> None:
    assert normalise("কিছু") == "কিছু"
    assert normalise("ကို") == "ကို"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1", "1"),
        (" 1. ", "1"),
        ("(2)", "2"),
        ("#3", "3"),
        ("٠٠", "00"),
        ("۹۹", "99"),
        ("9️⃣", "9"),
        ("8 8", None),
        ("1 or 2", None),
        ("one", None),
        ("", None),
        ("12345678", None),
        ("1️⃣2️⃣", "12"),
    ],
)
def test_a_message_that_is_one_number(written: str, number: str | None) -> None:
    assert read_number(written) == number


@given(st.integers(0, 9), st.sampled_from("٠۰०০၀０"))
def test_digits_of_every_script(digit: int, zero: str) -> None:
    assert ascii_digits(chr(ord(zero) + digit)) == str(digit)
