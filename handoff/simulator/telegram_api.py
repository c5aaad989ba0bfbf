"""Telegram's Bot API, as far as a bot with a webhook needs it: https://core.telegram.org/bots/api"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from handoff.simulator.exchange import Exchange
from handoff.simulator.ledger import Choice, Entry, Handset
from handoff.simulator.telegram import ALL_UPDATES, TAP_S, Hook, TelegramPhones
from handoff.simulator.telegram_updates import CHANNEL, bot_message

LONGEST_TEXT, LONGEST_DATA_BYTES, DELETED_AT_ONCE = 4096, 64, 100
DELETABLE_S = 48 * 3600.0
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
PORTS = frozenset({80, 88, 443, 8443, None})
REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}

type Fields = Mapping[str, object]


class Refused(ValueError):
    """A call that Telegram would refuse, in its words; they hold nothing of the message."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def error(status: int, reason: str = "", retry_after: int = 0) -> Response:
    """An error in Telegram's form."""
    title = REASONS.get(status, "Internal Server Error")
    description = f"{title}: {reason}" if reason else title
    body: dict[str, object] = {"ok": False, "error_code": status, "description": description}
    if retry_after:
        body["parameters"] = {"retry_after": retry_after}
    return JSONResponse(body, status)


def fault(status: int) -> Response:
    """The error of a status that was ordered through the control API."""
    if status == 429:
        return error(429, "retry after 1", retry_after=1)
    return error(status, "bot was blocked by the user" if status == 403 else "")


class TelegramApi:
    """The endpoints under /bot<token>/<method>."""

    def __init__(self, exchange: Exchange, phones: TelegramPhones) -> None:
        self._exchange = exchange
        self._phones = phones
        self._token = exchange.settings.telegram_token.get_secret_value()
        self._methods = {
            "getme": self._me,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._webhook_info,
            "sendmessage": self._send,
            "answercallbackquery": self._answer_tap,
            "editmessagereplymarkup": self._edit_keyboard,
            "deletemessage": self._delete_one,
            "deletemessages": self._delete_some,
            "sendchataction": self._chat_action,
            "leavechat": self._leave,
            "setmycommands": self._accept,
        }

    def routes(self) -> list[Route]:
        """Paths and what answers them."""
        return [Route("/bot{token}/{method}", self.method, methods=["GET", "POST"])]

    async def method(self, request: Request) -> Response:
        """Any method: Telegram does not mind the case of its name."""
        if request.path_params["token"] != self._token:
            return error(401)
        work = self._methods.get(request.path_params["method"].lower())
        if work is None:
            return error(404, "method not found")
        fields = await _fields(request)

        def run() -> Response:
            try:
                return JSONResponse({"ok": True, "result": work(fields)})
            except Refused as refused:
                return error(refused.status, refused.reason)

        return await self._exchange.answer(CHANNEL, request, run, fault)

    def _me(self, fields: Fields) -> object:
        abilities = ("can_join_groups", "can_read_all_group_messages", "supports_inline_queries")
        return self._phones.bot | dict.fromkeys(abilities, False)

    def _accept(self, fields: Fields) -> object:
        return True

    def _set_webhook(self, fields: Fields) -> object:
        url = str(fields.get("url", ""))
        if url and not _may_be_called(url):
            raise Refused(400, "bad webhook: An HTTPS URL must be provided for webhook")
        secret = str(fields.get("secret_token", ""))
        if secret and not SECRET.fullmatch(secret):
            raise Refused(400, "secret token contains unallowed characters")
        connections = _number(fields, "max_connections", 40)
        if not 1 <= connections <= 100:
            raise Refused(400, "max_connections must be between 1 and 100")
        allowed = fields.get("allowed_updates") or ALL_UPDATES
        names = tuple(map(str, allowed)) if isinstance(allowed, list | tuple) else ALL_UPDATES
        self._phones.hook = Hook(url, secret, names, connections)
        return True

    def _delete_webhook(self, fields: Fields) -> object:
        self._phones.hook = Hook("", "")
        return True

    def _webhook_info(self, fields: Fields) -> object:
        hook = self._phones.hook
        info: dict[str, object] = {
            "url": hook.url,
            "has_custom_certificate": False,
            "pending_update_count": self._phones.waiting,
            "max_connections": hook.max_connections,
            "allowed_updates": list(hook.allowed),
        }
        return info | ({"last_error_message": hook.last_error} if hook.last_error else {})

    def _send(self, fields: Fields) -> object:
        handset = self._chat(fields)
        text = fields.get("text")
        if not isinstance(text, str) or not text.strip():
            raise Refused(400, "message text is empty")
        if len(text) > LONGEST_TEXT:
            raise Refused(400, "message is too long")
        return self._phones.show(handset, {"text": text, "choices": _choices(fields.get("reply_markup"))})

    def _chat(self, fields: Fields) -> Handset:
        """The phone of a chat that has begun and is not blocked. Raises Refused."""
        handset = self._exchange.ledger.find(CHANNEL, str(fields.get("chat_id", "")))
        if handset is None or handset.wrote_at is None:
            raise Refused(400, "chat not found")
        if handset.blocked:
            raise Refused(403, "bot was blocked by the user")
        return handset

    def _answer_tap(self, fields: Fields) -> object:
        entry = self._exchange.ledger.by_provider_id(CHANNEL, str(fields.get("callback_query_id", "")))
        now_ms = self._exchange.clock.steady() * 1000
        if entry is None or entry.kind != "tap" or now_ms - entry.at_ms > TAP_S * 1000:
            raise Refused(400, "query is too old and response timeout expired or query ID is invalid")
        if "answered" not in entry.statuses:
            entry.statuses.append("answered")
            self._exchange.ledger.changed(entry)
        return True

    def _edit_keyboard(self, fields: Fields) -> object:
        handset = self._chat(fields)
        entry = self._message(handset, _number(fields, "message_id", 0))
        if entry is None or entry.direction != "got":
            raise Refused(400, "message to edit not found")
        choices = _choices(fields.get("reply_markup"))
        if choices == entry.choices:
            raise Refused(400, "message is not modified")
        entry.choices = choices
        self._exchange.ledger.changed(entry)
        return bot_message(handset, entry, self._phones.bot, self._phones.date())

    def _message(self, handset: Handset, number: int) -> Entry | None:
        entry = self._exchange.ledger.by_provider_id(CHANNEL, str(number))
        return entry if entry and entry.address == handset.address and not entry.deleted else None

    def _delete_one(self, fields: Fields) -> object:
        entry = self._message(self._chat(fields), _number(fields, "message_id", 0))
        if entry is None:
            raise Refused(400, "message to delete not found")
        if self._exchange.clock.steady() * 1000 - entry.at_ms > DELETABLE_S * 1000:
            raise Refused(400, "message can't be deleted for everyone")
        self._remove(entry)
        return True

    def _delete_some(self, fields: Fields) -> object:
        """Unknown and too old ones are passed over."""
        numbers = fields.get("message_ids")
        if not isinstance(numbers, list) or not 1 <= len(numbers) <= DELETED_AT_ONCE:
            raise Refused(400, "message identifiers are not specified")
        handset = self._chat(fields)
        oldest_ms = (self._exchange.clock.steady() - DELETABLE_S) * 1000
        for number in numbers:
            entry = self._message(handset, number) if isinstance(number, int) else None
            if entry is not None and entry.at_ms >= oldest_ms:
                self._remove(entry)
        return True

    def _remove(self, entry: Entry) -> None:
        entry.deleted = True
        entry.text = ""
        entry.choices = []
        self._exchange.ledger.changed(entry)

    def _chat_action(self, fields: Fields) -> object:
        self._chat(fields)
        return True

    def _leave(self, fields: Fields) -> object:
        group = str(fields.get("chat_id", ""))
        if not group.startswith("-") or self._exchange.ledger.find(CHANNEL, group.removeprefix("-")) is None:
            raise Refused(400, "chat not found")
        return True


