"""How a person is named at the desk."""

from __future__ import annotations

import uuid

from handoff.core.case import ALPHABET, person_code


def test_a_person_has_the_same_four_letters_each_time_and_no_mistakable_ones() -> None:
    person = uuid.UUID(int=2**100 + 12345)
    assert person_code(person) == person_code(person)
    codes = {person_code(uuid.UUID(int=number * 7919)) for number in range(500)}
    assert all(len(code) == 4 and set(code) <= set(ALPHABET) for code in codes)
    assert not set("01OI") & set(ALPHABET)
    assert len(codes) == 500
