"""Deleting at the providers: as their specifications have it, in chunks, and never the answer to an erasure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channels import CHANNELS
from handoff.core.channel import Copy, Forgetful, RetryLater
from tests.channels.fake_server import Answer, FakeProvider
from tests.channels.harness import PERSON, TWILIO_ACCOUNT, make_channel
from tests.contract.specs import Provider

CHAT = "5000000011"
SIDS = ["SM" + "0" * 31 + str(n) for n in range(3)]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider().running() as server:
        yield server


def test_meta_alone_has_no_way_to_delete() -> None:
    assert {name for name in CHANNELS if not isinstance(make_channel(name), Forgetful)} == {"whatsapp-cloud"}


@pytest.mark.parametrize("name", ["sms-twilio", "whatsapp-twilio"])
async def test_twilio_deletes_each_message(name: str, provider: FakeProvider, providers: dict[str, Provider]) -> None:
    provider.will_answer(Answer(204, b""), Answer(404, {"code": 20404}), Answer(409, {"code": 20009}))
    channel = make_channel(name, provider.url)
    assert isinstance(channel, Forgetful)
    copies = [Copy(PERSON, sid) for sid in SIDS]
    gone = await channel.forget(copies)
    await channel.aclose()
    assert list(gone) == copies[:2]
    for asked, sid in zip(provider.asked, SIDS, strict=True):
        assert (asked.method, asked.path) == ("DELETE", f"/2010-04-01/Accounts/{TWILIO_ACCOUNT}/Messages/{sid}.json")
        providers["sms-twilio"].check_request(asked)


async def test_telegram_deletes_a_hundred_at_once_and_not_the_answer(
    provider: FakeProvider, providers: dict[str, Provider]
) -> None:
    provider.will_answer(Answer(200, {"ok": True, "result": True}))
    channel = make_channel("telegram", provider.url)
    assert isinstance(channel, Forgetful)
    copies = [Copy(CHAT, f"{CHAT}:{number}") for number in range(1, 151)]
    copies += [Copy(CHAT, "800000001:151"), Copy(CHAT, f"{CHAT}:999", receipt=True)]
    copies += [Copy(CHAT, "album:13000000000000001"), Copy(CHAT, "800000002")]
    assert list(await channel.forget(copies)) == copies
    await channel.aclose()
    numbers = [number for asked in provider.asked for number in asked.fields()["message_ids"].strip("[]").split(",")]
    assert [int(number) for number in numbers] == list(range(1, 152))
    assert len(provider.asked) == 2
    for asked in provider.asked:
        providers["telegram"].check_request(asked)


@pytest.mark.parametrize("name", ["sms-twilio", "telegram"])
async def test_a_provider_that_is_away_is_asked_again(name: str, provider: FakeProvider) -> None:
    provider.will_answer(Answer(503))
    channel = make_channel(name, provider.url)
    assert isinstance(channel, Forgetful)
    with pytest.raises(RetryLater):
        await channel.forget([Copy(CHAT, f"{CHAT}:1")])
    await channel.aclose()
