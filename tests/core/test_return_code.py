"""The digits of a return code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.return_code import Code, check_digit, new_code, read_code


def test_a_new_code_is_written_in_fours_and_read_again() -> None:
    code = new_code()
    assert code.checked
    assert [len(part) for part in code.written().split("-")] == [4, 4, 4, 4]
    assert read_code(code.written()) == code
    assert new_code() != code


@pytest.mark.parametrize(
    "said",
    [
        "4539 1488 0343 6467",
        "4539-1488-0343-6467",
        "my code: 4539148803436467 thank you",
        "٤٥٣٩ ١٤٨٨ ٠٣٤٣ ٦٤٦٧",
        "۴۵۳۹-۱۴۸۸-۰۳۴۳-۶۴۶۷",
        "4539 – 1488".replace("–", "-") + " 0343 6467",
        "4539.1488.0343.6467",
    ],
)
def test_a_code_is_read_however_it_is_written(said: str) -> None:
    assert read_code(said) == Code("4539148803436467")


@pytest.mark.parametrize("said", ["", "4539 1488 0343 646", "4539 1488 0343 6467 1", "hello", "2026-01-01 12:00"])
def test_other_digits_are_no_code(said: str) -> None:
    assert read_code(said) is None


def test_a_code_shows_itself_in_no_log() -> None:
    assert "4539" not in repr(Code("4539148803436467"))


@given(st.text("0123456789", min_size=15, max_size=15), st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_shows(digits: str, place: int, more: int) -> None:
    other = digits[:place] + str((int(digits[place]) + more) % 10) + digits[place + 1 :]
    assert check_digit(other) != check_digit(digits)
