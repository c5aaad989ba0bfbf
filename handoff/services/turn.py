"""A turn while it is being decided: what was received, what will be said, what will change."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from handoff.core.conversation import Conversation, Owner, Received, Turn
from handoff.core.prompts import Prompt
from handoff.services.say import Voice, remember


class Work:
    """One message being worked on. Collects a `Turn`; says things through the voice in the person's language."""

    def __init__(self, voice: Voice, conversation: Conversation, received: Received, now: datetime) -> None:
        self.voice = voice
        self.conversation = conversation
        self.received = received
        self.now = now
        self.turn = Turn()
        self.locale = voice.locale_of(conversation)
        self.case_id: uuid.UUID | None = conversation.case_id if conversation.with_people else None
        self._number = conversation.prompt_count

    def say(self, key: str, args: Mapping[str, str] | None = None, guesses: Sequence[str] = ()) -> None:
        """Add the messages of a key; if it asks something, it becomes the newest open prompt."""
        said = self.voice.compose(
            self.conversation,
            key,
            args or {},
            locale=self.locale,
            now=self.now,
            number=self._number + 1,
            case_id=self.case_id,
            guesses=guesses,
        )
        self.turn.drafts.extend(said.drafts)
        if said.prompt:
            self._number += 1
            self._ask(said.prompt)

    def _ask(self, prompt: Prompt) -> None:
        asked = [Prompt.from_json(raw) for raw in self.turn.changes["prompts"]] if self._asked_already else None
        conversation = self.conversation if asked is None else replace(self.conversation, prompts=tuple(asked))
        self.turn.changes |= remember(conversation, prompt, self._number)

    @property
    def prompt_count(self) -> int:
        """How many questions were asked in this conversation, with those of this turn."""
        return self._number

    @property
    def _asked_already(self) -> bool:
        return "prompts" in self.turn.changes

    def change(self, **columns: Any) -> None:
        """New values for columns of the conversation."""
        self.turn.changes |= columns

    def forget(self) -> None:
        """Drop the dialogue and every open prompt: the next message starts afresh."""
        self.change(state={}, prompts=[])

    def answer_in(self, locale: str) -> None:
        """The language to answer in, as long as the person has not chosen one."""
        self.locale = locale
        self.change(locale=locale)

    def choose_locale(self, locale: str) -> None:
        """The person's own choice, which is the truth from here on."""
        self.answer_in(locale)
        self.change(locale_chosen=True)

    def back_to_assistant(self) -> None:
        """The assistant speaks again, with nothing of the case in its hands."""
        self.change(owner=Owner.ASSISTANT.value, case_id=None, person_id=None, state={})
        self.case_id = None

    def end(self, outcome: str) -> Turn:
        """The finished turn; `outcome` is a code for metrics."""
        self.turn.outcome = outcome
        return self.turn
