"""Asking the assistant, and doing what it wants done; with what follows from an answer to a report or a consent.

It understands and it asks; that somebody may be called is never said before the gate, and a yes counts only for the
consent that was shown (SAFETY §2, §6). If it is down, a card or the next question comes without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from handoff.core.content import REPORT
from handoff.core.effects import BadEffect, Effect, Find, OpenCase, Say, SetLocale, Stop, Tell, Told
from handoff.core.ports import Assistant, AssistantDown, AssistantFailed, AssistantTurn, Hints
from handoff.core.questions import next_question
from handoff.services import commands, find_help
from handoff.services.find_help import FindHelp
from handoff.services.report import CONSENT, NEXT, PERSON, WITH_REPORT, TellSafely
from handoff.services.say import Voice
from handoff.services.turn import Work

NOT_UNDERSTOOD = "fallback."
RETRY_AFTER_S = (0.3, 1.0)
NO_HINTS = Hints()
NEXT_QUESTION = '/choose{"option": "report.next"}'
CLINIC = f"{REPORT}health.where"
# What the assistant needs no knowledge of, to know which question comes next.
OURS_ALONE = ("org.", "place.", "gender.")


class BadAnswer(AssistantFailed, BadEffect):
    """The assistant named a text or a language that does not exist here."""

    def __init__(self) -> None:
        super().__init__("unknown_effect")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things stay alive: waiting acknowledgements, a dialogue."""

    waiting_ack: timedelta = timedelta(minutes=60)
    session: timedelta = timedelta(hours=24)


