"""The channel: who may speak to it, what it takes for text, and that it keeps nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rasa_server import BOT, ActionServer, Rasa

pytestmark = pytest.mark.rasa
CANARY = "Zanzibarcanary of Kukumbukulu village"
CONSENT = {"say": "consent.contact"}


def body(message: str, kind: str = "text", state: Any = None) -> bytes:
    """A request as `handoff` sends it."""
    metadata = {"kind": kind, "locale": "en"}
    return json.dumps({"message_id": "m-7", "message": message, "metadata": metadata, "state": state or {}}).encode()


def domain_intents() -> list[str]:
    """Every intent of every capability."""
    files = sorted((BOT / "domain").glob("*.yml"))
    return [intent for file in files for intent in yaml.safe_load(file.read_text()).get("intents", [])]


@pytest.mark.parametrize(
    "authorization", ["", "Bearer wrong", "Bearer", "Basic abc", "Bearer token-of-the-channel-in-test"]
)
def test_without_the_token_nothing_is_answered(rasa: Rasa, authorization: str) -> None:
    status, answer = rasa.post(body("hello"), authorization)
    assert (status, json.loads(answer)) == (401, {"ok": False, "code": "unauthorized"})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"message_id": "a", "message": "hello"}',
        b'{"message_id": 1, "message": "hello", "metadata": {"kind": "text", "locale": "en"}}',
        b'{"message_id": "a", "message": null, "metadata": {"kind": "text", "locale": "en"}}',
        b'{"message_id": "a", "message": "hello", "metadata": {"kind": "voice", "locale": "en"}}',
    ],
)
def test_a_malformed_request_is_refused_without_a_trace(rasa: Rasa, raw: bytes) -> None:
    status, answer = rasa.post(raw)
    assert (status, json.loads(answer)) == (400, {"ok": False, "code": "bad_request"})


def test_only_our_route_exists(rasa: Rasa) -> None:
    """No Rasa API: nothing to read trackers, parse texts or load models with."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", rasa.port, timeout=10)
    found = []
    for path in ("/", "/status", "/version", "/domain", "/conversations/m-7/tracker", "/webhooks/rest/webhook"):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        found.append(response.status)
    connection.close()
    assert set(found) == {404}


def test_the_same_request_gets_the_same_answer_byte_for_byte(rasa: Rasa) -> None:
    asked = rasa.take("/talk_to_human", kind="payload")
    request = body("yes", state=asked["state"])
    answers = {rasa.post(request) for _ in range(5)}
    assert len(answers) == 1
    assert json.loads(answers.pop()[1])["messages"][0]["do"] == "open_case"


def test_a_replay_after_another_dialogue_is_still_the_same(rasa: Rasa) -> None:
    first = rasa.post(body("hello"))
    rasa.take("/talk_to_human", kind="payload")
    rasa.take("stop")
    assert rasa.post(body("hello")) == first


def test_consent_is_not_replayed_from_a_state_that_never_asked(rasa: Rasa) -> None:
    """What a store in Rasa would have done: it had moved on, and "yes" meant something else."""
    assert rasa.take("yes", state={})["messages"] == [{"say": "menu.main"}]


def test_the_state_holds_no_text(rasa: Rasa) -> None:
    state: Any = {}
    for message in (CANARY, f"i want to talk to a person {CANARY}", CANARY, f"stop {CANARY}", CANARY):
        answer = rasa.take(message, state=state)
        state = answer["state"]
        assert "canary" not in json.dumps(answer).lower()
        assert set(state) == {"v", "asked", "slots", "loop", "requested", "turns"}


def test_the_state_stays_small(rasa: Rasa) -> None:
    state: Any = {}
    for _ in range(12):
        state = rasa.take("/talk_to_human", kind="payload", state=state)["state"]
    assert len(json.dumps(state)) < 400


@pytest.mark.parametrize(
    "state",
    [
        [],
        "x",
        {"v": 99},
        {"v": 1, "asked": "money", "slots": {"village": CANARY}, "turns": [[CANARY, [CANARY]]], "loop": CANARY},
        {"v": 1, "asked": ["consent"], "slots": {"consent_key": CANARY, "consent_asked_again": "yes"}, "turns": "x"},
        {"v": 1, "asked": None, "slots": None, "turns": [["greet"]], "requested": CANARY},
    ],
)
def test_what_a_state_should_not_hold_is_dropped(rasa: Rasa, state: Any) -> None:
    metadata = {"kind": "text", "locale": "en"}
    request = {"message_id": "m", "message": "hello", "metadata": metadata, "state": state}
    answer = json.loads(rasa.post(json.dumps(request).encode())[1])
    assert (answer["ok"], answer["messages"]) == (True, [{"say": "greet.hello"}])
    assert "canary" not in json.dumps(answer["state"]).lower()


