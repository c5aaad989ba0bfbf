"""A desk with fictional staff, organisations and cases on a real database, for the tests of the desk."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.console.app import build_console
from handoff.core.channel import Limits
from handoff.core.hours import parse_hours
from handoff.core.prompt_table import load_prompts
from handoff.core.staff import Member, User
from handoff.i18n import Catalogue
from handoff.services.access import Desk
from handoff.services.say import Deployment, Voice
from handoff.services.sign_in import add_staff
from handoff.settings import Settings
from handoff.store.case_tables import Case, CaseMessage, Consent
from handoff.store.cases import Cases
from handoff.store.keys import add_key
from handoff.store.outbox import PostgresOutbox
from handoff.store.staff import StaffBook
from handoff.store.staff_tables import Membership
from handoff.store.tables import Address, Conversation, Outbound, Person
from handoff.store.vault import Key, Vault
from handoff.store.wake import listen

PASSWORD = "correct horse battery"
HOME, OTHER, PSEA = "demo-aid", "other-aid", "psea-network"
NAMES = {HOME: "Demo Aid (fictional)", OTHER: "Other Aid (fictional)", PSEA: "PSEA network (fictional)"}
ORIGIN = "http://desk.test"
SMS = Limits(
    style="sms",
    max_text=1530,
    max_buttons=0,
    max_button_label=0,
    max_rows=0,
    max_row_label=0,
    rate=1.0,
    pair_rate=1.0,
    stale_after=timedelta(hours=72),
    answer_after=timedelta(hours=12),
)
WHATSAPP = Limits(
    style="whatsapp",
    max_text=4096,
    max_buttons=3,
    max_button_label=20,
    max_rows=10,
    max_row_label=24,
    rate=10.0,
    pair_rate=1.0,
    stale_after=timedelta(hours=24),
    answer_after=timedelta(minutes=30),
    window=timedelta(hours=24),
)
LIMITS = {"sms-twilio": SMS, "whatsapp-cloud": WHATSAPP}


texts = cache(lambda: Catalogue(("en", "ar", "es")))
prompts = cache(load_prompts)


@dataclass
class Clock:
    """The desk's clock; tests turn it forward."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """The time now, plus what was turned."""
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    """What a test works with."""

    engine: AsyncEngine
    vault: Vault
    settings: Settings
    dsn: str
    clock: Clock = field(default_factory=Clock)

    def voice(self) -> Voice:
        """The real voice, with the limits of two channels."""
        return Voice(
            texts=texts(),
            prompts=prompts(),
            limits=LIMITS,
            deployment=Deployment(
                org=NAMES[HOME],
                hotline="+15550100",
                hours=parse_hours("24/7", "UTC"),
                locales=("en", "ar", "es"),
                default_locale="en",
                must_be_reviewed=False,
            ),
            outbox=PostgresOutbox(self.vault),
            clock=self.clock,
        )

    def desk(self) -> Desk:
        """What the services work with."""
        return Desk(Cases(self.vault), StaffBook(), self.voice(), timedelta(minutes=30), LIMITS)

    def console(self) -> FastAPI:
        """The desk, mounted where it will be."""

        async def notices(heard: Callable[[str], None]) -> None:
            await listen(self.dsn, "amana_desk", heard)

        app = FastAPI()
        console = build_console(
            self.engine,
            self.settings,
            self.voice(),
            cases=Cases(self.vault),
            staff=StaffBook(),
            limits=LIMITS,
            listen=notices,
            clock=self.clock,
        )
        app.state.console = console
        app.mount("/console", console)
        return app

    async def staff(
        self, login: str, *, role: str = "caseworker", organisation: str = HOME, focal: tuple[str, ...] = ()
    ) -> User:
        """Somebody who can sign in with PASSWORD; their name is their login with a capital."""
        async with self.engine.begin() as connection:
            staff_id = await add_staff(
                StaffBook(),
                connection,
                login=login,
                name=login.capitalize(),
                password=PASSWORD,
                role=role,
                organisation=organisation,
                organisation_name=NAMES[organisation],
                focal=focal,
            )
        return User(staff_id, login, login.capitalize(), (await self._member(organisation, role),))

    async def _member(self, organisation: str, role: str) -> Member:
        return Member(await self.organisation_id(organisation), NAMES[organisation], role)

    async def also_works_for(
        self, user: User, slug: str, *, role: str = "caseworker", focal: tuple[str, ...] = ()
    ) -> None:
        """A second membership."""
        organisation_id = await self.organisation_id(slug)
        async with self.engine.begin() as connection:
            row = {"staff_id": user.id, "organisation_id": organisation_id, "role": role}
            await connection.execute(insert(Membership).values(row | {"focal": list(focal)}))

    async def organisation_id(self, slug: str) -> uuid.UUID:
        """The organisation, added if it is new."""
        async with self.engine.begin() as connection:
            await connection.execute(
                text("INSERT INTO organisations (id, slug, name) VALUES (:id, :slug, :name) ON CONFLICT DO NOTHING"),
                {"id": uuid.uuid4(), "slug": slug, "name": NAMES[slug]},
            )
            found = await connection.execute(text("SELECT id FROM organisations WHERE slug = :slug"), {"slug": slug})
            organisation_id: uuid.UUID = found.scalar_one()
            return organisation_id

    async def case(
        self,
        number: str,
        *,
        organisation: str = HOME,
        level: str = "P2",
        waited: timedelta = timedelta(minutes=5),
        wrote: timedelta | None = timedelta(minutes=1),
        channel: str = "sms-twilio",
        plan: str | None = None,
        **more: Any,
    ) -> uuid.UUID:
        """A waiting case of somebody new, with consent, address and conversation."""
        organisation_id = await self.organisation_id(organisation)
        now, case = self.clock(), uuid.uuid4()
        values = {"reasons": ["asked_for_person"], "modality": "write", "locale": "es"} | more
        async with self.engine.begin() as connection:
            person, key = await self._person(connection, plan)
            consent = await self._consent(connection, person, organisation_id, channel)
            await connection.execute(
                insert(Case).values(
                    id=case,
                    number=number,
                    person_id=person,
                    organisation_id=organisation_id,
                    consent_id=consent,
                    level=level,
                    created_at=now - waited,
                    **values,
                )
            )
            conversation = uuid.uuid4()
            await connection.execute(
                insert(Conversation).values(
                    id=conversation,
                    address_id=await self._address(connection, key),
                    person_id=person,
                    case_id=case,
                    channel=channel,
                    account="+15550100",
                    owner="waiting",
                    locale="es",
                    last_inbound_at=now - wrote if wrote is not None else None,
                )
            )
            await connection.execute(update(Case).where(Case.id == case).values(conversation_id=conversation))
        return case

    async def _person(self, connection: AsyncConnection, plan: str | None) -> tuple[uuid.UUID, Key]:
        key, person = await add_key(connection, self.vault), uuid.uuid4()
        await connection.execute(insert(Person).values(id=person, key_id=key.id, contact_plan=plan))
        return person, key

    async def _address(self, connection: AsyncConnection, key: Key) -> uuid.UUID:
        address = {"id": uuid.uuid4(), "network": "sms", "index": uuid.uuid4().bytes, "key_id": key.id}
        cipher = key.encrypt("+15550123", "addresses.cipher")
        await connection.execute(insert(Address).values(cipher=cipher, **address))
        return address["id"]  # type: ignore[return-value]

    async def _consent(
        self, connection: AsyncConnection, person: uuid.UUID, organisation: uuid.UUID, channel: str
    ) -> uuid.UUID:
        consent = uuid.uuid4()
        await connection.execute(
            insert(Consent).values(
                id=consent,
                person_id=person,
                organisation_id=organisation,
                purpose="contact",
                text_key="consent.contact",
                text_version="3f9a1c20",
                modality="write",
                locale="es",
                channel=channel,
                expires_at=self.clock() + timedelta(days=90),
            )
        )
        return consent

    async def says(self, case_id: uuid.UUID, words: str, *, kind: str = "text") -> None:
        """What the person writes to the case, as the worker keeps it; open pages are told."""
        async with self.engine.begin() as connection:
            cipher = (await self._person_key(connection, case_id)).encrypt(words, "case_messages.cipher")
            await connection.execute(
                insert(CaseMessage).values(case_id=case_id, speaker="person", kind=kind, cipher=cipher)
            )
            await connection.execute(text("SELECT pg_notify('amana_desk', :id)"), {"id": str(case_id)})

    async def _person_key(self, connection: Any, case_id: uuid.UUID) -> Key:
        query = text("""
            SELECT k.* FROM vault.data_keys k JOIN persons p ON p.key_id = k.id
            JOIN cases c ON c.person_id = p.id WHERE c.id = :id
        """)
        row = (await connection.execute(query, {"id": case_id})).one()
        return self.vault.open(row.id, row.wrapped, row.master_id)

    async def run(self, sql: str, **values: Any) -> None:
        """Change the database directly, as another part of Amana would."""
        async with self.engine.begin() as connection:
            await connection.execute(text(sql), values)

    async def one(self, sql: str, **values: Any) -> Any:
        """One value, or None."""
        async with self.engine.connect() as connection:
            return (await connection.execute(text(sql), values)).scalar()

    async def outbound(self, case_id: uuid.UUID) -> list[Any]:
        """Messages of ours about a case, oldest first."""
        async with self.engine.connect() as connection:
            query = select(Outbound).where(Outbound.case_id == case_id).order_by(Outbound.id)
            return list((await connection.execute(query)).all())

    async def browser(self, app: FastAPI, login: str) -> Browser:
        """Somebody who has signed in."""
        browser = Browser(app)
        answer = await browser.sign_in(login, PASSWORD)
        assert answer.status_code == 303
        return browser


class Browser:
    """An HTTP client that keeps cookies and fills in forms with the token of the page."""

    def __init__(self, app: FastAPI) -> None:
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN)
        self.csrf = ""

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """Open a page and keep its form token."""
        answer = await self.client.get(f"/console{path}", **more)
        found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
        self.csrf = found[1] if found else self.csrf
        return answer

    async def post(self, path: str, **form: str) -> httpx.Response:
        """Send a form as the page would."""
        return await self.client.post(f"/console{path}", data={"csrf": self.csrf, **form})

    async def sign_in(self, login: str, password: str) -> httpx.Response:
        """Fill in the sign-in form; afterwards the queue is open."""
        await self.get("/sign-in")
        answer = await self.post("/sign-in", login=login, password=password)
        if answer.status_code == 303:
            await self.get("/")
        return answer


async def together(*calls: Any) -> list[Any]:
    """All at once."""
    return list(await asyncio.gather(*calls))
