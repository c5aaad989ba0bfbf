"""What Amana says: a key becomes messages in the person's language, with the prompt that waits for their answer."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from handoff.core.channel import Limits
from handoff.core.contact import kind_of_reply
from handoff.core.content import PromptTable, Speaker
from handoff.core.conversation import KEPT_PROMPTS, Conversation, Draft
from handoff.core.hours import StaffedHours
from handoff.core.ports import Outbox
from handoff.core.prompts import Prompt, PromptOption, prompt_id
from handoff.core.render import render, render_plain, say_staffing, sendable_key
from handoff.i18n import day_and_time

# Receipts and cards that may go out at any time (SAFETY §2). Notices about a case are gated like a caseworker's words.
NOTICES = frozenset({"handoff.claimed", "handoff.closed", "handoff.returned", "handoff.late"})
# Questions that are open until it is clear who holds the phone.
WHO_IS_THERE = ("knock.", "greet.again")


class Texts(Protocol):
    """The catalogue of what is said on phones."""

    def text(self, key: str, locale: str, variant: str | None = None, /, **args: str) -> str:
        """The text of a key in a language; never empty, never the key."""

    def state(self, key: str, locale: str) -> str:
        """Its review state."""

    def labels(self, option_id: str) -> Sequence[str]:
        """What an option is called, in every offered language."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is true of this deployment, told in many texts.

    `second_channel` is where one can complain about this deployment's own organisation (SAFETY §7).
    """

    org: str
    hotline: str
    hours: StaffedHours
    locales: tuple[str, ...]
    default_locale: str
    must_be_reviewed: bool
    awareness_only: bool = False
    kept_hours: int = 24
    kept_hours_sms: int = 72
    sealed_days: int = 14
    second_channel: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Messages to send, and the prompt that they ask (None when they ask nothing)."""

    drafts: tuple[Draft, ...]
    prompt: Prompt | None


