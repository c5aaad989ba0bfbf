"""Looking for help: need, place and for whom, at most three verified services, and what became of them.

Works without the assistant. What is asked for is kept as codes beside the dialogue (`state["find"]`): need, place,
whom, the services shown, those tried before, and the organisations that somebody found unsafe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from handoff.core.content import FIND, SHOW, PromptOption
from handoff.core.directory import (
    NEEDS,
    Directory,
    Found,
    NoDirectory,
    Policy,
    Query,
    Service,
    ServiceReport,
    choose,
    rings,
)
from handoff.core.effects import Effect, Say
from handoff.core.hours import comma_of
from handoff.core.needs import NeedWords
from handoff.core.normalise import tokens
from handoff.core.places import PLACE_OPTION, Gazetteer
from handoff.services.turn import Work

NEED, PLACE, WHOM, PAGE = f"{FIND}need.", f"{FIND}place.", f"{FIND}for.", f"{FIND}places."
ANY = "any"
ASKS_NEED, ASKS_PLACE = "find.need", "find.place"
PLACE_UNKNOWN = "find.place.unknown"
ANY_PLACE = PromptOption(id="find.any_place", do=f"{PLACE}{ANY}")
# Answers are 1 to 5; beside the places there is "any place", and where there are more, "more".
PLACES_A_PAGE = 3
MAX_SEGMENTS = 2
# A longer message says more than an answer does: it is for the assistant to understand.
LONGEST_ANSWER = 6
KEPT_FOR = timedelta(hours=24)
NOT_UNDERSTOOD = "fallback."
SMS_NAME = 40


@dataclass(slots=True)
class FindHelp:
    """The steps of looking for help. `desk` names the organisation whose caseworkers answer here."""

    directory: Directory = field(default_factory=NoDirectory)
    policy: Policy = field(default_factory=lambda: Policy(ZoneInfo("UTC")))
    words: NeedWords = field(default_factory=NeedWords.load)
    desk: str = ""

    async def start(self, work: Work, text: str = "") -> str:
        """Begin anew, with the need and the place that these words name; only what is missing is asked."""
        places = (await self.directory.gazetteer()).find(text) if text else ()
        needs = self.words.find(text) if text else ()
        find = {name: value for name, value in held(work).items() if name == "coi"}
        if len(places) == 1:
            find["place"] = places[0]
        if len(needs) == 1:
            find["need"] = needs[0]
        keep(work, find)
        if len(needs) > 1:
            return _ask_which(work, needs)
        return await self._next(work, find, ambiguous=places)

    async def step(self, work: Work, deed: str) -> str:
        """One of our deeds that begins with "find"; what is unknown begins anew."""
        find = held(work)
        if deed.startswith(PAGE):
            return await self._ask_place(work, page=deed.removeprefix(PAGE))
        if deed.startswith(NEED) and deed.removeprefix(NEED) in NEEDS:
            find = {name: value for name, value in find.items() if name in ("place", "coi")}
            find["need"] = deed.removeprefix(NEED)
        elif deed.startswith(PLACE):
            find = {name: value for name, value in find.items() if name != "tried"}
            find["place"] = deed.removeprefix(PLACE)
        elif deed.startswith(WHOM):
            find["whom"] = deed.removeprefix(WHOM)
        elif deed == f"{FIND}again":
            find.pop("place", None)
        elif deed in (f"{FIND}helped", f"{FIND}dead", f"{FIND}unsafe"):
            return await self._told(work, find, deed)
        else:
            return await self.start(work)
        keep(work, find)
        return await self._next(work, find)

    async def understand(self, work: Work) -> str | None:
        """A typed answer to one of our own questions, before the assistant sees it; None when it is none."""
        asked, text = asks(work), work.received.text
        if not asked or len(tokens(text)) > LONGEST_ANSWER:
            return None
        if asked == ASKS_NEED:
            needs = self.words.find(text)
            return await self.step(work, NEED + needs[0]) if len(needs) == 1 else None
        gazetteer = await self.directory.gazetteer()
        codes = gazetteer.find(text) or gazetteer.find(text, guess=True)
        if len(codes) == 1:
            return await self.step(work, PLACE + codes[0])
        return await self._ask_place(work, codes) if codes else None

    async def unknown_place(self, work: Work) -> str:
        """What was written to "where are you?" is no place that we know, and nothing else either."""
        return await self._ask_place(work, key=PLACE_UNKNOWN)

    async def _next(self, work: Work, find: dict[str, Any], ambiguous: Sequence[str] = ()) -> str:
        gazetteer = await self.directory.gazetteer()
        if "need" not in find:
            work.say(ASKS_NEED)
            return "find_need"
        if gazetteer and find.get("place") not in {ANY, *gazetteer.places}:
            return await self._ask_place(work, ambiguous)
        place = "" if find.get("place") in (None, ANY) else find["place"]
        query = Query(find["need"], place, find.get("whom", ANY), work.locale)
        found = await self._search(query, gazetteer, work.now, set(find.get("tried", ())), asking="whom" not in find)
        if found.asks_whom and "whom" not in find:
            work.say("find.for")
            return "find_for"
        return self._answer(work, find, found)

    async def _search(
        self, query: Query, gazetteer: Gazetteer, now: datetime, tried: set[str], *, asking: bool
    ) -> Found:
        """The first ring with something to tell; with a question that it raises, if that is still to be asked."""
        areas: tuple[frozenset[str] | None, ...] = rings(gazetteer, query.place) if query.place else (None,)
        nearest = gazetteer.within(query.place) if query.place else frozenset[str]()
        for number, ring in enumerate(areas):
            candidates = await self.directory.candidates(query.need, ring, nearest=nearest)
            new = [one for one in candidates if one.id not in tried]
            found = choose(new, query, gazetteer, self.policy, now)
            if found.services or (asking and found.asks_whom):
                return Found(found.services, near=number > 0, asks_whom=found.asks_whom)
        return Found()

    def _answer(self, work: Work, find: dict[str, Any], found: Found) -> str:
        if not found.services:
            keep(work, find | {"shown": []})
            work.say("find.none")
            return "find_none"
        if found.near:
            work.say("find.near")
        for service in found.services:
            self._tell(work, service)
        keep(work, find | {"shown": [service.id for service in found.services]})
        work.say("find.after")
        return "found"

    def _tell(self, work: Work, service: Service) -> None:
        """One service; on SMS the least needed goes first, until two segments hold the rest. Never its numbers."""
        forms = [self._said(work, service, level) for level in range(5)]
        for args in forms:
            if work.cost("find.result", args) <= MAX_SEGMENTS:
                break
        work.say("find.result", args)

    def _said(self, work: Work, service: Service, level: int) -> dict[str, str]:
        """The arguments of an answer; each level leaves out more."""

        def say(key: str, **args: str) -> str:
            return work.voice.texts.text(key, work.locale, **args)

        comma = comma_of(work.locale)
        open_now = service.open_at(work.now, self.policy.timezone)
        hours = say("find.always_open") if service.hours_24_7 else ""
        if not hours and level < 3:
            hours = service.hours(work.locale, work.now, self.policy.timezone)
        state = (
            "" if service.hours_24_7 or open_now is None else say("find.open_now" if open_now else "find.closed_now")
        )
        checked = say("find.checked", date=_day(service.assured_date, work.locale)) if level < 1 else ""
        costs = comma.join(filter(None, (say("find.free") if service.free and level < 3 else "", checked)))
        by_phone = say("find.by_phone") if service.redacted and level < 4 else ""
        name = service.name
        if level < 2 and service.organization.casefold() not in name.casefold():
            name = f"{name} ({service.organization})"
        return {
            "service": name if level < 4 else name[:SMS_NAME].rstrip(),
            "phones": comma.join(service.phones) or say("find.no_phone"),
            "hours": comma.join(filter(None, (hours, state))),
            "notes": "\n".join(filter(None, (by_phone, costs))),
        }

    async def _ask_place(self, work: Work, among: Sequence[str] = (), *, page: str = "1", key: str = ASKS_PLACE) -> str:
        """Where? With the places to choose from, a page at a time; `among` are those that a name may mean."""
        gazetteer = await self.directory.gazetteer()
        codes = [code for code in among if code in gazetteer.places] or [place.code for place in gazetteer.choices()]
        options = [PromptOption(PLACE_OPTION + code, do=PLACE + code) for code in codes]
        work.say(key, choices=pages(options, page, ANY_PLACE, PAGE))
        return "find_place"

    async def _told(self, work: Work, find: dict[str, Any], deed: str) -> str:
        """What became of the services that were shown. With several shown, what is said counts for each of them."""
        shown = tuple(find.get("shown", ()))
        if deed == f"{FIND}helped":
            work.say("find.helped")
            return "find_helped"
        if deed == f"{FIND}unsafe":
            return await self._unsafe(work, find, shown)
        if shown:
            work.turn.reports.append(ServiceReport("dead", shown, find.get("place", "")))
        work.say("find.dead")
        find["tried"] = [*find.get("tried", ()), *shown]
        keep(work, find)
        return await self._next(work, find) if find.get("need") else "find_dead"

    async def _unsafe(self, work: Work, find: dict[str, Any], shown: tuple[str, ...]) -> str:
        """Offer somebody who does not work there; where nobody is known to be apart from it, offer nobody."""
        services = await self.directory.services(shown) if shown else ()
        if not services or any(service.desk == self.desk for service in services if service.desk):
            work.say("find.unsafe.alone")
            return "find_unsafe"
        find["coi"] = sorted({*find.get("coi", ()), *(service.organization_id for service in services)})
        keep(work, find)
        work.say("find.unsafe")
        return "find_unsafe"


def held(work: Work) -> dict[str, Any]:
    """What is known of a search so far; {} when it is too long ago."""
    state = work.turn.changes.get("state", work.conversation.state)
    if not state or work.now - datetime.fromisoformat(state["at"]) > KEPT_FOR:
        return {}
    return dict(state.get("find", {}))


def keep(work: Work, find: dict[str, Any]) -> None:
    """Keep it beside the dialogue, which stays as it is."""
    changed = work.turn.changes.get("state")
    if changed:
        changed["find"] = find
        return
    state = work.conversation.state if changed is None else {}
    work.change(state={"carried": {}, **state, "at": work.now.isoformat(), "find": find})


def asks(work: Work) -> str:
    """Which of our own questions the person was asked last: find.need, find.place, or ""."""
    newest = work.conversation.prompts[:1]
    if not newest or not newest[0].asked_by(work.received.received_at):
        return ""
    return next((key for key in (ASKS_NEED, ASKS_PLACE) if newest[0].key.startswith(key)), "")


def _ask_which(work: Work, needs: Sequence[str]) -> str:
    """Several needs at once: one after the other, and they say which first."""
    named = [PromptOption(f"need.{need}", do=NEED + need) for need in needs[:4]]
    work.say(ASKS_NEED, choices=(*named, PromptOption("more", do=f"{SHOW}{ASKS_NEED}")))
    return "find_need"


def pages(options: Sequence[PromptOption], page: str, otherwise: PromptOption, more: str) -> tuple[PromptOption, ...]:
    """One page of many options, with `otherwise` on each; `more` is the deed that shows another page."""
    if len(options) <= PLACES_A_PAGE + 1:
        return (*options, otherwise)
    count = -(-len(options) // PLACES_A_PAGE)
    number = int(page) if page.isdecimal() and 1 <= int(page) <= count else 1
    own = options[(number - 1) * PLACES_A_PAGE : number * PLACES_A_PAGE]
    return (*own, otherwise, PromptOption("more", do=f"{more}{number % count + 1}"))


def _day(day: date, locale: str) -> str:
    return format_date(day, "d MMM", locale=Locale.parse(locale))


def not_understood(effect: Effect) -> bool:
    """Whether the assistant has not understood what was written."""
    return isinstance(effect, Say) and effect.key.startswith(NOT_UNDERSTOOD)
