"""Phones on WhatsApp through Meta's Cloud API: what they send, what reaches them, and what Meta reports of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from handoff.simulator.courier import Call
from handoff.simulator.exchange import Act, BadAct, Exchange, own_message, tapped
from handoff.simulator.ledger import Choice, Entry, Handset
from handoff.simulator.meta_webhooks import BUSINESS_NUMBER, CHANNEL, call, content, envelope, message_id, sender_fields

KINDS = frozenset(
    {"text", "tap", "photo", "voice", "sticker", "location", "contact", "unknown", "reaction", "revoke"}
    | {"new_number", "block", "unblock"}
)
# One message in 6 s to one person, with up to 45 borrowed from the time to come.
PAIR_BURST, PAIR_S = 45.0, 6.0
UNDELIVERABLE = (131026, "Message undeliverable")


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked message of ours: `address` is a number with "+" or a business-scoped id."""

    address: str
    text: str
    choices: list[Choice]
    list_button: str


class MetaPhones:
    """The channel whatsapp-cloud."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._spent: dict[str, tuple[float, float]] = {}
        self._serial = exchange.first_serial()
        self.url = exchange.webhook_url(CHANNEL)

    def reset(self) -> None:
        """Forget limits and go back to the configured webhook."""
        self._spent.clear()
        self.url = self._exchange.webhook_url(CHANNEL)

    def act(self, handset: Handset, act: Act) -> Entry:
        """What a person does on a phone. Raises BadAct."""
        if act.kind not in KINDS:
            raise BadAct("WhatsApp has no such kind of message")
        if act.kind in ("block", "unblock"):
            handset.blocked = act.kind == "block"
            return self._exchange.ledger.add(handset, "sent", act.kind)
        if act.kind == "text" and not act.text.strip():
            raise BadAct("there is nothing to send")
        return self._send_up(handset, act)

    def _send_up(self, handset: Handset, act: Act) -> Entry:
        choice: dict[str, str] = {}
        replied_to = self._replied_to(handset, act)
        if act.kind == "tap":
            shown, picked = tapped(handset, act)
            shape = "list_reply" if shown.list_button else "button_reply"
            replied_to = shown.provider_id
            choice = {"type": shape, "id": picked.token, "title": picked.label, "description": picked.description}
        entry = self._exchange.note_sent(handset, act, self.new_id(handset))
        entry.text = act.text or choice.get("title", "")
        contact, sender = sender_fields(handset)
        stamp = str(int(self._exchange.clock.now().timestamp()))
        part = content(entry, business=BUSINESS_NUMBER, replied_to=replied_to, choice=choice)
        message = {**sender, "id": entry.provider_id, "timestamp": stamp, **part, **act.extra}
        # Meta leaves the contact out of system messages.
        people = {} if act.kind == "new_number" else {"contacts": [contact]}
        self._exchange.bring(entry, self._call("message", people | {"messages": [message]}))
        return entry

    def _replied_to(self, handset: Handset, act: Act) -> str:
        if act.kind == "revoke":
            return own_message(handset, act).provider_id
        got = [entry.provider_id for entry in handset.entries if entry.direction == "got"]
        return got[-1] if got else ""

    def _call(self, purpose: str, part: dict[str, object]) -> Call:
        settings = self._exchange.settings
        return call(
            self.url,
            purpose,
            envelope(settings.meta_phone_number_id) | part,
            secret=settings.meta_app_secret.get_secret_value(),
            time_scale=self._exchange.time_scale,
        )

    def new_id(self, handset: Handset) -> str:
        """The next message id."""
        self._serial += 1
        return message_id(handset.address, self._serial)

    def find(self, address: str) -> Handset | None:
        """The phone behind a number or a business-scoped id."""
        return self._exchange.ledger.find(CHANNEL, address)

    def in_window(self, address: str) -> bool:
        """Whether the 24-hour window of this person is open."""
        return self._exchange.in_window(self.find(address))

    def over_pair_rate(self, address: str) -> bool:
        """Count a message to this person; True when it is one too many."""
        now = self._exchange.clock.steady()
        left, at = self._spent.get(address, (PAIR_BURST, now))
        left = min(PAIR_BURST, left + (now - at) / PAIR_S)
        over = left < 1 and self._exchange.faults[CHANNEL].pair_limit
        self._spent[address] = (left if over else max(left - 1, 0.0), now)
        return over

    def show(self, draft: Draft) -> str:
        """Take a checked message of ours: put it on the phone and report of it. Returns its id."""
        handset = self.find(draft.address) or self._exchange.ledger.handset(CHANNEL, draft.address)
        number = self.new_id(handset)
        if handset.blocked:
            self._exchange.report(
                CHANNEL, [partial(self._step, handset, number, self._exchange.pace.sent_s, "failed", None)]
            )
            return number
        entry = self._exchange.ledger.add(
            handset,
            "got",
            "text",
            text=draft.text,
            provider_id=number,
            choices=draft.choices,
            list_button=draft.list_button,
        )
        pace = self._exchange.pace
        steps = ((pace.sent_s, "sent"), (pace.delivered_s, "delivered"), (pace.read_s, "read"))
        self._exchange.report(
            CHANNEL, [partial(self._step, handset, number, wait, name, entry) for wait, name in steps]
        )
        return number

    async def _step(self, handset: Handset, number: str, delay: float, status: str, entry: Entry | None) -> None:
        await self._exchange.clock.sleep(delay)
        if entry is not None:
            entry.statuses.append(status)
            self._exchange.ledger.changed(entry)
        if self._exchange.faults[CHANNEL].drop_statuses:
            return
        report: dict[str, object] = {
            "id": number,
            "status": status,
            "timestamp": str(int(self._exchange.clock.now().timestamp())),
            "recipient_id": handset.address.removeprefix("+"),
            "recipient_user_id": handset.scoped_id,
        }
        if status == "failed":
            code, title = UNDELIVERABLE
            report["errors"] = [{"code": code, "title": title, "message": title, "error_data": {"details": title}}]
        else:
            report["pricing"] = {"billable": False, "pricing_model": "PMP", "category": "service", "type": "free"}
        await self._exchange.courier.deliver(self._call("status", {"statuses": [report]}))
