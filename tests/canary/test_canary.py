"""Nothing of a person and no secret stands in any output of any process, also on the paths that fail (DESIGN §7)."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from handoff.simulator.exchange import Act
from handoff.simulator.meta_webhooks import sign as sign_meta
from handoff.simulator.phone import Phone
from handoff.simulator.telegram_updates import SECRET_HEADER
from handoff.simulator.twilio_webhooks import sign as sign_twilio
from tests.canary.canaries import ADDRESSES, ARABIC, CANARIES, LATITUDE, LONGITUDE, NAME, REPLY, USERNAME, WORDS
from tests.canary.deployment import AMANA, Deployment, deployed
from tests.canary.detector import leaks
from tests.path.test_handoff import answer
from tests.path.whole import CHANNELS

pytestmark = pytest.mark.rasa
PIN: dict[str, Any] = {"latitude": float(LATITUDE), "longitude": float(LONGITUDE), "name": WORDS, "address": NAME}
EXTRA: dict[str, Any] = {
    "sms-twilio": {"FromCity": NAME, "FromZip": WORDS},
    "whatsapp-twilio": {"ProfileName": NAME, "Latitude": LATITUDE, "Longitude": LONGITUDE, "Address": WORDS},
    "whatsapp-cloud": {"location": PIN},
    "telegram": {"location": PIN},
}
LONG_ID = 16
HEARD = ("web", "worker", "worker render", "assistant", "postgres", "dump", "pages", "dead letters", "metrics of web")


def a_phone(there: Deployment, channel: str) -> Phone:
    """Somebody with a name, a user name and a number."""
    there.simulator.ledger.handset(channel, ADDRESSES[channel], name=NAME).username = USERNAME
    return Phone(there.simulator, channel, ADDRESSES[channel])


async def people_write(there: Deployment, phones: Mapping[str, Phone]) -> None:
    """Words, media and places, on every channel."""
    for channel, phone in phones.items():
        phone.act(Act("text", f"hello {WORDS}", extra=EXTRA["sms-twilio"] if channel == "sms-twilio" else {}))
        await phone.next_reply(15)
        phone.send(f"/{WORDS} {ARABIC} {ADDRESSES[channel]}")
        await phone.next_reply()
        if channel != "sms-twilio":
            for kind in ("voice", "photo", "contact"):
                phone.act(Act(kind))
            phone.act(Act("location", extra=EXTRA[channel]))
    await there.settle()


async def one_reaches_a_caseworker(there: Deployment, phone: Phone) -> None:
    """Consent, waiting, claim, a reply, danger while a case is open."""
    phone.send("9")
    async with asyncio.timeout(20):
        for question in ("gate", "consent"):
            while not (prompt := await phone.next_reply(10)).choices or question not in _latest_key(there):
                pass
            answer(phone, prompt, 1)
    await there.until("SELECT count(*) FROM cases", 1)
    phone.send(f"please help {WORDS}")
    await there.settle()
    async with httpx.AsyncClient(base_url=f"{there.web}/console", follow_redirects=True) as desk:
        await _work_the_case(there, desk)
    await there.until("SELECT count(*) FROM outbound WHERE speaker = 'human' AND sent_at IS NOT NULL", 1)
    phone.send(f"help me he will kill me {WORDS}")
    await there.settle()


def _latest_key(there: Deployment) -> str:
    return str(there.sql("SELECT key FROM outbound ORDER BY id DESC LIMIT 1"))


async def _work_the_case(there: Deployment, desk: httpx.AsyncClient) -> None:
    add = (AMANA, "staff", "add", "--login", "casey", "--name", "Casey (fictional)", "--password-stdin")
    await asyncio.to_thread(there.run, "staff", *add, given="correct horse battery\n")
    token = _token(await desk.get("/sign-in"))
    entered = await desk.post("/sign-in", data={"csrf": token, "login": "casey", "password": "correct horse battery"})
    csrf, case_id = _token(entered), there.sql("SELECT id FROM cases")
    page = await desk.post(f"/cases/{case_id}/claim", data={"csrf": csrf})
    assert WORDS in page.text
    line = there.sql("SELECT max(id) FROM case_messages")
    await desk.post(f"/cases/{case_id}/reply", data={"csrf": csrf, "text": REPLY, "after": str(line)})
    for path in (f"/cases/{WORDS}", f"/cases/{case_id}/live/{WORDS}", f"/?{WORDS}"):
        there.pages.append((await desk.get(path)).text)
    refused = await desk.post(f"/cases/{case_id}/close", data={"csrf": csrf, "code": WORDS})
    assert refused.status_code == 422
    forged = await desk.post(f"/cases/{case_id}/reply", data={"csrf": WORDS, "text": WORDS})
    assert forged.status_code == 403
    there.pages.append(forged.text)


def _token(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def signed(there: Deployment, channel: str, body: bytes, form: dict[str, str]) -> dict[str, str]:
    """The headers of a genuine webhook."""
    secret = there.settings.secret
    if channel == "telegram":
        return {SECRET_HEADER: secret("telegram_secret")}
    if channel == "whatsapp-cloud":
        return {"X-Hub-Signature-256": sign_meta(secret("meta_app_secret"), body)}
    url = f"{there.web}/webhooks/{channel}"
    return {"X-Twilio-Signature": sign_twilio(secret("twilio_auth_token"), url, form)}


async def strangers_knock(there: Deployment) -> None:
    """Unreadable and forged webhooks, unknown paths, the internal port without and with its token."""
    nonsense = json.dumps({"text": WORDS, "from": ADDRESSES["telegram"], "message": {"text": WORDS}}).encode()
    body = {"Body": WORDS, "ProfileName": NAME}
    async with httpx.AsyncClient(base_url=there.web) as client:
        for channel in CHANNELS:
            path, twilio = f"/webhooks/{channel}", channel.endswith("twilio")
            genuine = signed(there, channel, nonsense, body if twilio else {})
            content: dict[str, Any] = {"data": body} if twilio else {"content": nonsense}
            for headers in (genuine, {name: WORDS for name in genuine}, {}):
                await keep(there, client, "POST", path, headers=headers, **content)
        for path in (f"/webhooks/{WORDS}", f"/{WORDS}", f"/webhooks/sms-twilio/{WORDS}?{WORDS}"):
            await keep(there, client, "POST", path, content=nonsense)
        challenge = {"hub.mode": "subscribe", "hub.verify_token": WORDS, "hub.challenge": "1"}
        await keep(there, client, "GET", "/webhooks/whatsapp-cloud", params=challenge)
        token = there.settings.secret("internal_token")
        for bearer in (WORDS, token):
            headers = {"Authorization": f"Bearer {bearer}"}
            await keep(there, client, "POST", f"{there.internal}/internal/actions", headers=headers, content=nonsense)


async def keep(there: Deployment, client: httpx.AsyncClient, method: str, path: str, **request: Any) -> None:
    """Knock, and keep what is answered."""
    response = await client.request(method, path, **request)
    there.pages.append(f"{response.status_code} {dict(response.headers)} {response.text}")


async def providers_refuse(there: Deployment, phones: Mapping[str, Phone]) -> None:
    """400, 429, 500 and silence, each on each channel."""
    for channel, phone in phones.items():
        there.simulator.exchange.faults[channel].next = [400, 429, 500, "lost"]
        for number in range(4):
            phone.send(f"hello {number} {WORDS} {ADDRESSES[channel]}")
    await there.settle()
    for channel in phones:
        there.simulator.exchange.faults[channel].next = []


async def the_database_refuses(there: Deployment, phone: Phone) -> None:
    """A constraint is violated by the gateway's insert and by the worker's."""
    there.sql("ALTER TABLE inbound ADD CONSTRAINT canary CHECK (kind <> 'text') NOT VALID")
    phone.send(f"hello {WORDS}")
    form = {"MessageSid": "SM" + "c" * 32, "From": phone.address, "To": there.settings.twilio_sms_from, "Body": WORDS}
    form |= {"AccountSid": there.settings.twilio_account_sid, "NumMedia": "0"}
    async with httpx.AsyncClient(base_url=there.web) as client:
        headers = signed(there, "sms-twilio", b"", form)
        await keep(there, client, "POST", "/webhooks/sms-twilio", headers=headers, data=form)
    assert there.pages[-1].startswith("500")
    there.sql("ALTER TABLE inbound DROP CONSTRAINT canary")
    there.sql("ALTER TABLE outbound ADD CONSTRAINT canary CHECK (length(cipher) < 1) NOT VALID")
    phone.send(f"hello again {WORDS}")
    await there.until("SELECT count(*) > 0 FROM inbound WHERE attempts > 0", True)
    there.sql("ALTER TABLE outbound DROP CONSTRAINT canary")
    await there.settle()


async def the_assistant_hangs(there: Deployment, phone: Phone) -> None:
    """Rasa does not answer; then an action does not answer Rasa."""
    there.rasa.process.send_signal(signal.SIGSTOP)
    phone.send(f"hello {WORDS}")
    await there.until("SELECT count(*) FROM inbound WHERE outcome LIKE 'failopen%'", 1)
    there.rasa.process.send_signal(signal.SIGCONT)
    there.processes["web"].send_signal(signal.SIGSTOP)
    await asyncio.to_thread(there.rasa.take, f"i want to talk to a person {WORDS}")
    there.processes["web"].send_signal(signal.SIGCONT)


async def the_worker_is_killed_in_a_turn(there: Deployment, phone: Phone) -> None:
    """SIGKILL between lease and commit; another worker, whose rendering breaks on marked messages, takes over."""
    there.rasa.process.send_signal(signal.SIGSTOP)
    phone.send(f"hello {WORDS}")
    await there.until("SELECT count(*) FROM conversations WHERE leased_until > now()", 1)
    there.end("worker", signal.SIGKILL)
    there.rasa.process.send_signal(signal.SIGCONT)
    await there.start_worker("render")
    await there.settle()


async def rendering_breaks(there: Deployment, phone: Phone) -> None:
    """Four times, then it is a dead letter and the card."""
    phone.send(f"breakrender {WORDS} {ADDRESSES['whatsapp-twilio']}")
    await there.until("SELECT count(*) FROM dead_letters WHERE code = 'cannot_be_worked'", 1, 30)


def provider_ids(there: Deployment) -> dict[str, str]:
    """The ids that the providers gave, where they are long enough to be known again."""
    ids = {entry.provider_id for entry in there.simulator.ledger.entries if len(entry.provider_id) >= LONG_ID}
    return {f"provider id {number}": provider_id for number, provider_id in enumerate(sorted(ids))}


def assert_that_it_all_happened(there: Deployment) -> None:
    """The paths that fail were really taken, and said so in codes."""
    web, worker = there.said("web"), there.said("worker") + there.said("worker render")
    assert web.count("webhook_forged") >= len(CHANNELS)
    assert re.search(r"unhandled (IntegrityError|CheckViolation)", web)
    assert "send_failed" in worker
    assert re.search(r"error=(IntegrityError|CheckViolation)", worker)
    assert "error=KeyError" in worker
    assert "action_timeout" in there.rasa.output()
    letters = there.said("dead letters")
    assert "cannot_be_worked" in letters
    assert there.sql("SELECT count(*) FROM dead_letters WHERE direction = 'in' AND cipher IS NOT NULL") >= len(CHANNELS)
    assert there.sql("SELECT count(*) FROM case_messages") >= 2


async def test_nothing_leaks_anywhere_whatever_fails_and_an_opened_leak_is_found(tmp_path: Path) -> None:
    async with deployed(tmp_path) as there:
        phones = {channel: a_phone(there, channel) for channel in CHANNELS}
        await people_write(there, phones)
        await one_reaches_a_caseworker(there, phones["telegram"])
        await strangers_knock(there)
        await providers_refuse(there, phones)
        await the_database_refuses(there, phones["sms-twilio"])
        await the_assistant_hangs(there, phones["sms-twilio"])
        await the_worker_is_killed_in_a_turn(there, phones["whatsapp-cloud"])
        await rendering_breaks(there, phones["whatsapp-twilio"])
        outputs = await there.outputs()
        assert_that_it_all_happened(there)
        assert all(outputs[name] for name in HEARD)
        password = {"database password": there.database.home.password("amana")}
        assert leaks(outputs, CANARIES | provider_ids(there) | password) == []

        there.end("worker render")
        await there.start_worker("leak")
        phones["whatsapp-cloud"].send(f"hello {WORDS}")
        await there.settle()
        opened = leaks({"worker leak": there.said("worker leak")}, CANARIES)
        assert {leak.canary for leak in opened} == {"words"}