@dataclass(slots=True, kw_only=True)
class Dialogue:
    """What a turn needs to ask the assistant."""

    voice: Voice
    assistant: Assistant
    patience: Patience = Patience()
    find: FindHelp = field(default_factory=FindHelp)
    report: TellSafely = field(default_factory=TellSafely)
    ids: commands.Ids = field(default_factory=commands.Ids)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    async def person(self, work: Work) -> str:
        """ "I want a person": the gate, then the assistant asks for consent; if it is down, the card does."""
        if work.case_id:
            return commands.menu(work)
        commands.reopen(work)
        if self.report.must_ask_gate(work):
            return self.report.ask_gate(work, PERSON)
        said = list(work.turn.drafts)
        try:
            await self._ask_assistant(work, "/talk_to_human", "payload")
        except AssistantFailed:
            work.turn.drafts[:] = said
            return await self.report.consent(work, "failopen.consent")
        return "answered"

    async def tell(self, work: Work, deed: str) -> str:
        """A step of a report, and what it leads to. The next question is known here too if the assistant is down."""
        outcome = await self.report.step(work, deed)
        if deed == CLINIC:
            return await self.find.step(work, "find.need.health")
        if outcome == PERSON:
            return await self.person(work)
        if outcome != NEXT:
            return outcome
        said = list(work.turn.drafts)
        try:
            await self._ask_assistant(work, NEXT_QUESTION, "payload")
        except AssistantFailed:
            work.turn.drafts[:] = said
            question = next_question(self.report.held(work).said, medical=self.report.sop.medical)
            if not question:
                return await self.report.rest(work)
            work.say(question)
        return "asked"

    async def open_case(self, work: Work, modality: str, key: str) -> str:
        """A yes to a consent. Where answers go with it, it names who would see them; else it is asked first."""
        if key in WITH_REPORT and not self.report.held(work).routed:
            return await self.report.consent(work)
        return commands.open_case(work, modality=modality, consent_key=key, ids=self.ids, sop=self.report.sop)

    async def ask_or_fail_open(self, work: Work, message: str, kind: str, hints: Hints = NO_HINTS) -> str:
        """The assistant's answer; if there is none, the card with the numbers and an offered human. Never silence."""
        try:
            await self._ask_assistant(work, message, kind, hints)
        except AssistantFailed as error:
            work.turn.drafts.clear()
            work.turn.new_case = None
            work.say("failopen.card")
            return f"failopen_{error.code}"
        return "answered"

    async def _ask_assistant(self, work: Work, message: str, kind: str, hints: Hints = NO_HINTS) -> None:
        answer = await self._patient_turn(work, message, kind, hints)
        work.turn.intent = answer.intent
        sought = find_help.held(work)
        work.clear(**({"find": sought} if sought else {}))
        work.change(state={**work.turn.changes["state"], "at": work.now.isoformat(), "carried": dict(answer.state)})
        if not (kind == "text" and self.report.answer_details(work, answer.intent)):
            for effect in answer.effects:
                await self._follow(work, effect, message if kind == "text" else "")
        work.change(state={**work.turn.changes["state"], "asked": work.prompt_count})

    async def _follow(self, work: Work, effect: Effect, text: str) -> None:
        """Do what the assistant wants done; `text` is what the person wrote, "" when they chose an option."""
        match effect:
            case Find():
                await self.find.start(work, text)
            case Tell(said):
                self.report.suggest(work, said)
            case Told():
                await self.report.rest(work)
            case Say(key) if key.startswith(CONSENT) and key != "consent.declined":
                await self._consent(work, key)
            case OpenCase(modality, key):
                await self._consented(work, modality, key)
            case _ if text and _not_understood(effect) and find_help.asks(work) == find_help.ASKS_PLACE:
                await self.find.unknown_place(work)
            case _:
                self._apply(work, effect)

    async def _consent(self, work: Work, key: str) -> None:
        if key == "consent.more":
            await self.report.step(work, f"{REPORT}more")
        else:
            await self.report.consent(work, key)

    async def _consented(self, work: Work, modality: str, key: str) -> None:
        """A yes in words counts for the consent that was asked last, and for nothing else."""
        asked = work.conversation.prompts[0] if work.conversation.prompts else None
        if asked is None or not asked.key.startswith((CONSENT, "failopen.")):
            await self.report.consent(work, key)
            return
        await self.open_case(work, modality, asked.key)

    async def _patient_turn(self, work: Work, message: str, kind: str, hints: Hints) -> AssistantTurn:
        """Ask, and ask again within seconds: a restarted assistant is back quickly."""
        pauses = iter(RETRY_AFTER_S)
        said = tuple(code for code in self.report.held(work).said if not code.startswith(OURS_ALONE))
        while True:
            try:
                return await self.assistant.turn(
                    str(work.received.id),
                    message,
                    kind=kind,
                    locale=work.locale,
                    state=self._carried(work, kind),
                    hints=replace(hints, report=said),
                )
            except AssistantDown as error:
                # Who waited as long as that gets the card now; and danger of others waits for this place.
                pause = None if error.code == "timeout" else next(pauses, None)
                if pause is None:
                    raise
                await self.sleep(pause)

    def _carried(self, work: Work, kind: str) -> dict[str, object]:
        """The dialogue as it was left, unless that is too long ago to go on with.

        Words answer what was asked last. Where that was one of our own questions (a card, a notice), a dialogue that
        waits for the answer to an earlier one must not take them for it: an "ok" to a photo's notice is no consent.
        """
        state = work.turn.changes.get("state", work.conversation.state)
        if (
            not state
            or "carried" not in state
            or work.now - datetime.fromisoformat(state["at"]) > self.patience.session
        ):
            return {}
        if kind == "text" and state.get("asked") != work.conversation.prompt_count:
            return {}
        return dict(state["carried"])

    def _apply(self, work: Work, effect: Effect) -> None:
        match effect:
            case Say(key, args, guesses, texts) if key in self.voice.prompts:
                work.say(key, args, guesses=guesses, texts=texts)
            case SetLocale(locale) if locale in self.voice.deployment.locales:
                work.choose_locale(locale)
            case Stop():
                commands.stop(work)
            case _:
                raise BadAnswer


def _not_understood(effect: Effect) -> bool:
    return isinstance(effect, Say) and effect.key.startswith(NOT_UNDERSTOOD)
