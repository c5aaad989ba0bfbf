"""Twilio's signature against its published vectors, and over the address that the world sees."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from channels._twilio_inbound import read_form
from handoff.core.channel import BadSignature, RawRequest
from tests.channels.harness import make_channel, twilio_signature
from tests.channels.tables import sms_twilio

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]
TWICE = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
DOCUMENTED = [(name, value.replace("309", "310")) for name, value in CALL]
JSON = '{"property": "value", "boolean": true}'
JSON_URL = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


def signed(url: str, body: str, signature: str) -> RawRequest:
    return RawRequest("POST", url, {"x-twilio-signature": signature}, body.encode())


def genuine(request: RawRequest) -> bool:
    try:
        read_form(RequestValidator("12345"), request)  # type: ignore[no-untyped-call]
    except BadSignature:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "pairs", "signature"),
    [
        (URL, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:1234"), CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL, TWICE, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        (URL.replace("https", "http").replace(".com", ".com:1234"), CALL, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (URL, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http"), CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        ("https://example.com/myapp.php?foo=1&bar=2", DOCUMENTED, "L/OH5YylLD5NRKLltdqwSvS0BnU="),
    ],
)
def test_published_vectors(url: str, pairs: list[tuple[str, str]], signature: str) -> None:
    assert genuine(signed(url, urlencode(pairs), signature))
    assert not genuine(signed(url, urlencode(pairs), signature.swapcase()))
    assert not genuine(signed(url + "x", urlencode(pairs), signature))
    assert not genuine(signed(url, urlencode([*pairs, ("Extra", "1")]), signature))


def test_a_json_body_is_signed_by_its_hash() -> None:
    assert genuine(signed(JSON_URL, JSON, "a9nBmqA0ju/hNViExpshrM61xv4="))
    assert not genuine(signed(JSON_URL, JSON + " ", "a9nBmqA0ju/hNViExpshrM61xv4="))


def test_a_hash_in_the_url_does_not_make_forged_fields_genuine() -> None:
    fields = urlencode([("MessageSid", "SM1"), ("From", "+15550001111"), ("Body", "forged")])
    assert not genuine(signed(JSON_URL, fields, "a9nBmqA0ju/hNViExpshrM61xv4="))


def test_a_flood_of_fields_is_refused_before_it_is_hashed() -> None:
    body = "&".join(f"a{n}=1" for n in range(400))
    assert not genuine(signed(URL, body, twilio_signature(body.encode(), URL, "12345")["x-twilio-signature"]))


def test_the_public_address_is_what_counts_not_the_inner_one() -> None:
    table = sms_twilio.TABLE
    body = table.body(table.valid)
    inner = RawRequest("POST", "http://127.0.0.1:8000/webhooks/sms-twilio", table.request(body).headers, body)
    with pytest.raises(BadSignature):
        make_channel("sms-twilio").receive(inner)
