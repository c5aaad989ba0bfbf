"""What we do ourselves, without the assistant: control words, danger, and the options that name one of our deeds.

These work in every state, also while a caseworker speaks and while the assistant is down (SAFETY §2–3).
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from handoff.core.case import ALPHABET
from handoff.core.content import PLAN_TIMES, SHOW
from handoff.core.conversation import NewCase, Owner, Relay
from handoff.core.message import Kind
from handoff.core.sop import Sop
from handoff.core.triage import Routed, triage
from handoff.services import erase
from handoff.services.draft import Draft, held
from handoff.services.turn import LONG_AGO, Work

DANGER_KEYS = ("danger.", "selfharm.", "media.location")
NUMBER_LENGTH = 6
# Questions that know by themselves what they are about: going back to one keeps what was answered before.
KEPT = ("offer.", "find.", "report.", "gate.")


def case_number() -> str:
    """Six characters to name a case by. Random: gaps in a sequence would tell what one may not see (SAFETY §7)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(NUMBER_LENGTH))


@dataclass(frozen=True, slots=True)
class Ids:
    """Where random ids come from; tests pass their own."""

    uuid: Callable[[], uuid.UUID] = uuid.uuid4
    number: Callable[[], str] = case_number


def danger(work: Work) -> str:
    """The P0 card at once. With an open case the desk is alarmed; without one the card itself asks for the consent."""
    return _card(work, "danger.card")


def self_harm(work: Work) -> str:
    """The same for words of self-harm, with a card of its own."""
    return _card(work, "selfharm.card")


def maybe_danger(work: Work) -> str:
    """Words that may mean danger: the card with "did I understand?", and the alarm only after a yes (SAFETY §2)."""
    relay_in_case(work)
    work.say("danger.maybe")
    return "maybe_danger"


def maybe_self_harm(work: Work) -> str:
    """Words that may mean self-harm: the same warm card, without an alarm until the person says yes."""
    relay_in_case(work)
    work.say("selfharm.card" if not work.case_id else "danger.maybe")
    return "maybe_self_harm"


def relay_in_case(work: Work) -> None:
    """What a person writes while humans listen reaches them, whatever else we make of it."""
    if work.case_id:
        relay(work)


def _card(work: Work, key: str) -> str:
    work.change(danger_at=work.now)
    if work.case_id:
        work.turn.case_flags.add("danger")
        relay(work)
        work.say("danger.card.in_case")
    else:
        # Whoever holds the phone: the desk of those who are reached here learns of it, the phone does not.
        work.turn.unproven_danger = tuple(each.case_id for each in work.conversation.known if each.open)
        work.say(key)
    return "danger"


def relay(work: Work) -> None:
    """Pass what the person wrote to the humans of their case. Only kinds, never media, are passed for the rest."""
    received = work.received
    if received.kind is not Kind.TAP:
        work.turn.relay = work.turn.relay or Relay(received.kind.value, received.text)
        work.turn.release_held = True


def ask_danger(work: Work) -> str:
    """The word HELP means: are you in danger? (SAFETY §3)."""
    work.say("danger.ask")
    return "asked_danger"


def not_danger(work: Work) -> str:
    """ "Not what I meant": always one digit away."""
    work.say("danger.withdrawn")
    if not work.case_id:
        work.say("menu.main")
    return "not_danger"


def stop(work: Work) -> str:
    """Nothing more until START. One neutral line, none where the carrier has already replied."""
    work.turn.stop = True
    if work.received.kind is Kind.OPT_OUT:
        work.turn.case_flags.add("carrier_blocked")
    work.forget()
    if not work.received.provider_replied:
        work.say("control.stopped")
    return "stopped"


def start(work: Work) -> str:
    """Messages are on again. Who had not turned them off is greeted: a chat with a bot begins with /start."""
    work.turn.stop = False
    if work.received.provider_replied:
        return "started"
    if work.conversation.contact.stopped:
        work.say("control.started")
    elif work.case_id:
        with_person(work)
    else:
        work.say("greet.hello")
    return "started"


