"""Addresses, base64 bodies and times, in all the spellings that providers have."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels._address import is_scoped, normalise
from channels._reading import Unreadable, clean, poisoned, timestamp
from channels._twilio_inbound import unwrap_base64
from handoff.core.message import Event, Poison

SCOPED = "US.13491208655302741918"


@pytest.mark.parametrize(
    "raw",
    [
        "+15550001111",
        "15550001111",
        " 15550001111",
        "%2015550001111",
        "%2B15550001111",
        "whatsapp:+15550001111",
        "whatsapp:15550001111",
        "WhatsApp: 15550001111",
        "+1 (555) 000-1111",
    ],
)
def test_one_number_has_one_address(raw: str) -> None:
    assert normalise(raw) == "+15550001111"


@pytest.mark.parametrize("raw", [SCOPED, f"whatsapp:{SCOPED}", "US.ENT.506847293"])
def test_a_scoped_id_stays_what_it_is(raw: str) -> None:
    assert normalise(raw) == raw.removeprefix("whatsapp:")
    assert is_scoped(normalise(raw))


@pytest.mark.parametrize(
    "raw", ["", "262966", "+262", "MTN", "Amana24", "whatsapp:", "+1555000111122223", "١٥٥٥٠٠٠١١١١"]
)
def test_what_is_no_person_has_no_address(raw: str) -> None:
    assert normalise(raw) == ""


@given(st.text())
def test_normalising_never_fails_and_does_not_change_twice(raw: str) -> None:
    assert normalise(normalise(raw)) == normalise(raw)


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=48))
def test_what_a_gateway_turned_to_base64_comes_back(text: str) -> None:
    assert unwrap_base64(base64.b64encode(text.encode()).decode()) == text


@pytest.mark.parametrize(
    "body",
    [
        "help",
        "aGVsbG8=",
        "I was told that the job is on a farm and that I must give them my papers today",
        "a" * 64,
        "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunternehmen",
        base64.b64encode(bytes(range(60))).decode(),
    ],
)
def test_what_a_person_typed_is_never_decoded(body: str) -> None:
    assert unwrap_base64(body) == body


def test_broken_letters_can_be_stored() -> None:
    assert clean("a\ud800b\x00c") == "a?bc"
    assert clean(None) == clean(7) == clean([]) == ""


@pytest.mark.parametrize("value", ["1763856000", 1763856000, "1763856000000", 1763856000000])
def test_times_in_seconds_and_milliseconds(value: object) -> None:
    assert timestamp(value) == datetime(2025, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "soon", True, "nan", "inf", "-1e300", 10**40, [], {}])
def test_what_is_no_time(value: object) -> None:
    assert timestamp(value) is None


@pytest.mark.parametrize(("error", "code"), [(Unreadable("no_id"), "no_id"), (KeyError("secret"), "crash_KeyError")])
def test_whatever_goes_wrong_in_reading_is_a_dead_letter(error: Exception, code: str) -> None:
    def read() -> list[Event]:
        raise error

    assert poisoned("sms-twilio", "+15550000001", b"body", read) == [
        Poison("sms-twilio", "+15550000001", code, b"body")
    ]
