"""Whatever a provider signs, an adapter answers with events: a crash would hold a person's messages back for a day."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.core.channel import Channel
from handoff.core.message import Event, Incoming, Poison, Reachability, StatusUpdate
from tests.channels.harness import Table, make_channel
from tests.channels.tables import TABLES

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["text", "private", "\ud800", "\x00", "+15550001111", "US.1", "sent", "kicked", 10**4000])
)
ANY = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
FORMS = [table for table in TABLES if "twilio" in table.channel]
OBJECTS = [table for table in TABLES if "twilio" not in table.channel]
FIELDS = (
    *("MessageSid", "SmsSid", "From", "To", "Body", "NumMedia", "MediaContentType0", "Latitude", "ButtonPayload"),
    *("ListId", "OptOutType", "MessageStatus", "SmsStatus", "ErrorCode", "ExternalUserId", "EventType"),
)


def name_of(table: Table) -> str:
    return table.channel


@cache
def channel_of(name: str) -> Channel:
    return make_channel(name)


def check(table: Table, body: bytes) -> Sequence[Event]:
    events: list[Event] = []
    for status in (False, True):
        request = table.request(body, status=status)
        channel = channel_of(table.channel)
        events += channel.receive_status(request) if status else channel.receive(request)
    for event in events:
        assert isinstance(event, Incoming | StatusUpdate | Reachability | Poison)
        assert not (isinstance(event, Poison) and event.code.startswith("crash"))
        storable(event)
    return events


def storable(event: Event) -> None:
    """Every text of an event can be encoded, and every message has an address and an id."""
    for name in event.__dataclass_fields__:
        value = getattr(event, name)
        if isinstance(value, str):
            assert "\x00" not in value.encode().decode()
    if isinstance(event, Incoming):
        assert event.address
        assert event.provider_id


@pytest.mark.parametrize("table", FORMS, ids=name_of)
@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(FIELDS) | st.text(max_size=8),
        st.text(max_size=20)
        | st.sampled_from(["+15550001111", "SM1", "STOP", "1", "²", "10" * 300, "audio/ogg", "delivered"]),
    )
)
def test_any_form(table: Table, fields: dict[str, str]) -> None:
    pairs = (
        f"{quote_plus(name, errors='replace')}={quote_plus(value, errors='replace')}" for name, value in fields.items()
    )
    check(table, "&".join(pairs).encode())


@pytest.mark.parametrize("table", TABLES, ids=name_of)
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(table: Table, body: bytes) -> None:
    check(table, body)


@pytest.mark.parametrize("table", OBJECTS, ids=name_of)
@settings(max_examples=150, deadline=None)
@given(ANY)
def test_any_json(table: Table, value: object) -> None:
    check(table, dumped(value))


@pytest.mark.parametrize("table", OBJECTS, ids=name_of)
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_recorded_payload_with_anything_in_one_place(table: Table, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from([row.payload for row in table.incoming]))
    payload = json.loads(table.body(row))
    places = list(paths(payload))
    place = data.draw(st.sampled_from(places))
    check(table, dumped(with_change(payload, place, data.draw(ANY))))


@pytest.mark.parametrize("table", OBJECTS, ids=name_of)
def test_nesting_without_end(table: Table) -> None:
    (event, _) = check(table, b"[" * 200_000)
    assert isinstance(event, Poison)
    assert event.code == "bad_json"


def encoded(text: str) -> str:
    return quote_plus(text, errors="replace")


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def paths(value: object, start: tuple[Any, ...] = ()) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*start, key)
        yield from paths(inner, (*start, key))


def with_change(payload: Any, place: tuple[Any, ...], value: object) -> Any:
    changed = copy.deepcopy(payload)
    target = changed
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return changed