def leave(work: Work) -> str:
    """A harmless line, the draft dropped, and nothing proactive until the person writes again."""
    work.forget()
    work.change(last_inbound_at=None, person_seen_at=LONG_AGO)
    work.say("control.left")
    return "left"


def with_person(work: Work) -> None:
    """Whom the person's words reach now: somebody who answers, or a queue. Never says "here" of nobody."""
    answered = work.conversation.owner is Owner.CASEWORKER
    work.say("control.with_person" if answered else "control.waiting")


def menu(work: Work) -> str:
    """The menu; while a person answers, a line that says so (the assistant must not converse)."""
    if work.case_id:
        with_person(work)
    else:
        work.forget(but_conflict=True)
        work.say("menu.main")
    return "menu"


def back(work: Work) -> str:
    """The question before this one, else the menu."""
    earlier = work.conversation.prompts[1:2]
    if work.case_id or not earlier:
        return menu(work)
    if not earlier[0].key.startswith(KEPT):
        work.clear()
    work.change(prompts=[prompt.to_json() for prompt in work.conversation.prompts[2:]])
    work.ask_again(earlier[0])
    return "back"


def go_on(work: Work) -> str:
    """Nothing changes; say where we are."""
    return menu(work)


def language(work: Work) -> str:
    """Each language in its own script."""
    work.say("language.choose")
    return "language"


def set_language(work: Work, locale: str) -> str:
    """The person's own choice is the truth."""
    work.choose_locale(locale)
    work.say("language.set")
    if not work.case_id:
        # Who could not be greeted in a language of theirs is greeted now: the line on shared phones stands there.
        work.say("menu.main" if work.conversation.locale else "greet.hello")
    return "language"


def data(work: Work) -> str:
    """What is held, taking a consent back, erasing. The same for everybody."""
    work.say("control.data")
    return "data"


def ask_take_back(work: Work) -> str:
    """Which of the four purposes."""
    work.say("take_back.ask")
    return "asked_take_back"


def take_back(work: Work, purpose: str) -> str:
    """Withdraw a consent: it reaches cases and referrals at once. Without the one to be contacted a case ends.

    Said alike where there is nothing to take back, and done by whoever holds the phone: it must be true for them.
    """
    work.turn.take_back.add(purpose)
    if purpose != "contact":
        work.say("control.taken_back.other")
        return "taken_back"
    work.say("control.taken_back")
    if work.case_id:
        work.back_to_assistant()
    return "taken_back"


def keep(work: Work) -> str:
    """What was to end is kept for as long again."""
    work.turn.keep = True
    work.say("keep.kept")
    return "kept"


def open_case(work: Work, *, modality: str, consent_key: str, ids: Ids, sop: Sop) -> str:
    """The person said yes: consent and case in one transaction, then an honest word about waiting.

    A card names the operator, and danger and language as what is seen: no answer of a report goes with it.
    """
    if work.voice.deployment.awareness_only:
        # Asked before the desk was switched off, or understood by the assistant alone.
        work.say("awareness.no_person")
        return "no_person"
    if work.case_id:
        with_person(work)
        return "already_waiting"
    urgent = consent_key.startswith(DANGER_KEYS)
    draft = Draft(shared=held(work).shared) if urgent else held(work)
    routed, report = draft.routed or Routed("", ""), draft.report
    found = triage(report, sop, said=_why(consent_key) if urgent else ())
    new = NewCase(
        case_id=ids.uuid(),
        consent_id=ids.uuid(),
        number=ids.number(),
        modality=modality,
        consent_key=consent_key,
        consent_version=work.voice.version(consent_key, work.locale),
        level=found.level,
        reasons=found.reasons,
        locale=work.locale,
        coi_orgs=tuple(dict.fromkeys((*work.implicated, *report.organizations))),
        report=report,
        organisation=routed.organisation or "",
        owner=routed.owner,
        joint=routed.joint,
        excluded=routed.excluded,
        sop_version=sop.version,
        due_at=work.now + sop.levels[found.level].answer_within,
        kind="assent" if consent_key == "consent.assent" else "consent",
    )
    work.turn.new_case = new
    if work.conversation.contact.stopped:
        # Said after the STOP, to a card that asks whether a person may write: without this nobody could.
        work.turn.stop = False
    work.case_id = new.case_id
    work.change(waiting_ack_at=None, state={})
    staffed = work.voice.deployment.hours.staffed(work.now)
    work.say("handoff.queued" if staffed else "handoff.queued.unstaffed", {"code": new.number})
    work.say("plan.ask")
    return "queued"


