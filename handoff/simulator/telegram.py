"""Phones on Telegram: what they send, in what order updates are delivered, and what reaches the phones."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from handoff.simulator.exchange import Act, BadAct, Exchange, own_message, tapped
from handoff.simulator.ledger import Entry, Handset, Webhook
from handoff.simulator.retries import TelegramPolicy
from handoff.simulator.telegram_updates import (
    CHANNEL,
    added_to_group,
    bot_message,
    call,
    member_change,
    message,
    user,
)

KINDS = frozenset(
    {"text", "tap", "voice", "photo", "location", "contact", "sticker", "unknown", "edit", "block", "unblock", "group"}
)
# What a bot gets when it never said which kinds it wants.
ALL_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
# A tap is worth nothing to Telegram after this many seconds.
TAP_S = 150.0


@dataclass(slots=True)
class Hook:
    """The webhook that the bot has set."""

    url: str
    secret: str
    allowed: tuple[str, ...] = ALL_UPDATES
    max_connections: int = 40
    last_error: str = ""


@dataclass(slots=True)
class Line:
    """Updates that wait for their turn. One is delivered at a time; a failing one holds up all behind it."""

    waiting: deque[tuple[Entry, dict[str, object]]] = field(default_factory=deque)
    busy: bool = False


class TelegramPhones:
    """The channel telegram. Updates of one chat are sent strictly one at a time; taps have a queue of their own."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._serial = exchange.first_serial()
        self._lines: dict[tuple[str, bool], Line] = {}
        token = exchange.settings.telegram_token.get_secret_value()
        number = token.partition(":")[0]
        self.bot: dict[str, object] = {
            "id": int(number) if number.isdigit() else 1,
            "is_bot": True,
            "first_name": "Amana",
            "username": "amana_fictional_bot",
        }
        self.hook = self._configured()

    def _configured(self) -> Hook:
        settings = self._exchange.settings
        return Hook(self._exchange.webhook_url(CHANNEL), settings.telegram_secret.get_secret_value())

    def reset(self) -> None:
        """Forget what waits and go back to the configured webhook."""
        self._lines.clear()
        self.hook = self._configured()

    def next_id(self) -> int:
        """Message and update ids: they only grow."""
        self._serial += 1
        return self._serial

    def date(self) -> int:
        """Now, in Telegram's seconds."""
        return int(self._exchange.clock.now().timestamp())

    def act(self, handset: Handset, act: Act) -> Entry:
        """What a person does on a phone. Raises BadAct."""
        if act.kind not in KINDS:
            raise BadAct("Telegram has no such kind of message")
        if act.kind in ("text", "edit") and not act.text.strip():
            raise BadAct("there is nothing to send")
        if act.kind in ("block", "unblock", "group"):
            return self._membership(handset, act)
        if act.kind == "edit":
            return self._edit(handset, act)
        if act.kind == "tap":
            return self._tap(handset, act)
        entry = self._exchange.note_sent(handset, act, str(self.next_id()))
        self._queue(entry, {"message": message(handset, entry, self.date()) | act.extra})
        return entry

    def _membership(self, handset: Handset, act: Act) -> Entry:
        entry = self._exchange.ledger.add(handset, "sent", act.kind)
        if act.kind == "group":
            self._queue(entry, {"my_chat_member": added_to_group(handset, self.bot, self.date())})
            return entry
        handset.blocked = act.kind == "block"
        change = member_change(handset, self.bot, self.date(), blocked=handset.blocked)
        self._queue(entry, {"my_chat_member": change})
        return entry

    def _edit(self, handset: Handset, act: Act) -> Entry:
        original = own_message(handset, act)
        original.edited = True
        self._exchange.ledger.changed(original)
        entry = self._exchange.note_sent(handset, act, "")
        changed = message(handset, original, self.date()) | {"text": act.text, "edit_date": self.date()}
        self._queue(entry, {"edited_message": changed | act.extra})
        return entry

    def _tap(self, handset: Handset, act: Act) -> Entry:
        shown, choice = tapped(handset, act)
        entry = self._exchange.note_sent(handset, act, f"9{self.next_id():017d}")
        entry.text = choice.label
        query: dict[str, object] = {
            "id": entry.provider_id,
            "from": user(handset),
            "message": bot_message(handset, shown, self.bot, self.date()),
            "chat_instance": f"-{int(handset.address):017d}",
            "data": choice.token,
        }
        self._queue(entry, {"callback_query": query | act.extra})
        return entry

    def _queue(self, entry: Entry, update: Mapping[str, object]) -> None:
        kind = next(iter(update))
        if not self.hook.url or kind not in self.hook.allowed:
            return
        entry.webhook = Webhook()
        copies = 1 + self._exchange.faults[CHANNEL].duplicate
        line = self._lines.setdefault((entry.address, kind == "callback_query"), Line())
        line.waiting.extend([(entry, {"update_id": self.next_id(), **update})] * copies)
        if not line.busy:
            line.busy = True
            self._exchange.courier.start(self._drain(line))

    async def _drain(self, line: Line) -> None:
        try:
            while line.waiting:
                entry, update = line.waiting.popleft()
                await self._deliver(entry, update)
        finally:
            line.busy = False

    async def _deliver(self, entry: Entry, update: dict[str, object]) -> None:
        policy = TelegramPolicy(self._exchange.dice, max_age_s=TAP_S) if "callback_query" in update else None
        policy = policy or TelegramPolicy(self._exchange.dice)
        webhook = call(self.hook.url, self.hook.secret, update, policy, self._exchange.time_scale)
        late = self._exchange.faults[CHANNEL].late_ms / 1000
        if not await self._exchange.carry(entry, webhook, late) and entry.webhook:
            self.hook.last_error = f"Wrong response from the webhook: {entry.webhook.last}"

    @property
    def waiting(self) -> int:
        """Updates not yet acknowledged, as getWebhookInfo counts them."""
        return sum(len(line.waiting) + line.busy for line in self._lines.values())

    def show(self, handset: Handset, values: Mapping[str, object]) -> dict[str, object]:
        """Put a message of the bot on the phone. Returns it as the API does."""
        entry = self._exchange.ledger.add(
            handset, "got", "text", provider_id=str(self.next_id()), statuses=["delivered"], **values
        )
        return bot_message(handset, entry, self.bot, self.date())
