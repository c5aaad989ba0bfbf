"""Decides one turn: danger and control words first, then whoever speaks now (DESIGN §5.2–5.5). Writes nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handoff.core.content import LANGUAGE_OPTION, REPORT, Weight
from handoff.core.control import Certainty, ControlWords
from handoff.core.conversation import Conversation, Owner, Received, Turn
from handoff.core.flood import Flood
from handoff.core.language import Detector
from handoff.core.message import Kind
from handoff.core.ports import Hints
from handoff.core.prompts import AskAgain, Chosen, FreeText, Gone, Prompt, Resolution, UnknownOption, resolve
from handoff.core.suggest import Suggester
from handoff.i18n import day_and_time
from handoff.services import commands, erase, knowing, language, presence, topic
from handoff.services.dialogue import Dialogue
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
FIND_DEED = "find"


@dataclass(slots=True, kw_only=True)
class Respond(Dialogue):
    """One instance a worker. `turn` may be called for many conversations at once."""

    control: ControlWords
    detector: Detector
    suggester: Suggester
    flood: Flood
    presence: presence.Presence = field(default_factory=presence.Presence)

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
        if meaning in URGENT:
            # Danger first, whoever speaks (SAFETY §2): a code or a word beside it never takes the place of the card.
            return self.presence.settle(work, meaning, FreeText(), over=over)
        if returned:
            return returned
        found: Resolution = FreeText() if meaning else self._resolve(work)
        met = await knowing.met(work, meaning, found, self.control, self.presence.codes)
        met = met or await presence.choose(work, found, self._with_assistant)
        return met or self.presence.settle(work, meaning, found, over=over)

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
            return await self.person(work)
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
        if prompt.weight is Weight.GATE and self.report.held(work).safe(work.now):
            # Answered a moment ago: what it led to is what waits.
            prompt = work.conversation.prompts[0]
        work.ask_again(prompt)
        return "asked_again"

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
            work.clear()
        if not work.received.text.strip():
            work.say("media.unknown")
            return "media"
        found = await self.find.understand(work)
        if found:
            return found
        placed = await self.report.place_of(work)
        if placed:
            return await self.tell(work, placed)
        hints = self.suggester.hints(work.received.text, work.locale)
        return await self.ask_or_fail_open(work, work.received.text, "text", hints)

    async def _choose(self, work: Work, chosen: Chosen) -> str:
        option, prompt = chosen.option, chosen.prompt
        if option.id.startswith(LANGUAGE_OPTION):
            return self._choose_language(work, chosen)
        if option.do == "person":
            return await self.person(work)
        if option.do.startswith("open_case."):
            return await self.open_case(work, option.do.removeprefix("open_case."), prompt.key)
        if option.do.startswith(REPORT):
            return await self.tell(work, option.do)
        if option.do.startswith(FIND_DEED):
            return await self.find.step(work, option.do)
        about_else = topic.held(work) if option.do == "not_danger" else ""
        if about_else:
            work.say("danger.withdrawn")
            return await self.ask_or_fail_open(work, about_else, "payload")
        if option.do:
            return commands.do(work, option.do)
        about = next(iter(prompt.texts.get("question", ())), "")
        return await self.ask_or_fail_open(work, option.payload, "payload", Hints(about=about))
