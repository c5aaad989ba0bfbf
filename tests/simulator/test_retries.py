"""Each provider retries a webhook exactly as it documents. Time is injected, so seven days take no time."""

from __future__ import annotations

import random

import pytest

from handoff.simulator.courier import Call, Courier
from handoff.simulator.exchange import Act
from handoff.simulator.ledger import Choice, Webhook
from handoff.simulator.retries import MetaPolicy, Outcome, Policy, TelegramPolicy, Timeouts, TwilioPolicy
from tests.simulator.conftest import Rehearsal
from tests.simulator.running import FakeClock, ScriptedPost, until

DAY = 86_400.0
REFUSED = Outcome(failure="ct")
SILENT = Outcome(failure="rt")


async def deliver(policy: Policy, *outcomes: Outcome, took_s: float = 0.0) -> tuple[ScriptedPost, FakeClock, Webhook]:
    clock = FakeClock()
    post = ScriptedPost(clock, *outcomes, took_s=took_s)
    fate = Webhook()
    await Courier(post, clock).deliver(Call("any", "message", "https://g.example/w", b"", {}, policy), fate)
    return post, clock, fate


@pytest.mark.parametrize(
    ("fragment", "outcome", "attempts"),
    [
        ("", REFUSED, 2),  # the default: one retry, on a failed connection only
        ("", SILENT, 1),
        ("", Outcome(500), 1),
        ("", Outcome(403), 1),
        ("#rc=3", REFUSED, 4),
        ("#rc=3", Outcome(500), 1),
        ("#rc=5&rp=all", Outcome(500), 6),
        ("#rc=5&rp=all", SILENT, 6),
        ("#rc=5&rp=all", Outcome(404), 6),
        ("#rc=2&rp=5xx,rt", Outcome(503), 3),
        ("#rc=2&rp=5xx,rt", SILENT, 3),
        ("#rc=2&rp=5xx,rt", REFUSED, 1),
        ("#rc=2&rp=4xx", Outcome(429), 3),
        ("#rc=9&rp=all", Outcome(500), 6),  # five at most
        ("#rc=0", REFUSED, 1),
        ("#rc=x&rp=all", Outcome(500), 2),
    ],
)
async def test_twilio_retries_what_the_fragment_says(fragment: str, outcome: Outcome, attempts: int) -> None:
    policy = TwilioPolicy.from_url(f"https://g.example/webhooks/sms-twilio{fragment}")
    post, clock, fate = await deliver(policy, *[outcome] * 20)
    assert len(post.calls) == attempts
    assert clock.slept == []
    assert (fate.state, fate.attempts) == ("given_up", attempts)


async def test_twilio_stops_at_the_total_time_out() -> None:
    post, _, _ = await deliver(TwilioPolicy.from_url("https://g.example#rc=5&rp=all"), *[SILENT] * 9, took_s=6.0)
    assert len(post.calls) == 3  # after 6 s and 12 s, not after 18 s


def test_twilio_timeouts_come_from_the_fragment_within_bounds() -> None:
    assert TwilioPolicy.from_url("https://g.example").timeouts == Timeouts(5.0, 15.0, 15.0)
    assert TwilioPolicy.from_url("https://g.example#ct=200&rt=3000&tt=4000").timeouts == Timeouts(0.2, 3.0, 4.0)
    assert TwilioPolicy.from_url("https://g.example#ct=1&rt=99999&tt=99999").timeouts == Timeouts(0.1, 15.0, 15.0)


async def test_twilio_retries_carry_one_idempotency_token_and_no_fragment_is_signed(rehearsal: Rehearsal) -> None:
    rehearsal.post._outcomes.extend([Outcome(500), Outcome(500)])
    rehearsal.simulator.act("sms-twilio", "+15550100001", Act("text", "hello"))
    rehearsal.simulator.act("sms-twilio", "+15550100002", Act("text", "hello"))
    await settle(rehearsal)
    tokens = [headers["I-Twilio-Idempotency-Token"] for _, _, headers, _ in rehearsal.post.calls]
    assert len(tokens) == 4
    assert len(set(tokens)) == 2


