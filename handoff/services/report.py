"""Telling what happens to oneself or to others, safely: the gate, what the assistant cannot know, and the consent.

The closed questions are the assistant's (core/questions.py says which comes next); here is what needs the directory,
the desks and the clock: is it safe to write, which organisation, where, and who would really read it (SAFETY §6, §7).
Only codes are kept (`services/draft.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from handoff.core.content import REPORT, PromptOption
from handoff.core.directory import Directory, NoDirectory
from handoff.core.normalise import tokens
from handoff.core.pathways import Pathways
from handoff.core.place_names import ORGANIZATION_OPTION
from handoff.core.places import PLACE_OPTION
from handoff.core.questions import PSEA_SEEN, SKIP, SUGGESTED, add, answered, urgent
from handoff.core.sop import Sop
from handoff.core.triage import Routed, route
from handoff.services.draft import Draft, drop, held, keep
from handoff.services.find_help import LONGEST_ANSWER, pages
from handoff.services.turn import Work

# What a step leads to: the next question, or a person at once.
NEXT, PERSON = "next", "person"
PLACES, ORGANIZATIONS = f"{REPORT}places.", f"{REPORT}orgs."
ASKS_PLACE, ASKS_ORGANIZATION = "report.place", "report.org"
# Every text that asks for the contact consent, but the cards and the one for when the assistant is down.
CONSENT = "consent."
WITH_REPORT = frozenset({"consent.report", "consent.assent", "consent.more.report"})
# Words that volunteer details, or that are not understood, while one of our questions waits; and those that answer no
# such question.
DETAILS = frozenset({*SUGGESTED, "nlu_fallback", "out_of_scope"})
NO_ANSWER = frozenset({"affirm", "deny", "unsure"})
ASKED = ("gate.", "report.")


@dataclass(slots=True)
class TellSafely:
    """The steps of a report. `operator` is the slug of the organisation that runs this deployment."""

    directory: Directory = field(default_factory=NoDirectory)
    sop: Sop = field(default_factory=Sop.load)
    pathways: Pathways = field(default_factory=Pathways.load)
    operator: str = ""
    lives: timedelta = timedelta(days=30)

    def held(self, work: Work) -> Draft:
        """What was told so far."""
        return held(work, self.lives)

    def suggest(self, work: Work, said: Sequence[str]) -> None:
        """What the words of a message suggest: kept, and named to the person before they choose to tell."""
        draft = self.held(work)
        for code in said:
            draft.said = add(draft.said, code)
        keep(work, draft)

    def ask_gate(self, work: Work, after: str) -> str:
        """Is it safe to write? Before anything is told, and again half an hour later."""
        draft = self.held(work)
        draft.after = after
        keep(work, draft)
        work.say("gate.ask")
        return "gate"

    def must_ask_gate(self, work: Work) -> bool:
        """Whether that question comes first."""
        return not (work.voice.deployment.awareness_only or self.held(work).safe(work.now))

    async def step(self, work: Work, deed: str) -> str:
        """One of our deeds that begins with "report": NEXT, PERSON, or what was said instead."""
        if deed.startswith((PLACES, ORGANIZATIONS)):
            return await self._turn_page(work, deed)
        code = deed.removeprefix(REPORT)
        if code.startswith("gate."):
            return self._gate(work, code.removeprefix("gate."))
        if code in ("no", "more", "second", "change", "tell"):
            return await self._other(work, code)
        draft = self.held(work)
        keep(work, replace(draft, said=add(draft.said, code)))
        return NEXT

    def _gate(self, work: Work, answer: str) -> str:
        if answer == "later":
            work.say("not_safe.later")
            return "not_safe"
        draft = self.held(work)
        draft.gate_at, draft.shared = work.now, "yes" if answer == "shared" else "no"
        keep(work, draft)
        if answer == "shared":
            work.say("gate.shared")
        return draft.after or NEXT

    async def _other(self, work: Work, code: str) -> str:
        if code == "no":
            drop(work)
            work.say("consent.declined")
            return "declined"
        if code == "more":
            draft = self.held(work)
            work.say("consent.more.report" if draft.told else "consent.more", draft.args)
            return "consent_more"
        if code == "second":
            work.say("report.second")
            return "second_channel"
        if code == "change":
            draft = self.held(work)
            asked = ("topic.", "topics.", "when.", "recent.", "health.", "place.", "org.")
            keep(work, replace(draft, said=tuple(c for c in draft.said if not c.startswith(asked)), routed=None))
        return self.ask_gate(work, NEXT) if self.must_ask_gate(work) else NEXT

    async def rest(self, work: Work) -> str:
        """All closed questions are answered: whose organisation, where, and then the consent."""
        draft = self.held(work)
        report = draft.report
        if report.against_aid_worker:
            if PSEA_SEEN not in draft.said:
                work.say("report.psea", {"operator": work.voice.deployment.org})
                return "psea"
            if not answered(draft.said, "org") and await self._ask_organization(work):
                return "asked_organization"
        elif not answered(draft.said, "place") and not urgent(report) and await self._ask_place(work):
            return "asked_place"
        return await self.consent(work)

    async def consent(self, work: Work, key: str = "") -> str:
        """Ask whether somebody may contact them, naming who will really see it. `key`: where nothing was told.

        Nobody is asked before it is known that they can write safely.
        """
        if self.must_ask_gate(work):
            return self.ask_gate(work, PERSON if key else NEXT)
        draft = self.held(work)
        desks = await self.directory.desks() or {self.operator: work.voice.deployment.org}
        draft.routed = await self._route(draft, desks)
        if draft.routed.organisation is None:
            keep(work, draft)
            work.say("report.nobody")
            return "nobody"
        draft.args = self._args(work, draft, desks[draft.routed.organisation])
        keep(work, draft)
        if not draft.told:
            work.say(key or "consent.contact", draft.args)
        else:
            work.say("consent.assent" if draft.report.age_band == "minor" else "consent.report", draft.args)
        return "asked_consent"

    async def place_of(self, work: Work) -> str:
        """The step for a typed place, before the assistant sees it; "" when it is none. Only its region is kept."""
        newest, text = work.conversation.prompts[:1], work.received.text
        if not newest or newest[0].key != ASKS_PLACE or len(tokens(text)) > LONGEST_ANSWER:
            return ""
        gazetteer = await self.directory.gazetteer()
        codes = gazetteer.find(text) or gazetteer.find(text, guess=True)
        regions = {code for found in codes for code in gazetteer.chain(found) if gazetteer.places[code].level == 1}
        return f"{REPORT}place.{regions.pop()}" if len(regions) == 1 else ""

    def answer_details(self, work: Work, intent: str) -> bool:
        """Words to one of our questions: not quoted, not kept, answered kindly, and the question again."""
        newest = work.conversation.prompts[0] if work.conversation.prompts else None
        if newest is None or not newest.key.startswith((*ASKED, CONSENT)) or not self.held(work).after:
            return False
        if intent not in SUGGESTED and (newest.key.startswith(CONSENT) or intent not in DETAILS | NO_ANSWER):
            return False
        if intent in DETAILS:
            work.say("report.details")
        work.ask_again(newest)
        return True

    async def _route(self, draft: Draft, desks: Mapping[str, str]) -> Routed:
        report = draft.report
        known = {each.id: each.desk for each in await self.directory.organizations()} if report.organizations else {}
        implicated = {known[one] for one in report.organizations if known.get(one)}
        return route(
            report,
            self.sop,
            self.pathways,
            operator=self.operator,
            implicated=implicated,
            in_area=set(desks),
            known=set(desks),
        )

    def _args(self, work: Work, draft: Draft, organisation: str) -> dict[str, str]:
        deployment, texts = work.voice.deployment, work.voice.texts
        variant = "sms" if work.voice.limits[work.conversation.channel].style == "sms" else None
        args = {"org": organisation, "told": str(draft.told), "closed": "", "reporting": ""}
        if not deployment.hours.staffed(work.now):
            hours = deployment.hours.describe(work.locale)
            args["closed"] = texts.text("consent.closed", work.locale, variant, hours=hours)
        bodies = ", ".join(dict.fromkeys(duty.body for duty in self.sop.duties))
        if bodies:
            said = {"org": organisation, "body": bodies}
            args["reporting"] = texts.text("reporting.duty", work.locale, variant, **said)
        return args

    async def _ask_organization(self, work: Work, page: str = "1") -> bool:
        options = [
            PromptOption(f"{ORGANIZATION_OPTION}{one.id}", do=f"{REPORT}org.{one.id}")
            for one in await self.directory.organizations()
        ]
        return self._choose(work, ASKS_ORGANIZATION, options, page, ORGANIZATIONS, f"{REPORT}org.{SKIP}")

    async def _ask_place(self, work: Work, page: str = "1") -> bool:
        options = [
            PromptOption(f"{PLACE_OPTION}{place.code}", do=f"{REPORT}place.{place.code}")
            for place in (await self.directory.gazetteer()).choices()
        ]
        return self._choose(work, ASKS_PLACE, options, page, PLACES, f"{REPORT}place.{SKIP}")

    def _choose(
        self, work: Work, key: str, options: Sequence[PromptOption], page: str, more: str, otherwise: str
    ) -> bool:
        if options:
            work.say(key, choices=pages(options, page, PromptOption(SKIP, do=otherwise), more))
        return bool(options)

    async def _turn_page(self, work: Work, deed: str) -> str:
        if deed.startswith(PLACES):
            await self._ask_place(work, deed.removeprefix(PLACES))
        else:
            await self._ask_organization(work, deed.removeprefix(ORGANIZATIONS))
        return "more"
