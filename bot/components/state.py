"""The textless snapshot of a dialogue: what Rasa needs to know of the turns before, and nothing that a person wrote.

    {"v": 1, "asked": "consent", "slots": {"consent_key": "consent.contact"}, "loop": null, "requested": null,
     "turns": [["greet", ["utter_greet"]]]}

`asked` is what the last thing said asked for (the `asks` of a response or action): it opens answers such as "yes" for
exactly one turn. Slots are codes by construction: the domain is refused at load when one could hold words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from rasa.shared.core.constants import ACTION_LISTEN_NAME, DEFAULT_SLOT_NAMES, REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from rasa.shared.core.slots import BooleanSlot, CategoricalSlot, Slot
from rasa.shared.core.trackers import DialogueStateTracker

VERSION = 1
TURNS = 1
ASKED = "asked"
OPTION = "option"
ONE_TURN = frozenset({ASKED, OPTION})
WORDS = frozenset({"from_text", "from_trigger_intent"})


class UnsafeDomain(Exception):
    """A slot could keep a person's words. The assistant does not start."""


def check_slots(domain: Domain) -> None:
    """Allow only slots of closed values: true/false or one of a list. Raises UnsafeDomain naming the slot."""
    for slot in domain.slots:
        if slot.name in DEFAULT_SLOT_NAMES:
            continue
        if not isinstance(slot, (BooleanSlot, CategoricalSlot)):
            raise UnsafeDomain(f"slot {slot.name}: only bool and categorical slots are allowed, not {slot.type_name}")
        if any(mapping.get("type") in WORDS for mapping in slot.mappings):
            raise UnsafeDomain(f"slot {slot.name}: must not be filled from text")


def is_code(slot: Slot, value: Any) -> bool:
    """Whether `value` is one of the slot's closed values."""
    if isinstance(slot, BooleanSlot):
        return isinstance(value, bool)
    return isinstance(slot, CategoricalSlot) and isinstance(value, str) and value in slot.values


@dataclass(frozen=True)
class Vocabulary:
    """The closed sets of names that a snapshot may hold, read from the domain once."""

    slots: Mapping[str, Slot]
    intents: FrozenSet[str]
    actions: FrozenSet[str]
    forms: FrozenSet[str]

    @classmethod
    def of(cls, domain: Domain) -> Vocabulary:
        """Raises UnsafeDomain."""
        check_slots(domain)
        slots = {slot.name: slot for slot in domain.slots if slot.name not in DEFAULT_SLOT_NAMES}
        return cls(
            slots, frozenset(domain.intents), frozenset(domain.action_names_or_texts), frozenset(domain.form_names)
        )

    def accepts(self, name: str, value: Any) -> bool:
        """Whether this slot exists and can have this value."""
        return name in self.slots and is_code(self.slots[name], value)


@dataclass(frozen=True)
class Snapshot:
    """A dialogue between two messages. What the domain does not know (any more) is dropped when it is read."""

    asked: Optional[str] = None
    slots: Mapping[str, Any] = field(default_factory=dict)
    loop: Optional[str] = None
    requested: Optional[str] = None
    turns: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()

    @classmethod
    def read(cls, raw: Any, vocabulary: Vocabulary) -> Snapshot:
        """From the wire, keeping only known codes. Never raises: a state that cannot be read is an empty one."""
        if not isinstance(raw, dict) or raw.get("v") != VERSION:
            return cls()
        asked, slots, loop, requested = raw.get("asked"), raw.get("slots"), raw.get("loop"), raw.get("requested")
        kept = {k: v for k, v in slots.items() if vocabulary.accepts(k, v)} if isinstance(slots, dict) else {}
        return cls(
            asked if vocabulary.accepts(ASKED, asked) else None,
            {name: value for name, value in kept.items() if name not in ONE_TURN},
            loop if isinstance(loop, str) and loop in vocabulary.forms else None,
            requested if isinstance(requested, str) and requested in vocabulary.slots else None,
            _read_turns(raw.get("turns"), vocabulary),
        )

    @classmethod
    def after(cls, tracker: DialogueStateTracker, before: Snapshot, asked: Optional[str]) -> Snapshot:
        """The state once the turn is over."""
        slots = {
            slot.name: slot.value
            for slot in tracker.slots.values()
            if slot.name not in ONE_TURN and slot.value is not None and is_code(slot, slot.value)
        }
        turns = (*before.turns, _last_turn(tracker))[-TURNS:]
        requested = tracker.slots[REQUESTED_SLOT].value if REQUESTED_SLOT in tracker.slots else None
        return cls(asked, slots, tracker.active_loop_name, requested, turns)

    def write(self) -> Dict[str, Any]:
        """The wire form."""
        turns = [[intent, list(actions)] for intent, actions in self.turns]
        return {
            "v": VERSION,
            "asked": self.asked,
            "slots": dict(sorted(self.slots.items())),
            "loop": self.loop,
            "requested": self.requested,
            "turns": turns,
        }

    def events(self) -> List[Event]:
        """The past as Rasa's events, ending where it listens for the next message."""
        events: List[Event] = [SlotSet(name, value) for name, value in self.slots.items()]
        for intent, actions in self.turns:
            events += [ActionExecuted(ACTION_LISTEN_NAME), UserUttered("", {"name": intent, "confidence": 1.0}, [])]
            events += [ActionExecuted(action) for action in actions]
        if self.loop:
            events += [ActiveLoop(self.loop), SlotSet(REQUESTED_SLOT, self.requested)]
        events.append(ActionExecuted(ACTION_LISTEN_NAME))
        if self.asked:
            events.append(SlotSet(ASKED, self.asked))
        return events


def _read_turns(raw: Any, vocabulary: Vocabulary) -> Tuple[Tuple[str, Tuple[str, ...]], ...]:
    turns = []
    for item in raw if isinstance(raw, list) else []:
        if not (isinstance(item, list) and len(item) == 2 and isinstance(item[1], list)):
            return ()
        intent, actions = item
        known = [a for a in actions if isinstance(a, str) and a in vocabulary.actions]
        if isinstance(intent, str) and intent in vocabulary.intents:
            turns.append((intent, tuple(known)))
    return tuple(turns[-TURNS:])


def _last_turn(tracker: DialogueStateTracker) -> Tuple[str, Tuple[str, ...]]:
    actions: List[str] = []
    for event in reversed(tracker.events):
        if isinstance(event, UserUttered):
            return str(event.intent_name or ""), tuple(reversed(actions))
        if isinstance(event, ActionExecuted) and event.action_name and event.action_name != ACTION_LISTEN_NAME:
            actions.append(event.action_name)
    return "", ()