@dataclass(slots=True)
class Voice:
    """Turns keys into drafts for one conversation, and enqueues them for the desk."""

    texts: Texts
    prompts: PromptTable
    limits: Mapping[str, Limits]
    deployment: Deployment
    outbox: Outbox
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def locale_of(self, conversation: Conversation) -> str:
        """The person's choice, else the deployment's first language."""
        return conversation.locale or self.deployment.default_locale

    def compose(
        self,
        conversation: Conversation,
        key: str,
        args: Mapping[str, str],
        *,
        locale: str,
        now: datetime,
        number: int,
        kind: str | None = None,
        case_id: uuid.UUID | None = None,
        guesses: Sequence[str] = (),
        texts: Mapping[str, Sequence[str]] | None = None,
        choices: Sequence[PromptOption] | None = None,
    ) -> Said:
        """The messages of `key`; `number` counts the conversation's prompts and names this one."""
        key = sendable_key(
            self.texts, self.prompts, key, locale=locale, must_be_reviewed=self.deployment.must_be_reviewed
        )
        spec = self.prompts.guessing(key, guesses)
        if choices is not None:
            spec = replace(spec, options=tuple(choices))
        limits = self.limits[conversation.channel]
        prompt = Prompt.ask(spec, prompt_id=prompt_id(number, spec.weight), texts=texts)
        rendered = render(
            self.texts,
            self.prompts,
            key,
            guesses=guesses,
            texts=texts,
            choices=choices,
            args={**self.facts(locale, now, limits), **args},
            locale=locale,
            limits=limits,
            prompt_id=prompt.id,
        )
        speaker = spec.speaker.value
        kind = kind or ("system" if spec.speaker is Speaker.SYSTEM else "reply")
        drafts = tuple(Draft(spec.key, item, kind, speaker, case_id) for item in rendered)
        return Said(drafts, prompt if spec.options else None)

    def labels(self, option_id: str) -> Sequence[str]:
        """What an option is called, in every offered language."""
        return self.texts.labels(option_id)

    def version(self, key: str, locale: str) -> str:
        """Names the wording of a text: changes whenever a letter of it does (SAFETY §6)."""
        return hashlib.sha256(self.texts.text(key, locale).encode()).hexdigest()[:12]

    def wording(self, key: str, locale: str, channel: str, org: str) -> tuple[str, str]:
        """What is said now for a key of consent (on its channel, for this organisation), and its version."""
        limits = self.limits.get(channel)
        sms = limits is not None and limits.style == "sms"
        args = {**(self.facts(locale, self.clock(), limits) if limits else {}), "org": org}
        return self.texts.text(key, locale, "sms" if sms else None, **args), self.version(key, locale)

    def facts(self, locale: str, now: datetime, limits: Limits) -> dict[str, str]:
        """Arguments that every text may use: who we are, the numbers to call, what is true about staffing now."""
        deployment = self.deployment
        hours = deployment.hours.describe(locale)
        staffed = deployment.hours.staffed(now)
        variant = "sms" if limits.style == "sms" else None
        return {
            "org": deployment.org,
            "hotline": deployment.hotline,
            "hours": hours,
            "kept": str(deployment.kept_hours_sms if limits.style == "sms" else deployment.kept_hours),
            "days": str(deployment.sealed_days),
            "second": deployment.second_channel,
            "date": day_and_time(now, locale, deployment.hours.timezone),
            "staffing": say_staffing(
                self.texts, on_duty=staffed, org=deployment.org, hours=hours, locale=locale, limits=limits
            ),
            "waiting": self.texts.text("waiting.now", locale, variant) if staffed else "",
        }

    async def say(
        self,
        connection: Any,
        conversation_id: uuid.UUID,
        key: str,
        *,
        args: Mapping[str, str] | None = None,
        kind: str | None = None,
        case_id: uuid.UUID | None = None,
    ) -> list[int]:
        """Enqueue a key for a conversation in the caller's transaction (the desk's notices); returns outbound ids."""
        conversation = await self.outbox.conversation(connection, conversation_id)
        now = self.clock()
        number = conversation.prompt_count + 1
        said = self.compose(
            conversation,
            key,
            args or {},
            locale=self.locale_of(conversation),
            now=now,
            number=number,
            kind=kind_of_reply(conversation.contact.last_inbound_at, now) if key in NOTICES else kind,
            case_id=case_id,
        )
        changes = remember(conversation, said.prompt, number)
        return await self.outbox.enqueue(connection, conversation, said.drafts, changes)

    async def say_text(
        self,
        connection: Any,
        conversation_id: uuid.UUID,
        text: str,
        *,
        kind: str | None = None,
        case_id: uuid.UUID | None = None,
    ) -> list[int]:
        """Enqueue a human's words. Open prompts are closed: a digit that answers the human is not ours to read."""
        conversation = await self.outbox.conversation(connection, conversation_id)
        kind = kind or kind_of_reply(conversation.contact.last_inbound_at, self.clock())
        rendered = render_plain(text, self.limits[conversation.channel])
        drafts = [Draft("case.reply", item, kind, "human", case_id) for item in rendered]
        # On a phone that somebody else uses now, what they were asked is still theirs to answer; so is a knock.
        elsewhere = case_id is not None and conversation.case_id != case_id
        kept = [prompt.to_json() for prompt in conversation.prompts if prompt.key.startswith(WHO_IS_THERE)]
        return await self.outbox.enqueue(connection, conversation, drafts, {} if elsewhere else {"prompts": kept})


def remember(conversation: Conversation, prompt: Prompt | None, number: int) -> dict[str, Any]:
    """The conversation's columns after asking: the newest prompt first, a few kept for late answers."""
    if prompt is None:
        return {}
    kept = (prompt, *conversation.prompts)[:KEPT_PROMPTS]
    return {"prompts": [item.to_json() for item in kept], "prompt_count": number}
