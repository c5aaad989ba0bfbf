"""An offer is checked on every channel, with the trained assistant in its place: in words, with digits, to the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.assistant.client import RasaClient
from handoff.settings import Settings
from tests.path.whole import CHANNELS, Phone, Whole, whole
from tests.ports import free_port
from tests.rasa_server import TOKEN, Rasa, serve_actions, start_rasa

pytestmark = pytest.mark.rasa
OFFER = "they offer me a job in a hotel abroad but they want to keep my passport"


@pytest.fixture(scope="module")
def rasa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rasa]:
    """The trained assistant with the real actions."""
    with (
        serve_actions() as actions,
        start_rasa(free_port(), actions.url, log=tmp_path_factory.mktemp("rasa") / "log") as rasa,
    ):
        yield rasa


@pytest.fixture
async def path(settings: Settings, engine: AsyncEngine, rasa: Rasa) -> AsyncIterator[Whole]:
    """The whole path with the trained assistant."""
    async with whole(settings) as running:
        client = RasaClient(rasa.url, TOKEN, running.settings.rasa_timeout_s)
        running.worker.respond.assistant = client
        yield running
        await client.aclose()


def received(phone: Phone) -> list[str]:
    return [entry.text for entry in phone.handset.entries if entry.direction == "got"]


async def say(path: Whole, phone: Phone, text: str) -> str:
    """Write, wait for everything that answers it."""
    before = len(received(phone))
    phone.send(text)
    await phone.next_reply()
    await path.settle()
    return "\n".join(received(phone)[before:])


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_they_wrote_is_asked_back_in_our_words_and_a_grave_sign_ends_it(path: Whole, channel: str) -> None:
    phone = path.phone(channel)
    first = await say(path, phone, OFFER)
    assert "passport" in first
    assert "hotel" not in first
    second = await say(path, phone, "1")
    assert "secret" in second
    await say(path, phone, "2")
    await say(path, phone, "2")
    verdict = await say(path, phone, "1")
    assert "danger signs" in verdict
    assert "photos" in verdict
    assert "Keep your papers with you" in verdict
    assert "trained person" in verdict
    assert "%" not in verdict


async def test_a_step_back_changes_the_answer_before(path: Whole) -> None:
    phone = path.phone("sms-twilio")
    await say(path, phone, OFFER)
    await say(path, phone, "2")
    again = await say(path, phone, "back")
    assert "passport" in again
    await say(path, phone, "1")
    for _ in range(7):
        last = await say(path, phone, "2")
    assert "warning signs" in last
    assert "They want to keep your papers" in last


async def test_nothing_of_it_is_kept_when_it_is_over(path: Whole) -> None:
    phone = path.phone("telegram")
    await say(path, phone, OFFER)
    await say(path, phone, "1")
    held = await path.value("SELECT state::text FROM conversations")
    assert '"flag_C1": "yes"' in held
    assert "hotel" not in held
    for _ in range(7):
        await say(path, phone, "2")
    assert "flag_" not in await path.value("SELECT state->>'carried' FROM conversations")


async def test_every_message_of_it_fits_two_segments_on_sms(path: Whole) -> None:
    phone = path.phone("sms-twilio")
    for text in (OFFER, "1", "3", "3", "3", "3", "3", "3", "3"):
        await say(path, phone, text)
    most = await path.value("SELECT max(segments) FROM outbound")
    assert most <= 2
