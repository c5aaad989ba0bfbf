"""Decides one turn: danger and control words first, then whoever speaks now (DESIGN §5.2–5.5). Writes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handoff.core.content import LANGUAGE_OPTION, Weight
from handoff.core.control import Certainty, ControlWords
from handoff.core.conversation import Conversation, Owner, Received, Turn
from handoff.core.effects import BadEffect, Effect, Find, OpenCase, Say, SetLocale, Stop
from handoff.core.flood import Flood
from handoff.core.language import Detector
from handoff.core.message import Kind
from handoff.core.ports import Assistant, AssistantDown, AssistantFailed, AssistantTurn, Hints
from handoff.core.prompts import AskAgain, Chosen, FreeText, Gone, Prompt, Resolution, UnknownOption, resolve
from handoff.core.suggest import Suggester
from handoff.i18n import day_and_time
from handoff.services import commands, erase, find_help, language, presence, topic
from handoff.services.find_help import FindHelp
from handoff.services.say import Voice
from handoff.services.turn import Work, written_at

CONTROL_OF_KIND = {Kind.OPT_OUT: "stop", Kind.OPT_IN: "start", Kind.CARRIER_HELP: "help"}
MEDIA = {
    Kind.VOICE: "media.voice",
    Kind.PHOTO: "media.photo",
    Kind.LOCATION: "media.location",
    Kind.CONTACT: "media.contact",
    Kind.EDIT: "media.edited",
    Kind.UNKNOWN: "media.unknown",
}
URGENT = frozenset({"danger", "self_harm", "maybe_danger", "maybe_self_harm", "help"})
# Done also for who is over the limit: two robots that send each other "stop" get one line, a person gets what they ask.
QUIETLY_OBEYED = frozenset({"stop", "leave"})
# All other words reach the humans of a case too, whatever else they do: "9" may say how many they are.
UNSAID = frozenset({"stop", "leave"})
WRITTEN = frozenset({Kind.TEXT, Kind.TAP, Kind.OPT_IN, Kind.OPT_OUT, Kind.CARRIER_HELP})
OFF_NOTICE_EVERY = timedelta(hours=24)
RETRY_AFTER_S = (0.3, 1.0)
NO_HINTS = Hints()
FIND_DEED = "find"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things stay alive: waiting acknowledgements, a dialogue."""

    waiting_ack: timedelta = timedelta(minutes=60)
    session: timedelta = timedelta(hours=24)