async def test_meta_tries_at_once_then_ever_more_rarely_for_seven_days() -> None:
    _, clock, fate = await deliver(MetaPolicy(), *[Outcome(500)] * 99)
    assert clock.slept[:4] == [5.0, 10.0, 20.0, 40.0]
    assert clock.slept == sorted(clock.slept)
    assert fate.attempts == len(clock.slept) + 2  # the first, and the retry at once
    assert 3 * DAY < sum(clock.slept) <= 7 * DAY
    assert fate.state == "given_up"


@pytest.mark.parametrize("status", [201, 204, 302, 403, 429, 500])
async def test_meta_takes_only_200(status: int) -> None:
    _, _, fate = await deliver(MetaPolicy(), Outcome(status))
    assert (fate.state, fate.attempts) == ("accepted", 2)


async def test_telegram_tries_at_once_then_doubles_up_to_a_minute_or_two_for_a_day() -> None:
    _, clock, fate = await deliver(TelegramPolicy(random.Random(1)), *[Outcome(500)] * 2000)
    assert clock.slept[:5] == [2.0, 4.0, 8.0, 16.0, 32.0]
    assert all(60 <= wait <= 120 for wait in clock.slept[6:])
    assert DAY - 120 < sum(clock.slept) <= DAY
    assert fate.state == "given_up"


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_telegram_takes_any_2xx(status: int) -> None:
    _, _, fate = await deliver(TelegramPolicy(random.Random(1)), Outcome(status))
    assert (fate.state, fate.attempts) == ("accepted", 1)


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (9999.0, 3600.0)])
async def test_telegram_honours_retry_after_up_to_an_hour(asked: float, waited: float) -> None:
    _, clock, _ = await deliver(TelegramPolicy(random.Random(1)), Outcome(429, retry_after_s=asked))
    assert clock.slept == [waited]


async def test_telegram_gives_a_tap_up_after_150_seconds() -> None:
    _, clock, _ = await deliver(TelegramPolicy(random.Random(1), max_age_s=150.0), *[Outcome(500)] * 99)
    assert sum(clock.slept) <= 150
    assert clock.slept[:3] == [2.0, 4.0, 8.0]


async def test_a_poison_update_blocks_its_chat_and_no_other(rehearsal: Rehearsal) -> None:
    rehearsal.post._outcomes.extend([Outcome(500)] * 3)
    rehearsal.simulator.act("telegram", "700000101", Act("text", "first"))
    rehearsal.simulator.act("telegram", "700000101", Act("text", "second"))
    await settle(rehearsal)
    texts = [document["message"]["text"] for document in rehearsal.post.documents()]
    assert texts == ["first", "first", "first", "first", "second"]


async def test_updates_of_two_chats_go_out_side_by_side(rehearsal: Rehearsal) -> None:
    for chat in ("700000101", "700000102"):
        rehearsal.simulator.act("telegram", chat, Act("text", "one"))
        rehearsal.simulator.act("telegram", chat, Act("text", "two"))
    await settle(rehearsal)
    chats = [document["message"]["chat"]["id"] for document in rehearsal.post.documents()]
    assert chats == [700000101, 700000102, 700000101, 700000102]


async def test_a_tap_has_its_own_queue_and_can_overtake_a_text(rehearsal: Rehearsal) -> None:
    handset = rehearsal.simulator.add_phone("telegram", address="700000101")
    rehearsal.simulator.ledger.add(handset, "got", "text", provider_id="1", choices=[Choice("t1", "Menu")])
    rehearsal.post._outcomes.extend([Outcome(500), Outcome(200)])
    rehearsal.simulator.act("telegram", "700000101", Act("text", "typed first"))
    rehearsal.simulator.act("telegram", "700000101", Act("tap", token="t1"))
    await settle(rehearsal)
    kinds = [list(document)[1] for document in rehearsal.post.documents()]
    assert kinds == ["message", "callback_query", "message"]


async def test_the_waits_can_be_shortened_but_twilios_cannot(rehearsal: Rehearsal) -> None:
    rehearsal.simulator.exchange.time_scale = 0.1
    rehearsal.post._outcomes.extend([Outcome(500)] * 3)
    rehearsal.simulator.act("whatsapp-cloud", "+15550100001", Act("text", "hello"))
    await settle(rehearsal)
    assert rehearsal.clock.slept == [0.5, 1.0]


async def settle(rehearsal: Rehearsal) -> None:
    await until(lambda: rehearsal.simulator.courier.pending == 0)