def _why(consent_key: str) -> tuple[str, ...]:
    return ("self_harm",) if consent_key.startswith("selfharm.") else ("danger",)


def set_plan(work: Work, plan: str) -> str:
    """When we may write without being written to (SAFETY §4)."""
    work.turn.plan = plan
    work.say("plan.self" if plan == "self" else "plan.any")
    work.say("word.ask")
    return "plan"


def ask_times(work: Work) -> str:
    """Which hours they choose."""
    work.say("plan.times")
    return "plan"


def set_times(work: Work, window: str) -> str:
    """Only in these hours (core/plan.py)."""
    work.turn.plan_hours = (window,)
    return set_plan(work, "hours")


def reopen(work: Work) -> None:
    """The first message after a case was closed belongs to the assistant again; who was not told so is told now."""
    if work.conversation.owner is Owner.CLOSED:
        work.back_to_assistant()
        if work.conversation.closing_untold:
            work.say("handoff.closed")


def show(work: Work, key: str) -> str:
    """A card or a menu, by its key. No assistant is needed to read; with a person, only languages are shown."""
    if work.case_id and not key.startswith("language."):
        return menu(work)
    work.say(key)
    return "shown"


def feedback(work: Work, answer: str) -> str:
    """Counted, nothing kept: what was good or bad is told to a person, if they want."""
    work.say("feedback.thanks" if answer == "good" else "feedback.sorry")
    return f"feedback_{answer}"


def do(work: Work, deed: str) -> str:
    """One of our deeds, by its name in content/prompts.yml; what is unknown shows the menu."""
    if deed.startswith(PLAN_TIMES):
        return set_times(work, deed.removeprefix(PLAN_TIMES))
    if deed.startswith(SHOW) and deed.removeprefix(SHOW) in work.voice.prompts:
        return show(work, deed.removeprefix(SHOW))
    return DEEDS.get(deed, menu)(work)


CONTROLS: dict[str, Callable[[Work], str]] = {
    "danger": danger,
    "self_harm": self_harm,
    "maybe_danger": maybe_danger,
    "maybe_self_harm": maybe_self_harm,
    "help": ask_danger,
    "stop": stop,
    "start": start,
    "leave": leave,
    "menu": menu,
    "back": back,
    "language": language,
    "data": data,
    "erase": erase.ask,
}
DEEDS: dict[str, Callable[[Work], str]] = {
    "danger": danger,
    "self_harm": self_harm,
    "not_danger": not_danger,
    "stop": stop,
    "start": start,
    "leave": leave,
    "menu": menu,
    "go_on": go_on,
    "take_back.ask": ask_take_back,
    "take_back.contact": lambda work: take_back(work, "contact"),
    "take_back.share": lambda work: take_back(work, "share"),
    "take_back.numbers": lambda work: take_back(work, "numbers"),
    "take_back.alerts": lambda work: take_back(work, "alerts"),
    "erase.ask": erase.ask,
    "keep.yes": keep,
    "language": language,
    "feedback.good": lambda work: feedback(work, "good"),
    "feedback.bad": lambda work: feedback(work, "bad"),
    "plan.self": lambda work: set_plan(work, "self"),
    "plan.hours": ask_times,
    "plan.any": lambda work: set_plan(work, "any"),
}
