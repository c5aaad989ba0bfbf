"""What a message with words of danger is about besides: kept beside the card, and told only once it is no danger."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from handoff.core.effects import Say
from handoff.core.ports import AssistantDown
from tests.services.scene import NOW, FakeAssistant, a_conversation, a_respond, after, keys, wrote

RANSOM = "he will kill me if you do not pay"


async def test_a_topic_beside_danger_is_answered_once_the_danger_is_denied() -> None:
    """The card comes first, whatever the model hears; "not danger" goes on with what the person wrote about."""
    assistant = FakeAssistant(effects=(Say("report.ransom"),), hears="report_ransom")
    respond = a_respond(assistant)
    carded = await respond.turn(a_conversation(), wrote(RANSOM), NOW)
    assert keys(carded) == ["danger.card"]
    assert (carded.intent, assistant.asked) == ("report_ransom", [])
    talk = after(a_conversation(), carded)
    denial = next(n for n, option in enumerate(talk.prompts[-1].options, 1) if option.do == "not_danger")
    told = await respond.turn(talk, wrote(str(denial)), NOW + timedelta(minutes=1))
    assert keys(told) == ["danger.withdrawn", "report.ransom"]
    assert assistant.asked == [("payload", "/report_ransom")]


async def test_a_topic_is_not_told_to_who_holds_the_phone_hours_later() -> None:
    respond = a_respond(FakeAssistant(hears="report_ransom"))
    talk = after(a_conversation(), await respond.turn(a_conversation(), wrote(RANSOM), NOW))
    denial = next(n for n, option in enumerate(talk.prompts[-1].options, 1) if option.do == "not_danger")
    told = await respond.turn(talk, wrote(str(denial)), NOW + timedelta(hours=2))
    assert "report.ransom" not in keys(told)
    assert respond.assistant.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("hears", ["greet", AssistantDown("unreachable"), AssistantDown("timeout")])
async def test_without_a_topic_the_card_is_all(hears: str | Exception) -> None:
    respond = a_respond(FakeAssistant(hears=hears))
    carded = await respond.turn(a_conversation(), wrote(RANSOM), NOW)
    assert (keys(carded), carded.intent) == (["danger.card"], None)
    assert "topic" not in carded.changes.get("state", {})


async def test_the_card_does_not_wait_for_a_model_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handoff.services.topic.WAIT_S", 0.01)
    assistant = FakeAssistant()
    monkeypatch.setattr(assistant, "ranking", lambda text: asyncio.sleep(60))
    assert keys(await a_respond(assistant).turn(a_conversation(), wrote(RANSOM), NOW)) == ["danger.card"]