def _choices(markup: object) -> list[Choice]:
    """The buttons of an inline keyboard. Raises Refused."""
    if markup is None:
        return []
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list):
        # Reply keyboards and their removal show no buttons under the message.
        return []
    buttons = [button for row in rows if isinstance(row, list) for button in row if isinstance(button, dict)]
    choices = [Choice(str(each.get("callback_data", "")), str(each.get("text", ""))) for each in buttons]
    for choice in choices:
        if not choice.label:
            raise Refused(400, "inline keyboard button text must be non-empty")
        if not 1 <= len(choice.token.encode()) <= LONGEST_DATA_BYTES:
            raise Refused(400, "BUTTON_DATA_INVALID")
    return choices


def _number(fields: Fields, name: str, default: int) -> int:
    value = fields.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Refused(400, f"{name} must be a number")


def _may_be_called(url: str) -> bool:
    """Telegram calls HTTPS on four ports; this stand-in also calls a gateway on the same machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        local = False
    return local or (parts.scheme == "https" and parts.port in PORTS)


async def _fields(request: Request) -> Fields:
    """Query, JSON, form or multipart; values that are JSON are read as such, as Telegram does."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    given: dict[str, object] = dict(request.query_params)
    if kind == "application/json":
        given |= _read_object(await request.body())
    elif kind == "multipart/form-data":
        async with request.form() as form:
            given |= {name: value for name, value in form.items() if isinstance(value, str)}
    else:
        given |= dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
    return {name: _read(name, value) for name, value in given.items()}


def _read_object(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _read(name: str, value: object) -> object:
    """Texts stay texts even when they look like JSON."""
    if not isinstance(value, str) or name in ("text", "url", "secret_token", "callback_query_id", "chat_id"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
