"""Telegram by its Bot API.

Only private chats are served; groups and channels are left unanswered. The bot never calls getMe or setWebhook at
start: it boots, and every other channel works, while Telegram is down.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.error import TelegramError

from channels._http import TIMEOUT_S, Transport, silence_clients
from channels._reading import poisoned
from channels._telegram_errors import send_error
from channels._telegram_http import TelegramTransport
from channels._telegram_inbound import TelegramReader
from handoff.core.channel import (
    Acknowledgement,
    BadSignature,
    Copy,
    Limits,
    OptedOut,
    RawRequest,
    Rejected,
    RetryLater,
    SendError,
)
from handoff.core.message import Event, Incoming, Outgoing, Receipt
from handoff.settings import Settings

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
MAX_CONNECTIONS = 40
MAX_CALLBACK_BYTES = 64
DELETED_AT_ONCE = 100
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Telegram:
    """One bot. Everything that it sends is protected from forwarding, has no mark-up and no link preview."""

    name = "telegram"
    network = "telegram"
    # Deleting takes the message from the phone too: only for who erases.
    forgets_routinely = False
    acknowledgement = Acknowledgement()
    limits = Limits(
        style="telegram",
        max_text=4096,
        max_buttons=10,
        max_button_label=64,
        max_rows=0,
        max_row_label=0,
        rate=30.0,
        pair_rate=1.0,
        stale_after=timedelta(hours=1),
        answer_after=timedelta(minutes=30),
    )

    def __init__(self, settings: Settings, *, timeout_s: float = TIMEOUT_S) -> None:
        silence_clients()
        token = settings.secret("telegram_token")
        # The first half of the token is the bot's own id, and no secret.
        self.account = token.partition(":")[0]
        self._secret = settings.secret("telegram_secret")
        self._reader = TelegramReader(self.name, self.account)
        root = settings.telegram_api_url.rstrip("/")
        self._request = TelegramTransport(Transport(root, timeout_s=timeout_s), timeout_s=timeout_s)
        self._bot = Bot(
            token,
            base_url=f"{root}/bot",
            base_file_url=f"{root}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """Telegram has none."""
        return None

    def receive(self, request: RawRequest) -> Sequence[Event]:
        """Check the secret token, then read the update. Raises BadSignature."""
        given = request.headers.get("x-telegram-bot-api-secret-token", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._secret.encode()):
            raise BadSignature
        return poisoned(self.name, self.account, request.body, lambda: self._reader.read(request.body))

    def receive_status(self, request: RawRequest) -> Sequence[Event]:
        """Telegram reports no statuses; what comes here is an update like any other."""
        return self.receive(request)

    async def send(self, message: Outgoing) -> Receipt:
        """Send one text, each option as a button of its own line. Raises SendError.

        The receipt is "chat:message", because message ids count per chat; deleting needs both.
        """
        if message.validity_s is not None and message.validity_s < 1:
            raise Rejected("expired")
        sent = await _guarded(
            self._bot.send_message(
                chat_id=_chat(message.address),
                text=message.text,
                reply_markup=_keyboard(message),
                protect_content=True,
                link_preview_options=NO_PREVIEW,
            )
        )
        return Receipt(f"{message.address}:{sent.message_id}")

    async def acknowledge(self, incoming: Incoming) -> None:
        """Stop the spinner on a tapped button. Best effort: Telegram forgets the tap after some minutes anyway."""
        if not incoming.ack_token:
            return
        try:
            await self._bot.answer_callback_query(incoming.ack_token)
        except Exception:
            return

    async def forget(self, copies: Sequence[Copy]) -> Sequence[Copy]:
        """Take messages off both phones, a hundred in one call. Telegram passes over those older than 48 hours.

        A chat that is gone or blocked needs nothing more: nothing there can be reached. Raises SendError.
        """
        for address in dict.fromkeys(copy.address for copy in copies):
            numbers = sorted({number for copy in copies if copy.address == address for number in _numbers(copy)})
            for start in range(0, len(numbers), DELETED_AT_ONCE):
                try:
                    await _guarded(
                        self._bot.delete_messages(
                            chat_id=_chat(address), message_ids=numbers[start : start + DELETED_AT_ONCE]
                        )
                    )
                except (OptedOut, Rejected):
                    break
        return copies

    async def catch_up(self, since: datetime) -> Sequence[Incoming]:
        """Telegram retries for 24 hours and gives no list while a webhook is set."""
        return []

    async def connect(self, public_base_url: str) -> Sequence[str]:
        """Register webhook, secret and the kinds of update that we read. Raises SendError."""
        url = f"{public_base_url.rstrip('/')}/webhooks/{self.name}"
        await _guarded(
            self._bot.set_webhook(
                url=url,
                secret_token=self._secret,
                allowed_updates=ALLOWED_UPDATES,
                max_connections=MAX_CONNECTIONS,
            )
        )
        return [
            f"{self.name}: updates go to {url}",
            f"{self.name}: with the value of AMANA_TELEGRAM_SECRET in their header",
            f"{self.name}: kinds of update: {', '.join(ALLOWED_UPDATES)}; up to {MAX_CONNECTIONS} at once",
        ]

    async def aclose(self) -> None:
        """Close connections. (`Bot.shutdown` does nothing for a bot that was never initialised.)"""
        await self._request.shutdown()


async def _guarded[T](call: Awaitable[T]) -> T:
    """The call's result. Raises SendError, never with Telegram's words in it (they can hold the URL and its token)."""
    failure: SendError
    try:
        return await call
    except TelegramError as error:
        failure = send_error(error)
    except (KeyError, TypeError, ValueError, AttributeError):
        failure = RetryLater("bad_answer", maybe_sent=True)
    raise failure


def _chat(address: str) -> int:
    digits = address.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise Rejected("bad_address")
    return int(address)


def _numbers(copy: Copy) -> Sequence[int]:
    """The message's number in its chat; none for taps, which are no messages, and for albums, whose ids are shared."""
    number = copy.provider_id.rpartition(":")[2]
    taken = ":" in copy.provider_id and not copy.provider_id.startswith("album:") and not copy.receipt
    return [int(number)] if taken and number.isascii() and number.isdigit() else []


def _keyboard(message: Outgoing) -> InlineKeyboardMarkup | None:
    """Raises Rejected for a token that Telegram would refuse."""
    if not message.options:
        return None
    if any(not 0 < len(option.token.encode()) <= MAX_CALLBACK_BYTES for option in message.options):
        raise Rejected("token_too_long")
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(option.label, callback_data=option.token)] for option in message.options]
    )
