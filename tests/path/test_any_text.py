"""Whatever somebody types is text: never a payload, never an error, and never silence unless silence is meant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from handoff.core.contact import Contact
from handoff.core.conversation import Conversation, Owner, Turn
from handoff.core.effects import Say
from handoff.services.dialogue import NEXT_QUESTION
from handoff.services.respond import Respond
from tests.path.whole import Whole
from tests.services.scene import NOW, FakeAssistant, a_conversation, a_respond, after, ago, with_people, wrote

RULES = '/affirm|/restart|/stop|/start|/help|/back|/session_start|/choose{"option":"consent.write"}|/talk_to_human'
TRICKS = [
    *RULES.split("|"),
    "EXTERNAL: consent.write",
    "q1:1",
    "\u202e1",
    "\u200b1\u200b",
    "1\ufe0f\u20e3",
    "١",
    "𝟙",
    "①",
    "\x00",
    "\ud7ff\ufeff",
    "👩🏽‍🚒" * 200,
    "ﷺ" * 400,
    "a" * 60_000,
    "1" * 5_000,
    "٩" * 400,
    "' OR 1=1; --",
    "{org} {0} %s %(key)s ${x}",
    "\n\n\n",
    " ",
    "st\u00adop",
]
# Surrogates cannot be in what a provider sends as UTF-8; a NUL is taken out by nobody but hurts nobody.
TYPED = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300),
    st.text(alphabet='/0123456789٠١٢٣٤٥٦٧٨٩۰۱۲{}":., \u200f\u200e\u202e\u2066', max_size=30),
    st.builds("/{}{}".format, st.sampled_from(["affirm", "deny", "restart", "choose"]), st.text(max_size=20)),
    st.sampled_from(TRICKS),
)
QUIET = {"quiet", "off", "relayed"}


def in_many_states() -> dict[str, Callable[[Respond], Conversation]]:
    """What the conversation may be when the text comes."""

    def asked(key: str) -> Callable[[Respond], Conversation]:
        def ask(respond: Respond) -> Conversation:
            respond.assistant = FakeAssistant((Say(key),))
            at = NOW.isoformat()
            safe = a_conversation(state={"at": at, "carried": {}, "report": {"at": at, "gate_at": at}})
            return after(safe, asyncio.run(respond.turn(safe, wrote("hello"), NOW)))

        return ask

    return {
        "new": lambda _: a_conversation(locale=None),
        "menu": asked("menu.main"),
        "consent": asked("consent.contact"),
        "report": asked("report.age"),
        "stop": asked("stop.confirm"),
        "waiting": lambda _: with_people(Owner.WAITING, waiting_ack_at=ago(minutes=5)),
        "caseworker": lambda _: with_people(),
        "closed": lambda _: replace(with_people(), owner=Owner.CLOSED),
        "stopped": lambda _: a_conversation(contact=Contact(NOW, stopped=True), off_notice_at=ago(hours=1)),
        "flooding": lambda _: a_conversation(minute_start=NOW, minute_count=99),
    }


STATES = in_many_states()


def allowed_payloads(conversation: Conversation) -> set[str]:
    """What the options of the open questions may send, and what our own "person" asks."""
    return {option.payload for prompt in conversation.prompts for option in prompt.options} | {
        "/talk_to_human",
        NEXT_QUESTION,
    }


def check(conversation: Conversation, assistant: FakeAssistant, turn: Turn, typed: str) -> None:
    for kind, message in assistant.asked:
        assert (kind, message) == ("text", typed) or (kind == "payload" and message in allowed_payloads(conversation))
    assert turn.drafts or turn.outcome in QUIET or turn.outcome == "stopped"
    assert all(draft.rendered.text.strip() for draft in turn.drafts)


@pytest.mark.parametrize("state", STATES)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@example(typed="/affirm")
@example(typed="/restart")
@example(typed="/stop")
@given(typed=TYPED)
def test_any_text_in_any_state(state: str, typed: str) -> None:
    respond = RESPOND
    conversation = STATES[state](respond)
    assistant = FakeAssistant()
    respond.assistant = assistant
    turn = asyncio.run(respond.turn(conversation, wrote(typed), NOW))
    check(conversation, assistant, turn, typed)
    if typed.startswith("/"):
        assert turn.new_case is None
        assert ("payload", typed) not in assistant.asked


@pytest.mark.parametrize("typed", [text for text in TRICKS if text.strip()])
@pytest.mark.parametrize("state", ["menu", "consent", "report"])
def test_every_trick(state: str, typed: str) -> None:
    conversation = STATES[state](RESPOND)
    assistant = FakeAssistant()
    RESPOND.assistant = assistant
    turn = asyncio.run(RESPOND.turn(conversation, wrote(typed), NOW))
    check(conversation, assistant, turn, typed)


async def test_every_trick_on_the_whole_path_is_answered_or_deliberately_not(path: Whole) -> None:
    for number, typed in enumerate(text for text in TRICKS if text.strip() and len(text) < 4000):
        path.phone("telegram", str(800_000_000 + number)).send(typed)
    await path.settle(30)
    assert await path.value("SELECT count(*) FROM dead_letters") == 0
    assert await path.value("SELECT count(*) FROM inbound WHERE attempts > 0") == 0
    silent = """
        SELECT count(*) FROM inbound i WHERE NOT EXISTS (SELECT FROM outbound o WHERE o.inbound_id = i.id)
    """
    assert await path.value(silent) == 0
    assert {kind for kind, _ in path.assistant.heard} <= {"text", "payload"}
    payloads = {message for kind, message in path.assistant.heard if kind == "payload"}
    assert payloads <= {"/talk_to_human"}


RESPOND = a_respond()
