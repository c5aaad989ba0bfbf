"""Signatures against the providers' published vectors and the official library."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from handoff.simulator import meta_webhooks, twilio_webhooks

FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}


@pytest.mark.parametrize(
    ("url", "fields", "signature"),
    [
        ("https://mycompany.com/myapp.php?foo=1&bar=2", FIELDS, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", FIELDS, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        ("https://mycompany.com:443/myapp.php?foo=1&bar=2", FIELDS, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("http://mycompany.com:80/myapp.php?foo=1&bar=2", FIELDS, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (
            "https://example.com/myapp.php?foo=1&bar=2",
            FIELDS | {"From": "+14158675310", "Caller": "+14158675310"},
            "L/OH5YylLD5NRKLltdqwSvS0BnU=",
        ),
    ],
)
def test_twilio_published_vectors(url: str, fields: dict[str, str], signature: str) -> None:
    assert twilio_webhooks.sign("12345", url, fields) == signature


def test_overrides_in_the_fragment_are_not_signed() -> None:
    bare = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio_webhooks.sign("12345", f"{bare}#rc=5&rp=all", FIELDS) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize("text", ["سلام 👋🏽", "a b+c&d=e", "line\nline", " kept ", "¡hola!", ""])
def test_the_official_library_takes_every_text(text: str) -> None:
    fields = FIELDS | {"Body": text}
    signature = twilio_webhooks.sign("token", "https://example.com/w", fields)
    validator: Any = RequestValidator("token")  # type: ignore[no-untyped-call]
    assert validator.validate("https://example.com/w", fields, signature)


def test_meta_signs_the_raw_bytes_with_sha256() -> None:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert meta_webhooks.sign("Jefe", b"what do ya want for nothing?") == f"sha256={expected}"


def test_a_whatsapp_id_holds_the_number_as_real_ones_do() -> None:
    found = meta_webhooks.message_id("+15550100001", 7)
    assert b"15550100001" in base64.b64decode(found.removeprefix("wamid."))
