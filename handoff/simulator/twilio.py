"""Phones on SMS and on WhatsApp through Twilio: what they send, what reaches them, and what Twilio reports of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import format_datetime
from functools import lru_cache, partial
from pathlib import Path

from handoff.core.sms import count_segments as count_anew
from handoff.simulator.courier import Call
from handoff.simulator.exchange import Act, BadAct, Exchange, tapped
from handoff.simulator.ledger import Entry, Handset
from handoff.simulator.twilio_records import Record, Records
from handoff.simulator.twilio_webhooks import (
    API_VERSION,
    call,
    message_form,
    sms_fields,
    status_form,
    whatsapp_fields,
)

# What the project tells operators to configure: five retries of every failure.
OVERRIDES = "#rc=5&rp=all"
CARRIER = json.loads(Path(__file__).with_name("carrier.json").read_text("utf-8"))
# The number behind a messaging service: fictional, as all are.
NUMBER_OF_A_SERVICE = "+15550199999"
# Our texts come again and again, and counting one takes longer than all else that is done with it here.
count_segments = lru_cache(maxsize=2048)(count_anew)
KINDS = {
    "sms-twilio": frozenset({"text", "photo", "voice"}),
    "whatsapp-twilio": frozenset(
        {"text", "tap", "photo", "voice", "location", "contact", "sticker", "block", "unblock"}
    ),
}


class TwilioPhones:
    """Both Twilio channels. `records` are Twilio's own copies of all messages."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.records = Records()
        sender = exchange.settings.twilio_sms_from
        self._service = sender if sender.startswith("MG") else ""
        self.sms_from = NUMBER_OF_A_SERVICE if self._service else sender
        self.whatsapp_from = exchange.settings.twilio_whatsapp_from.removeprefix("whatsapp:")
        self.sms_url = exchange.webhook_url("sms-twilio") + OVERRIDES
        self.whatsapp_url = exchange.webhook_url("whatsapp-twilio") + OVERRIDES

    def reset(self) -> None:
        """Forget all messages and go back to the configured webhooks."""
        self.records.clear()
        self.sms_url = self._exchange.webhook_url("sms-twilio") + OVERRIDES

    def number(self, account: str) -> dict[str, object]:
        """The account's one phone number, as a resource."""
        return {
            "sid": f"PN{0:032x}",
            "account_sid": account,
            "phone_number": self.sms_from,
            "sms_url": self.sms_url,
            "sms_method": "POST",
            "uri": f"/{API_VERSION}/Accounts/{account}/IncomingPhoneNumbers/PN{0:032x}.json",
        }

    def act(self, handset: Handset, act: Act) -> Entry:
        """What a person does on a phone. Raises BadAct."""
        if act.kind not in KINDS[handset.channel]:
            raise BadAct("this network has no such kind of message")
        if act.kind in ("block", "unblock"):
            handset.blocked = act.kind == "block"
            return self._exchange.ledger.add(handset, "sent", act.kind)
        if act.kind == "text" and not act.text.strip():
            raise BadAct("there is nothing to send")
        return self._send_up(handset, act)

    def _send_up(self, handset: Handset, act: Act) -> Entry:
        shown, choice = tapped(handset, act) if act.kind == "tap" else (None, None)
        label = choice.label if choice else ""
        size = count_segments(act.text)
        sid = self._exchange.hex_id("SM" if act.kind in ("text", "tap", "location") else "MM")
        entry = self._exchange.note_sent(handset, act, sid, encoding=size.encoding, parts=size.parts, units=size.units)
        entry.text = act.text or label
        account = self._exchange.settings.twilio_account_sid
        media = f"https://api.twilio.com/{API_VERSION}/Accounts/{account}/Messages/{sid}/Media/ME{0:032x}"
        sms = handset.channel == "sms-twilio"
        to = self.sms_from if sms else f"whatsapp:{self.whatsapp_from}"
        form = message_form(handset, entry, account=account, to=to, media_url=media)
        form |= sms_fields() if sms else whatsapp_fields(handset, entry, shown.provider_id if shown else "", label)
        form |= ({"MessagingServiceSid": self._service} if sms and self._service else {}) | act.extra
        self._keep(entry, form)
        self._bring(entry, self.sms_url if sms else self.whatsapp_url, form)
        if sms and self._exchange.settings.twilio_carrier_replies:
            self._carrier(handset, act.text)
        return entry

    def _keep(self, entry: Entry, form: Mapping[str, str]) -> None:
        self.records.add(
            Record(
                entry.provider_id,
                form["AccountSid"],
                form["From"],
                form["To"],
                form["Body"],
                inbound=True,
                status="received",
                at=self._exchange.clock.now(),
                media=int(form["NumMedia"]),
                parts=max(entry.parts, 1),
                service=form.get("MessagingServiceSid"),
            )
        )

    def _bring(self, entry: Entry, url: str, form: Mapping[str, str]) -> None:
        self._exchange.bring(
            entry,
            call(
                channel=entry.channel,
                purpose="message",
                url=url,
                form=form,
                token=self._exchange.settings.twilio_auth_token.get_secret_value(),
                idempotency=self._exchange.hex_id(""),
            ),
        )

    def _carrier(self, handset: Handset, text: str) -> None:
        """Twilio's default keyword handling: whole messages only; the webhook gets them all the same."""
        word = text.strip().upper()
        meaning = next((name for name, words in CARRIER["words"].items() if word in words), "")
        if not meaning:
            return
        handset.opted_out = {"STOP": True, "START": False}.get(meaning, handset.opted_out)
        self._arrive(handset, CARRIER["replies"][meaning], author="carrier")

    def opted_out(self, to: str) -> bool:
        """Whether the carrier blocks messages to this number since a STOP."""
        handset = self._exchange.ledger.find("sms-twilio", to)
        return handset is not None and handset.opted_out

    def show(self, record: Record, callback: str) -> None:
        """Take a message of ours: put it on the phone and report what becomes of it."""
        self.records.add(record)
        channel = "whatsapp-twilio" if record.to.startswith("whatsapp:") else "sms-twilio"
        address = record.to.removeprefix("whatsapp:")
        handset = self._exchange.ledger.find(channel, address) if channel == "whatsapp-twilio" else None
        failure = self._failure(channel, handset)
        if failure:
            state, code = failure
            self._report(record, channel, [(self._exchange.pace.sent_s, state, code)], callback)
            return
        handset = handset or self._exchange.ledger.handset(channel, address)
        entry = self._arrive(handset, record.body, provider_id=record.sid)
        pace = self._exchange.pace
        steps = [(pace.sent_s, "sent", 0), (pace.delivered_s, "delivered", 0)]
        if channel == "whatsapp-twilio":
            steps.append((pace.read_s, "read", 0))
        self._report(record, channel, steps, callback, entry)

    def _failure(self, channel: str, handset: Handset | None) -> tuple[str, int] | None:
        """WhatsApp's refusals come later, as a status: outside the 24 hours, or blocked by the person."""
        if channel == "sms-twilio":
            return None
        if not self._exchange.in_window(handset):
            return "failed", 63016
        return ("undelivered", 63033) if handset and handset.blocked else None

    def _arrive(self, handset: Handset, text: str, *, provider_id: str = "", author: str = "") -> Entry:
        size = count_segments(text)
        return self._exchange.ledger.add(
            handset,
            "got",
            "text",
            text=text,
            provider_id=provider_id,
            author=author,
            encoding=size.encoding,
            parts=size.parts,
            units=size.units,
        )

    def _report(
        self,
        record: Record,
        channel: str,
        steps: list[tuple[float, str, int]],
        callback: str,
        entry: Entry | None = None,
    ) -> None:
        self._exchange.report(channel, [partial(self._step, record, channel, step, callback, entry) for step in steps])

    async def _step(
        self, record: Record, channel: str, step: tuple[float, str, int], callback: str, entry: Entry | None
    ) -> None:
        delay, status, code = step
        await self._exchange.clock.sleep(delay)
        record.status = status
        record.error_code = code or None
        if entry is not None:
            entry.statuses.append(status)
            self._exchange.ledger.changed(entry)
        if callback and not self._exchange.faults[channel].drop_statuses:
            await self._exchange.courier.deliver(self._status_call(record, channel, callback, code))

    def _status_call(self, record: Record, channel: str, callback: str, code: int) -> Call:
        names = {"sid": record.sid, "account": record.account, "from": record.sender, "to": record.to}
        stamp = format_datetime(self._exchange.clock.now())
        form = status_form(names, record.status, str(code or ""), stamp)
        return call(
            channel=channel,
            purpose="status",
            url=callback,
            form=form,
            token=self._exchange.settings.twilio_auth_token.get_secret_value(),
            idempotency=self._exchange.hex_id(""),
        )
