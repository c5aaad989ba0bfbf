"""The matrix of `harness.py`, over every channel."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any

import pytest

from channels import CHANNELS
from channels._http import TALKATIVE
from handoff.core.channel import BadSignature, Channel, RawRequest, RetryLater, SendError, Throttled
from handoff.core.message import RANK, Incoming, Outgoing, Poison, SendState, StatusUpdate
from tests.channels.fake_server import Answer, FakeProvider
from tests.channels.harness import (
    CANARY_LATITUDE,
    CANARY_NAME,
    CANARY_PLACE,
    CANARY_TEXT,
    PAYLOADS,
    PERSON,
    SECRETS,
    TELEGRAM_TOKEN,
    Receiving,
    Sending,
    Table,
    make_channel,
    read,
    traces,
)
from tests.channels.tables import TABLES

every_channel = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.channel)


def rows(pick: Callable[[Table], Any]) -> pytest.MarkDecorator:
    """Every row of every table, as one parameter set a row."""
    cases = [(table, row) for table in TABLES for row in pick(table)]
    return pytest.mark.parametrize(
        ("table", "row"), cases, ids=[f"{table.channel}: {row.label}" for table, row in cases]
    )


@asynccontextmanager
async def adapter(table: Table, api_url: str) -> AsyncIterator[Channel]:
    channel = make_channel(table.channel, api_url)
    try:
        yield channel
    finally:
        await channel.aclose()


async def failure_of(table: Table, api_url: str, message: Outgoing | None = None) -> SendError:
    async with adapter(table, api_url) as channel:
        with pytest.raises(SendError) as caught:
            await channel.send(message or table.message)
    return caught.value


def described(error: SendError) -> tuple[object, ...]:
    wait = error.retry_after_s if isinstance(error, Throttled) else None
    return type(error), error.code, error.maybe_sent, wait


def without_body(events: Any) -> list[Any]:
    return [replace(event, body=b"") if isinstance(event, Poison) else event for event in events]


def test_every_channel_has_a_table_and_every_payload_is_used() -> None:
    assert [table.channel for table in TABLES] == list(CHANNELS)
    for table in TABLES:
        used = {row.payload for row in table.incoming} | {table.valid, table.unknown_event, table.canary}
        assert {path.name for path in (PAYLOADS / table.channel).iterdir()} == used | set(table.statuses_out_of_order)


# What comes in


@rows(lambda table: table.incoming)
def test_a_recorded_payload_means_these_events(table: Table, row: Receiving) -> None:
    request = table.request(table.body(row.payload), status=row.status, headers=row.headers)
    assert without_body(read(make_channel(table.channel), request)) == list(row.expect)


@every_channel
def test_a_forged_webhook_is_refused(table: Table) -> None:
    channel = make_channel(table.channel)
    request = table.request(table.body(table.valid))
    for name, genuine in request.headers.items():
        for forged in ("", "x", genuine[:-1], genuine[:-2] + "é", genuine.swapcase(), genuine + "\ud800"):
            with pytest.raises(BadSignature):
                channel.receive(replace(request, headers={name: forged}))
            with pytest.raises(BadSignature):
                channel.receive_status(replace(request, headers={name: forged}))


@every_channel
def test_a_webhook_without_its_proof_is_refused(table: Table) -> None:
    channel = make_channel(table.channel)
    request = replace(table.request(table.body(table.valid)), headers={})
    for receive in (channel.receive, channel.receive_status):
        with pytest.raises(BadSignature):
            receive(request)


@pytest.mark.parametrize("table", [t for t in TABLES if t.channel != "telegram"], ids=lambda table: table.channel)
def test_a_proof_for_other_words_is_refused(table: Table) -> None:
    request = table.request(table.body(table.valid))
    changed = request.body.replace(CANARY_TEXT.encode(), b"other words")
    with pytest.raises(BadSignature):
        make_channel(table.channel).receive(replace(request, body=changed))


@every_channel
def test_a_replayed_webhook_has_the_same_id(table: Table) -> None:
    request = table.request(table.body(table.valid))
    first = make_channel(table.channel).receive(request)
    again = make_channel(table.channel).receive(request)
    assert [e.provider_id for e in first if isinstance(e, Incoming)] == [e.provider_id for e in again]  # type: ignore[union-attr]
    assert len(first) == 1
    assert first[0].provider_id  # type: ignore[union-attr]


@every_channel
@pytest.mark.parametrize("status", [False, True])
def test_an_empty_body_is_a_dead_letter(table: Table, status: bool) -> None:
    (event,) = read(make_channel(table.channel), table.request(b"", status=status))
    assert isinstance(event, Poison)


@every_channel
def test_an_unknown_event_is_nothing(table: Table) -> None:
    assert make_channel(table.channel).receive(table.request(table.body(table.unknown_event))) == []


@every_channel
def test_a_poison_payload_is_a_dead_letter_that_shows_nothing(table: Table) -> None:
    (event,) = make_channel(table.channel).receive(table.request(table.poison))
    assert isinstance(event, Poison)
    assert event.body == table.poison
    assert not event.code.startswith("crash")
    assert not traces(repr(event), CANARY_TEXT, PERSON)


@every_channel
def test_names_and_places_are_left_behind(table: Table) -> None:
    channel = make_channel(table.channel)

    def kept(payload: Any) -> str:
        events = channel.receive(table.request(table.body(payload)))
        return repr([asdict(event) for event in events if not isinstance(event, Poison)])

    assert CANARY_TEXT in kept(table.canary)
    everything = "".join(kept(row.payload) for row in table.incoming)
    assert not traces(everything, CANARY_NAME, CANARY_PLACE, CANARY_LATITUDE, "15550003333", "canarina")


@pytest.mark.parametrize("table", [t for t in TABLES if t.statuses_out_of_order], ids=lambda table: table.channel)
def test_statuses_out_of_order_end_at_the_furthest(table: Table) -> None:
    channel = make_channel(table.channel)
    state = SendState.QUEUED
    reported = []
    for payload in table.statuses_out_of_order:
        (update,) = channel.receive_status(table.request(table.body(payload), status=True))
        assert isinstance(update, StatusUpdate)
        reported.append(update.state)
        state = max(state, update.state, key=RANK.__getitem__)
    assert state == reported[0] != reported[-1]


# What goes out


@rows(lambda table: table.outgoing)
async def test_a_message_becomes_these_requests(table: Table, row: Sending, provider: FakeProvider) -> None:
    provider.will_answer(*row.answers)
    if row.expect_error:
        assert described(await failure_of(table, provider.url, row.message)) == described(row.expect_error)
        return
    async with adapter(table, provider.url) as channel:
        receipt = await channel.send(row.message)
    assert receipt.provider_id == row.expect_id
    assert [(asked.method, asked.path, asked.fields()) for asked in provider.asked] == list(row.expect_requests)


@every_channel
async def test_too_fast_says_when_to_try_again(table: Table, provider: FakeProvider) -> None:
    provider.will_answer(table.throttled)
    error = await failure_of(table, provider.url)
    assert isinstance(error, Throttled)
    assert (error.retry_after_s, error.maybe_sent) == (table.throttled_for_s, False)


@every_channel
async def test_a_provider_in_trouble_is_tried_again(table: Table, provider: FakeProvider) -> None:
    provider.will_answer(table.failing)
    error = await failure_of(table, provider.url)
    assert isinstance(error, RetryLater)
    assert error.maybe_sent
    assert len(provider.asked) == 1


@every_channel
async def test_no_answer_in_time_may_have_been_sent(table: Table, provider: FakeProvider) -> None:
    provider.will_answer(replace(table.taken, delay_s=2.5 * 0.4))
    assert described(await failure_of(table, provider.url)) == described(RetryLater("timeout", maybe_sent=True))


@every_channel
async def test_a_cut_connection_may_have_been_sent(table: Table, provider: FakeProvider) -> None:
    provider.will_answer(Answer(drop=True))
    assert described(await failure_of(table, provider.url)) == described(RetryLater("network", maybe_sent=True))


@every_channel
async def test_nobody_there_was_surely_not_sent(table: Table) -> None:
    assert described(await failure_of(table, "http://127.0.0.1:9")) == described(RetryLater("connect"))


@every_channel
async def test_opted_out_or_blocked_is_final(table: Table, provider: FakeProvider) -> None:
    provider.will_answer(table.opted_out)
    assert described(await failure_of(table, provider.url)) == described(table.opted_out_error)


@every_channel
async def test_messages_share_a_connection(table: Table, provider: FakeProvider) -> None:
    provider.will_answer(table.taken)
    async with adapter(table, provider.url) as channel:
        for _ in range(3):
            await channel.send(table.message)
    assert (len(provider.asked), provider.connections) == (3, 1)


# What is never shown


@every_channel
async def test_nothing_of_a_person_or_a_secret_is_logged(
    table: Table, provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = await everything_shown(table, provider)
    assert not traces(shown + caplog.text, *SECRETS, CANARY_TEXT, CANARY_NAME, PERSON, "5000000011")


async def test_without_the_silence_the_log_test_sees_the_leak(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("channels.telegram.silence_clients", lambda: None)
    for name in TALKATIVE:
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    logging.getLogger("httpx").manager._clear_cache()  # type: ignore[attr-defined]
    telegram = next(table for table in TABLES if table.channel == "telegram")
    await everything_shown(telegram, provider)
    assert traces(caplog.text, TELEGRAM_TOKEN.partition(":")[2], CANARY_TEXT) == [
        TELEGRAM_TOKEN.partition(":")[2],
        CANARY_TEXT,
    ]


@pytest.mark.parametrize(
    "written",
    [
        PERSON,
        "to=%2B15550001111",
        "1 (555) 000-1111",
        *(base64.b64encode(prefix + PERSON.encode()).decode() for prefix in (b"", b"a", b"ab")),
    ],
)
def test_a_number_is_found_however_it_is_written(written: str) -> None:
    assert traces(f"a log line with {written} in it", PERSON) == [PERSON]


async def everything_shown(table: Table, provider: FakeProvider) -> str:
    """All ways of failing, and what their errors say."""
    private = replace(table.message, text=CANARY_TEXT)
    shown = []
    for answer in (table.taken, table.throttled, table.failing, table.opted_out, Answer(200, CANARY_TEXT.encode())):
        provider.will_answer(answer)
        async with adapter(table, provider.url) as channel:
            shown.append(await outcome(channel, private))
            shown.append(repr(channel))
            for body in (table.body(table.valid), table.poison, b""):
                channel.receive(table.request(body))
            shown.append(refusal(channel, table.request(table.body(table.valid))))
    shown.append(repr(await failure_of(table, "http://127.0.0.1:9", private)))
    return "\n".join(shown)


async def outcome(channel: Channel, message: Outgoing) -> str:
    try:
        await channel.send(message)
    except SendError as error:
        chain = (error, error.__cause__, error.__context__)
        return " ".join(f"{link!r} {link}" for link in chain)
    return ""


def refusal(channel: Channel, request: RawRequest) -> str:
    with pytest.raises(BadSignature) as caught:
        channel.receive(replace(request, headers={}))
    return f"{caught.value!r} {caught.value.__context__!r}"
