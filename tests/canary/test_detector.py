"""The search finds what it looks for, and nothing where there is nothing."""

from __future__ import annotations

import base64
import json

import pytest

from tests.canary.detector import Leak, leaks

CANARIES = {"text": "velvet canary", "arabic": "كناري", "number": "+15550148362", "place": "12.3456789"}


@pytest.mark.parametrize(
    ("canary", "form", "output"),
    [
        ("text", "plain", "said Velvet CANARY loudly"),
        ("text", "url", "GET /?text=velvet%20canary"),
        ("text", "form", "Body=velvet+canary&To="),
        ("text", "hex", "\\x" + b"a velvet canary".hex()),
        ("arabic", "json", json.dumps({"text": "كناري"})),
        ("arabic", "url", "%D9%83%D9%86%D8%A7%D8%B1%D9%8A"),
        ("number", "plain", "to +15550148362"),
        ("number", "url", "To=%2B15550148362"),
        ("number", "digits", "chat 15550148362"),
        ("number", "digits", "+1 (555) 014-8362"),
        ("place", "digits", "123456789"),
        *[("text", "base64", base64.b64encode(b"x" * n + b"velvet canary" + b"y" * n).decode()) for n in range(4)],
    ],
)
def test_every_form_is_found(canary: str, form: str, output: str) -> None:
    assert Leak("log", canary, form) in leaks({"log": output}, CANARIES)


def test_in_innocent_output_nothing_is_found() -> None:
    output = "2026-01-01T12:34:56.789 velvet, then a canary; 1555 0148 is no number; كنا"
    assert leaks({"log": output}, CANARIES) == []
