"""One turn of the dialogue over a tracker that lives only as long as the turn.

Rasa's own loop logs texts, goes on after a failed action, and answers 200 with nothing when something broke. This one
runs the same model and the same actions, and fails as a whole when any part fails.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from rasa.core.actions.action import ActionExecutionRejection, action_for_index
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.processor import MessageProcessor
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.shared.core.constants import ACTION_LISTEN_NAME, DEFAULT_INTENTS
from rasa.shared.core.events import ActionExecutionRejected, BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from components.action_validator import failed_actions
from components.state import Snapshot, Vocabulary

# Before every text, so that Rasa never takes "/restart" for a command. The classifier drops invisible signs.
GUARD = "\u2060"
MAX_TEXT = 4096
MAX_ACTIONS = 10
PAYLOAD = re.compile(r"/([a-z_]{1,64})(\{[^\n]{0,500}\})?")


# Intents with probabilities, the one that counts first.
Ranking = List[Dict[str, Any]]
# A response that says so is given the likeliest intents, unless not even the best is worth offering.
GUESSES = "guesses"
LEAST_GUESS = 0.1


class TurnFailed(Exception):
    """This turn has no good answer. `code` is ours; `cause` is logged by type and place only."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Message:
    """What `handoff` sends. `text` is a person's words or, when `kind` is "payload", a token that we made."""

    message_id: str
    text: str
    kind: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a turn said and did, in order, and the state to carry."""

    messages: List[Dict[str, Any]]
    state: Dict[str, Any]
    intent: str
    confidence: float


class Island:
    """The loaded model, ready to take turns. Holds nothing of any conversation."""

    def __init__(self, agent: Agent) -> None:
        if agent.processor is None:
            raise RuntimeError("no model was loaded")
        self._processor: MessageProcessor = agent.processor
        self._nlg = agent.nlg
        self._endpoint = agent.action_endpoint
        self._domain = agent.processor.domain
        self._vocabulary = Vocabulary.of(self._domain)
        self._intents = self._vocabulary.intents - (set(DEFAULT_INTENTS) - {"out_of_scope"})

    async def take(self, message: Message, state: Any) -> Answer:
        """Answer one message. Raises TurnFailed; whatever breaks inside ends here as one."""
        failed_actions.set([])
        before = Snapshot.read(state, self._vocabulary)
        tracker = self._rebuild(message.message_id, before)
        ranking, entities = self.understand(message, tracker)
        intent = ranking[0]
        said = UserUttered(
            "", intent, entities, input_channel="amana", message_id=message.message_id, metadata=dict(message.metadata)
        )
        tracker.update(said, self._domain)
        await self._processor.run_action_extract_slots(CollectingOutputChannel(), tracker)
        spoken = await self._run_actions(tracker)
        messages, asked = self._collect(spoken, guesses_of(ranking))
        after = Snapshot.after(tracker, before, asked)
        return Answer(messages, after.write(), str(intent["name"]), round(float(intent["confidence"]), 4))

    def understand(self, message: Message, tracker: DialogueStateTracker) -> Tuple[Ranking, List[Dict[str, Any]]]:
        """The intents and the entities. A text never has entities, and is never a command. Raises TurnFailed."""
        if message.kind == "payload":
            intent, entities = self._read_payload(message.text)
            return [intent], entities
        return self._rank(message.text, tracker), []

    def parse(self, text: str) -> Ranking:
        """What a text means, likeliest first, without a turn: for `amana nlu parse` and the measures."""
        return self._rank(text, DialogueStateTracker("parse", self._domain.slots))

    def _rank(self, text: str, tracker: DialogueStateTracker) -> Ranking:
        asked = UserMessage(text=GUARD + text[:MAX_TEXT])
        target = self._processor.model_metadata.nlu_target
        runner = self._processor.graph_runner
        parsed = runner.run({PLACEHOLDER_MESSAGE: [asked], PLACEHOLDER_TRACKER: tracker}, [target])[target][0]
        return list(parsed.get("intent_ranking"))

    def _read_payload(self, payload: str) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
        match = PAYLOAD.fullmatch(payload)
        if not match or match[1] not in self._intents:
            raise TurnFailed("bad_payload")
        values = json.loads(match[2] or "{}")
        if not all(self._vocabulary.accepts(name, value) for name, value in values.items()):
            raise TurnFailed("bad_payload_value")
        entities = [{"entity": name, "value": value} for name, value in sorted(values.items())]
        return {"name": match[1], "confidence": 1.0}, entities

    def _rebuild(self, message_id: str, before: Snapshot) -> DialogueStateTracker:
        tracker = DialogueStateTracker(message_id, self._domain.slots)
        for event in before.events():
            tracker.update(event, self._domain)
        return tracker

    async def _run_actions(self, tracker: DialogueStateTracker) -> List[BotUttered]:
        spoken: List[BotUttered] = []
        for _ in range(MAX_ACTIONS):
            prediction = self._processor._predict_next_with_tracker(tracker)
            action = action_for_index(prediction.max_confidence_index, self._domain, self._endpoint)
            tracker.update_with_events(prediction.events, self._domain)
            events = await self._run_action(action, tracker)
            tracker.update(action.event_for_successful_execution(prediction))
            tracker.update_with_events(events, self._domain)
            spoken += [event for event in events if isinstance(event, BotUttered)]
            if action.name() == ACTION_LISTEN_NAME:
                return spoken
        raise TurnFailed("too_many_actions")

    async def _run_action(self, action: Any, tracker: DialogueStateTracker) -> List[Any]:
        try:
            events = await action.run(CollectingOutputChannel(), self._nlg, tracker, self._domain) or []
        except ActionExecutionRejection as error:
            raise TurnFailed("action_rejected") from error
        except asyncio.TimeoutError as error:
            raise TurnFailed("action_timeout") from error
        except Exception as error:
            raise TurnFailed("action_failed") from error
        if failed_actions.get() or any(isinstance(event, ActionExecutionRejected) for event in events):
            raise TurnFailed("action_failed")
        return events

    def _collect(self, spoken: List[BotUttered], guesses: List[str]) -> Tuple[List[Dict[str, Any]], Optional[str]]:
        messages: List[Dict[str, Any]] = []
        asked: Optional[str] = None
        for event in spoken:
            custom = event.data.get("custom")
            if event.text or not isinstance(custom, dict):
                raise TurnFailed("not_a_key")
            filled = {GUESSES: guesses} if GUESSES in custom else {}
            messages.append({**{name: value for name, value in custom.items() if name != "asks"}, **filled})
            asked = custom.get("asks", asked)
        if not messages:
            raise TurnFailed("nothing_said")
        if asked is not None and not self._vocabulary.accepts("asked", asked):
            raise TurnFailed("unknown_question")
        return messages, asked


def guesses_of(ranking: Ranking) -> List[str]:
    """The names of the likeliest intents of a text that was not understood, best first; none when all are unlikely."""
    guessed = ranking[1:]
    worth = any(each["confidence"] >= LEAST_GUESS for each in guessed)
    return [each["name"] for each in guessed] if worth else []
