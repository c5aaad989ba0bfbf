"""Which services of the directory fit a case: the needs of its concerns, at its place, for its caseworker to offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from handoff.core.case import CaseView
from handoff.core.directory import Directory, Policy, Query, Service, choose, rings
from handoff.core.pathways import Pathways

MAX_NEEDS = 4
MAX_EACH = 2


@dataclass(frozen=True, slots=True)
class Match:
    """A service for a need."""

    need: str
    service: Service


@dataclass(frozen=True, slots=True)
class Matcher:
    """Chooses as the assistant does, by the same rules: the nearest, and none linked to the police unasked."""

    directory: Directory
    pathways: Pathways
    policy: Policy

    async def place(self, case: CaseView, locale: str) -> str:
        """What the person's area is called, "" if it was not told."""
        code = case.report.place_code
        gazetteer = await self.directory.gazetteer()
        return gazetteer.label(code, locale) if code in gazetteer.places else code

    async def matches(self, case: CaseView, now: datetime) -> Sequence[Match]:
        """At most two services for each of the first needs, each once; none of an organisation that may not know."""
        found: dict[str, Match] = {}
        for need in self._needs(case):
            for service in await self._services(case, need, now):
                found.setdefault(service.id, Match(need, service))
        return list(found.values())

    def _needs(self, case: CaseView) -> Sequence[str]:
        needs = dict.fromkeys(need for concern in case.report.concerns for need in self.pathways.of(concern).needs)
        return list(needs)[:MAX_NEEDS]

    async def _services(self, case: CaseView, need: str, now: datetime) -> Sequence[Service]:
        gazetteer, query = await self.directory.gazetteer(), Query(need, case.report.place_code, locale=case.locale)
        for ring in rings(gazetteer, query.place) or (None,):
            services = [one for one in await self.directory.candidates(need, ring) if _may_know(one, case)]
            chosen = choose(services, query, gazetteer, self.policy, now).services
            if chosen:
                return chosen[:MAX_EACH]
        return ()


def _may_know(service: Service, case: CaseView) -> bool:
    """Nobody is led to those of whom they complain (SAFETY §7)."""
    return service.organization_id not in case.report.organizations and service.desk not in case.excluded
