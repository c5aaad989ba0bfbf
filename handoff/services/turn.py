"""A turn while it is being decided: what was received, what will be said, what will change."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from handoff.core.content import Weight
from handoff.core.conversation import Conversation, Owner, Received, Turn
from handoff.core.prompts import Prompt, PromptOption
from handoff.services.say import Voice, remember

# In the state of a conversation, beside the dialogue: in which languages we have asked whether to write, and when.
LANGUAGES_ASKED = "languages_asked"
# There too: a report that is not sent yet (services/draft.py).
DRAFT = "report"
# Who left has gone: whoever writes next may be somebody else.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# Later than any clock is wrong: this one was held up, and answers what was on the phone when it was written.
HELD_UP = timedelta(minutes=1)


def written_at(received: Received) -> datetime:
    """When the person wrote it. A provider that tries again, or a catch-up poll, brings answers long after that."""
    sent_at = received.sent_at
    return sent_at if sent_at and received.received_at - sent_at > HELD_UP else received.received_at


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
        # Whether it may be somebody else who writes, and whether it was settled that they are served as who they say.
        self.doubt = False
        self.present = False
        self._number = conversation.prompt_count

    def say(
        self,
        key: str,
        args: Mapping[str, str] | None = None,
        *,
        guesses: Sequence[str] = (),
        texts: Mapping[str, Sequence[str]] | None = None,
        choices: Sequence[PromptOption] | None = None,
    ) -> None:
        """Add the messages of a key; if it asks something, it becomes the newest open prompt.

        `choices` are its options where those of content/prompts.yml are none: places, or a few of many.
        """
        said = self.voice.compose(
            self.conversation,
            key,
            args or {},
            locale=self.locale,
            now=self.now,
            number=self._number + 1,
            case_id=self.case_id,
            guesses=guesses,
            texts=texts,
            choices=choices,
        )
        self.turn.drafts.extend(said.drafts)
        if said.prompt:
            self._number += 1
            self._ask(said.prompt)

    def ask_again(self, prompt: Prompt) -> None:
        """The same question as it was asked before."""
        own = prompt.key in self.voice.prompts and self.voice.prompts[prompt.key].options
        choices = None if own else prompt.options
        args = self._draft.get("args") if prompt.weight is Weight.CONSENT else None
        self.say(prompt.key, args, guesses=prompt.guesses, texts=prompt.texts, choices=choices)

    def cost(self, key: str, args: Mapping[str, str]) -> int:
        """How many SMS segments a key would take with these arguments; 0 where segments are not counted."""
        said = self.voice.compose(self.conversation, key, args, locale=self.locale, now=self.now, number=0)
        return sum(draft.rendered.segments for draft in said.drafts)

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

    def forget(self, *, but_conflict: bool = False) -> None:
        """Drop the dialogue and every open prompt: the next message starts afresh.

        `but_conflict`: who said that a service was not safe, and then looks at the menu, still must not be led to it;
        and a report that was begun waits.
        """
        if but_conflict:
            self.clear(**({"find": {"coi": list(self.implicated)}} if self.implicated else {}))
        else:
            self.change(state={})
        self.change(prompts=[])

    def clear(self, **kept: Any) -> None:
        """Drop the dialogue, not a report that somebody has begun: they can go on later."""
        kept |= {DRAFT: self._draft} if self._draft else {}
        self.change(state={"at": self.now.isoformat(), "carried": {}, **kept} if kept else {})

    @property
    def _draft(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self.turn.changes.get("state", self.conversation.state) or {}).get(DRAFT) or {}
        return found

    @property
    def implicated(self) -> tuple[str, ...]:
        """The organisations (ids of the directory) whose services this person found unsafe."""
        state = self.turn.changes.get("state", self.conversation.state)
        return tuple(state.get("find", {}).get("coi", ()))

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
        """The finished turn; `outcome` is a code for metrics.

        What is asked once a session outlives the dialogue that it was asked in.
        """
        if "person_seen_at" not in self.turn.changes and (self.present or not self.doubt):
            self.turn.changes["person_seen_at"] = self.now
        asked, state = self.conversation.state.get(LANGUAGES_ASKED), self.turn.changes.get("state")
        if asked and state is not None:
            kept = {LANGUAGES_ASKED: asked, "at": self.now.isoformat(), "carried": {}}
            self.turn.changes["state"] = {**kept, **state}
        self.turn.outcome = outcome
        return self.turn