@dataclass(slots=True)
class Respond:
    """One instance a worker. `turn` may be called for many conversations at once."""

    voice: Voice
    control: ControlWords
    assistant: Assistant
    detector: Detector
    suggester: Suggester
    flood: Flood
    patience: Patience = Patience()
    presence: presence.Presence = field(default_factory=presence.Presence)
    find: FindHelp = field(default_factory=FindHelp)
    ids: commands.Ids = field(default_factory=commands.Ids)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    async def turn(self, conversation: Conversation, received: Received, now: datetime) -> Turn:
        """What to answer and what to change. Raises nothing that a person's message can cause."""
        work = Work(self.voice, conversation, received, now)
        language.begin(work, self.detector)
        first_over, over = self.flood.count(work.conversation, now, work.turn.changes)
        self.presence.begin(work)
        meaning = self._meaning(work)
        met = await self._meet(work, meaning, over=over)
        if met:
            return work.end(met)
        if meaning in URGENT or (meaning and not over and not self._must_only_relay(work, meaning)):
            return work.end(await self._command(work, meaning))
        if over and meaning in QUIETLY_OBEYED:
            return work.end(self._obey_quietly(work, meaning))
        danger = self._about_danger(work)
        if danger:
            return work.end(await self._answer_about_danger(work, danger))
        erasing = erase.answered(work, self._resolve(work), self.voice.limits[conversation.channel].answer_after)
        if erasing:
            return work.end(erasing)
        if conversation.contact.stopped and meaning != "start":
            return work.end(self._while_stopped(work))
        if work.case_id:
            return work.end(self._with_people(work, quiet=over))
        if over:
            return work.end(self._flooded(work, first=first_over))
        if self._stale(work):
            work.say("stale.message", {"date": self._when(work)})
            return work.end("stale")
        commands.reopen(work)
        return work.end(await self._with_assistant(work))

    async def _meet(self, work: Work, meaning: str, *, over: bool) -> str | None:
        """Who is writing: settled before anything reaches a case (SAFETY §1). None: go on."""
        returned = self.presence.recognise(work, meaning)
        if returned:
            return returned
        found: Resolution = FreeText() if meaning else self._resolve(work)
        chosen = await presence.choose(work, found, self._with_assistant)
        return chosen or self.presence.settle(work, meaning, found, over=over)

    def failed_turn(self, conversation: Conversation, received: Received, now: datetime, code: str) -> Turn:
        """For a message that we could not work: the pre-rendered card, and a dead letter for the operator."""
        work = Work(self.voice, conversation, received, now)
        # Where even the card cannot be made, the message must still end as a dead letter: others wait behind it.
        with contextlib.suppress(Exception):
            work.say("failopen.card")
        work.turn.dead_code = code
        return work.end("dead")

    def _meaning(self, work: Work) -> str:
        """The control or danger word in the message, "" if there is none. Taps carry our own tokens, not words."""
        received = work.received
        by_kind = CONTROL_OF_KIND.get(received.kind)
        if received.kind is Kind.TAP:
            return ""
        match = self.control.match(received.text, work.locale, work.conversation.network) if received.text else None
        if match and match.meaning in URGENT:
            return match.meaning if match.certainty is Certainty.SURE else f"maybe_{match.meaning}"
        if match and received.kind is Kind.TEXT:
            return str(match.meaning)
        return by_kind or ""

    def _must_only_relay(self, work: Work, meaning: str) -> bool:
        """While a person answers, "back" and "help" are part of the talk with them."""
        return bool(work.case_id) and meaning in {"back"}

    async def _command(self, work: Work, meaning: str) -> str:
        if meaning not in UNSAID:
            commands.relay_in_case(work)
        if meaning == "person":
            return await self._person(work)
        outcome = commands.CONTROLS[meaning](work)
        if meaning in URGENT:
            await topic.keep(work, self.assistant)
        return outcome

    def _obey_quietly(self, work: Work, meaning: str) -> str:
        outcome = commands.CONTROLS[meaning](work)
        if meaning != "stop" or work.conversation.contact.stopped:
            work.turn.drafts.clear()
        return outcome

    def _about_danger(self, work: Work) -> Chosen | AskAgain | Gone | None:
        """An answer to a card: it counts in every state, also while messages are off and over the limit (SAFETY §3)."""
        found = self._resolve(work)
        if isinstance(found, Gone):
            return found if found.danger else None
        return found if isinstance(found, Chosen | AskAgain) and found.prompt.weight is Weight.DANGER else None

    async def _answer_about_danger(self, work: Work, answer: Chosen | AskAgain | Gone) -> str:
        if isinstance(answer, Gone):
            return await self._command(work, "danger")
        if isinstance(answer, AskAgain):
            commands.relay_in_case(work)
            return self._ask_again(work, answer.prompt)
        if work.case_id:
            return self._choose_with_people(work, answer)
        commands.reopen(work)
        return await self._choose(work, answer)

    def _ask_again(self, work: Work, prompt: Prompt) -> str:
        work.say("stale.answer")
        work.ask_again(prompt)
        return "asked_again"

    async def _person(self, work: Work) -> str:
        """ "I want a person": the assistant asks for consent; if it is down, the card does."""
        if work.case_id:
            return commands.menu(work)
        commands.reopen(work)
        try:
            await self._ask_assistant(work, "/talk_to_human", "payload")
        except AssistantFailed:
            work.turn.drafts.clear()
            return commands.ask_consent(work)
        return "answered"

    def _while_stopped(self, work: Work) -> str:
        """Messages are off: one neutral line a day that says how to turn them on; a case still hears the person."""
        if work.case_id:
            commands.relay(work)
        last = work.conversation.off_notice_at
        if last is None or work.now - last > OFF_NOTICE_EVERY:
            work.turn.off_notice = True
            work.say("control.off")
        return "off"

    def _when(self, work: Work) -> str:
        """When the person sent it, as their language writes it."""
        sent_at = work.received.sent_at or work.now
        return day_and_time(sent_at, work.locale, self.voice.deployment.hours.timezone)

    def _flooded(self, work: Work, *, first: bool) -> str:
        if first:
            work.say("flood.slow")
        return "quiet"

    def _stale(self, work: Work) -> bool:
        sent_at = work.received.sent_at
        limit = self.voice.limits[work.conversation.channel].stale_after
        return sent_at is not None and work.now - sent_at > limit

    def _with_people(self, work: Work, *, quiet: bool) -> str:
        """A caseworker has the word, or the person waits for one: pass it on; answers to our own prompts are ours."""
        resolution = self._resolve(work)
        if isinstance(resolution, Chosen):
            return self._choose_with_people(work, resolution)
        if work.received.kind is Kind.TAP:
            commands.with_person(work)
            return "with_person"
        commands.relay(work)
        if work.received.kind not in WRITTEN and not quiet:
            work.say(MEDIA[work.received.kind])
        elif work.conversation.owner is Owner.WAITING and not quiet:
            self._acknowledge_waiting(work)
        return "relayed"

    def _choose_with_people(self, work: Work, chosen: Chosen) -> str:
        commands.relay(work)
        if chosen.option.id.startswith(LANGUAGE_OPTION):
            return self._choose_language(work, chosen)
        return commands.do(work, chosen.option.do)

    def _choose_language(self, work: Work, chosen: Chosen) -> str:
        choice = chosen.option.id.removeprefix(LANGUAGE_OPTION)
        if chosen.prompt.key.startswith(language.SUGGEST):
            return language.answered(work, choice)
        return commands.set_language(work, choice)

    def _acknowledge_waiting(self, work: Work) -> None:
        """The first words after the case was opened, then at most once an hour: neither silence nor noise."""
        last = work.conversation.waiting_ack_at
        if last is None or work.now - last >= self.patience.waiting_ack:
            work.change(waiting_ack_at=work.now)
            work.say("handoff.waiting_ack")

    def _resolve(self, work: Work) -> Resolution:
        received = work.received
        return resolve(
            text=received.text if received.kind is Kind.TEXT else "",
            token=received.payload if received.kind is Kind.TAP else "",
            prompts=work.conversation.prompts,
            received_at=written_at(received),
            now=work.now,
            answer_after=self.voice.limits[work.conversation.channel].answer_after,
            words=self.voice.prompts.words,
            labels=self.voice.labels,
        )

    async def _with_assistant(self, work: Work) -> str:
        if work.received.kind not in WRITTEN:
            work.say(MEDIA[work.received.kind])
            return "media"
        match self._resolve(work):
            case Chosen() as chosen:
                return await self._choose(work, chosen)
            case AskAgain(prompt):
                return self._ask_again(work, prompt)
            case UnknownOption(prompt):
                work.say("prompt.unknown_option")
                work.ask_again(prompt)
                return "asked_again"
            case Gone():
                work.say("stale.answer")
                work.say("menu.main")
                return "asked_again"
            case FreeText(stale_consent):
                outcome = await self._free_text(work, fresh=stale_consent)
                language.suggest(work, self.detector, self.patience.session)
                return outcome
        raise AssertionError("unreachable")

    async def _free_text(self, work: Work, *, fresh: bool) -> str:
        """Words for the assistant to understand. `fresh` drops a dialogue that waits for a consent too old to count."""
        if fresh:
            work.change(state={})
        if not work.received.text.strip():
            work.say("media.unknown")
            return "media"
        found = await self.find.understand(work)
        if found:
            return found
        hints = self.suggester.hints(work.received.text, work.locale)
        return await self._ask_or_fail_open(work, work.received.text, "text", hints)

    async def _choose(self, work: Work, chosen: Chosen) -> str:
        option, prompt = chosen.option, chosen.prompt
        if option.id.startswith(LANGUAGE_OPTION):
            return self._choose_language(work, chosen)
        if option.do == "person":
            return await self._person(work)
        if option.do.startswith("open_case."):
            modality = option.do.removeprefix("open_case.")
            return commands.open_case(work, modality=modality, consent_key=prompt.key, ids=self.ids)
        if option.do.startswith(FIND_DEED):
            return await self.find.step(work, option.do)
        about_else = topic.held(work) if option.do == "not_danger" else ""
        if about_else:
            work.say("danger.withdrawn")
            return await self._ask_or_fail_open(work, about_else, "payload")
        if option.do:
            return commands.do(work, option.do)
        about = next(iter(prompt.texts.get("question", ())), "")
        return await self._ask_or_fail_open(work, option.payload, "payload", Hints(about=about))

    async def _ask_or_fail_open(self, work: Work, message: str, kind: str, hints: Hints = NO_HINTS) -> str:
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
        state: dict[str, object] = {"at": work.now.isoformat(), "carried": dict(answer.state)}
        sought = find_help.held(work)
        if sought:
            state["find"] = sought
        work.change(state=state)
        for effect in answer.effects:
            if isinstance(effect, Find):
                await self.find.start(work, message if kind == "text" else "")
            elif kind == "text" and find_help.not_understood(effect) and find_help.asks(work) == find_help.ASKS_PLACE:
                await self.find.unknown_place(work)
            else:
                self._apply(work, effect)
        state["asked"] = work.prompt_count

    async def _patient_turn(self, work: Work, message: str, kind: str, hints: Hints) -> AssistantTurn:
        """Ask, and ask again within seconds: a restarted assistant is back quickly."""
        pauses = iter(RETRY_AFTER_S)
        while True:
            try:
                return await self.assistant.turn(
                    str(work.received.id),
                    message,
                    kind=kind,
                    locale=work.locale,
                    state=self._carried(work, kind),
                    hints=hints,
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
        if not state or work.now - datetime.fromisoformat(state["at"]) > self.patience.session:
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
            case OpenCase(modality, consent_key):
                commands.open_case(work, modality=modality, consent_key=consent_key, ids=self.ids)
            case Stop():
                commands.stop(work)
            case _:
                raise BadAnswer


class BadAnswer(AssistantFailed, BadEffect):
    """The assistant named a text or a language that does not exist here."""

    def __init__(self) -> None:
        super().__init__("unknown_effect")