def test_a_consent_key_in_the_state_without_the_question_opens_nothing(rasa: Rasa) -> None:
    state = {"v": 1, "asked": None, "slots": {"consent_key": "consent.contact"}, "turns": []}
    assert rasa.take("yes", state=state)["messages"] == [{"say": "menu.main"}]
    tapped = rasa.take('/choose{"option":"consent.write"}', kind="payload", state=state)
    assert tapped["messages"] == [CONSENT]


@pytest.mark.parametrize("intent", domain_intents())
def test_every_intent_has_an_answer(rasa: Rasa, intent: str) -> None:
    if intent != "nlu_fallback":
        assert rasa.take(f"/{intent}", kind="payload")["ok"]


@pytest.mark.parametrize(
    "payload",
    [
        "/restart",
        "/session_start",
        "/back",
        "/nlu_fallback",
        "affirm",
        "/affirm ",
        "/unknown",
        "/choose{",
        '/choose{"option":"consent.everything"}',
        '/choose{"village":"somewhere"}',
        '/choose{"option":["consent.write"]}',
        "/choose[1]",
        "",
    ],
)
def test_a_payload_that_we_did_not_make_fails_the_turn(rasa: Rasa, payload: str) -> None:
    state = {"v": 1, "asked": "consent", "slots": {}, "loop": None, "requested": None, "turns": []}
    answer = rasa.take(payload, kind="payload", state=state)
    assert (answer["ok"], answer["messages"], answer["state"]) == (False, [], state)


COMMANDS = ["/affirm", "/restart", "/stop", "/back", "/session_start", '/choose{"option":"consent.write"}', "/deny"]
PREFIXES = ["", " ", "\n\t", "\u200b", "\u2060", "\u200f ", "\ufeff", "\u00a0", "\u200e\u200b"]
SLASHES = ["/", "／", "∕", "⁄"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_typed_command_is_text_whatever_stands_before_it(rasa: Rasa, command: str, prefix: str) -> None:
    """The channel says how sure it is: exactly 1.0 is reserved for payloads, and for texts without a letter."""
    for slash in SLASHES:
        answer = rasa.take(prefix + slash + command[1:])
        assert answer["ok"]
        assert answer["confidence"] < 1.0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    typed=st.one_of(
        st.text(max_size=200),
        st.builds(
            "{}{}{}".format,
            st.text(" \t\n\u200b\u2060\u200f", max_size=4),
            st.sampled_from(COMMANDS),
            st.text(max_size=9),
        ),
    )
)
def test_any_typed_string_is_text(rasa: Rasa, actions: ActionServer, typed: str) -> None:
    """It never restarts, chooses an option, opens a case or stops, from a state in which nothing was asked."""
    answer = rasa.take(typed)
    assert answer["ok"]
    assert answer["intent"] not in {"restart", "back", "session_start", "choose", ""}
    assert {message.get("do") for message in answer["messages"]}.isdisjoint({"open_case", "stop", "set_locale"})


AMBIGUOUS = ["no money papers", "boss", "señor mañana", "الشيخ قال لي", "call them", "the camp", "mi hermana"]


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_what_is_not_understood_is_answered_with_the_likeliest_intents(rasa: Rasa, text: str) -> None:
    best = [ranked["name"] for ranked in rasa.parse([text])[0]]
    said = next(message for message in rasa.take(text)["messages"] if "say" in message)
    assert (best[0] == "nlu_fallback") == (said["say"] == "fallback.guess")
    if best[0] == "nlu_fallback":
        assert said["guesses"] in (best[1:], [])


def test_what_has_no_known_letter_gets_no_guesses(rasa: Rasa) -> None:
    assert rasa.take("🙂")["messages"] == [{"say": "fallback.guess", "guesses": []}]


def test_many_texts_are_parsed_at_once_in_their_order(rasa: Rasa) -> None:
    texts = ["hello", "gracias", "🙂", "who can read this"]
    rankings = rasa.parse(texts)
    assert [ranking[0]["name"] for ranking in rankings] == ["greet", "thanks", "nlu_fallback", "ask_privacy"]
    assert [rasa.take(text)["intent"] for text in texts] == [ranking[0]["name"] for ranking in rankings]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"texts": "hello"}', b'{"texts": ["hello", 7]}'])
def test_a_malformed_list_of_texts_is_refused(rasa: Rasa, raw: bytes) -> None:
    status, answer = rasa.post(raw, route="parse")
    assert (status, json.loads(answer)) == (400, {"ok": False, "code": "bad_request"})


def test_texts_are_not_parsed_without_the_token(rasa: Rasa) -> None:
    status, answer = rasa.post(b'{"texts": []}', "Bearer wrong", route="parse")
    assert (status, json.loads(answer)) == (401, {"ok": False, "code": "unauthorized"})


def test_a_very_long_text_is_answered(rasa: Rasa) -> None:
    assert rasa.take("help me please " * 2000)["ok"]


def test_what_is_sent_to_actions_holds_no_text(rasa: Rasa, actions: ActionServer) -> None:
    assert rasa.take(f"i want to talk to a person {CANARY}")["messages"] == [CONSENT]
    assert actions.calls
    assert "canary" not in json.dumps(actions.calls).lower()
