"""What SMS and WhatsApp through Twilio have in common; the two adapters only say what differs.

Not set here: how long Twilio keeps texts (`ContentRetention=discard` needs Message Privacy on the account, else the
send fails with 30029), and Advanced Opt-Out, which is switched on in Twilio's console.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from twilio.base.exceptions import TwilioException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from channels._address import normalise
from channels._http import TIMEOUT_S, Transport, silence_clients
from channels._reading import poisoned
from channels._settings import required
from channels._twilio_errors import failure_of
from channels._twilio_http import TwilioTransport
from channels._twilio_inbound import Form, Sender, read_form, read_inbound, read_status
from handoff.core.channel import Acknowledgement, Copy, Limits, RawRequest, Rejected, RetryLater, SendError
from handoff.core.message import Event, Incoming, Outgoing, Receipt
from handoff.settings import Settings

# Twilio's own bounds of a message's validity, in seconds.
MAX_VALIDITY_S = 36_000
# Retry our webhook five times on any failure: Twilio's default is one retry, and only on a failed connection.
RETRY_OVERRIDE = "#rc=5&rp=all"
PAGE = 1000
UNKNOWN = frozenset({"404", "20404"})


class TwilioChannel:
    """A sender at Twilio: a phone number, a messaging service (MG…), or a WhatsApp number.

    Only the account's primary auth token signs webhooks: after a rotation the setting must follow at once.
    """

    name: str
    network: str
    limits: Limits
    acknowledgement = Acknowledgement('<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")

    # Twilio writes WhatsApp addresses as whatsapp:+1555…
    prefix: ClassVar[str] = ""
    # Deleting takes Twilio's copy, text and number; the phone keeps its own.
    forgets_routinely = True
    # Whether Twilio acts on STOP, START and HELP by itself, also without Advanced Opt-Out.
    carrier_words: ClassVar[bool] = False

    def __init__(self, settings: Settings, *, sender: str, timeout_s: float = TIMEOUT_S) -> None:
        silence_clients()
        token = settings.secret("twilio_auth_token")
        self.account = sender if sender.startswith("MG") else normalise(sender)
        if not self.account:
            raise ValueError(f"the sender of {self.name} is no phone number in international form and no MG… id")
        self._status_url = f"{settings.public_base_url.rstrip('/')}/webhooks/{self.name}/status"
        self._validator = RequestValidator(token)  # type: ignore[no-untyped-call]
        own = {normalise(settings.twilio_sms_from), normalise(settings.twilio_whatsapp_from)} - {""}
        self._sender = Sender(
            self.name,
            self.account,
            self.network,
            frozenset(own),
            carrier_words=self.carrier_words,
            carrier_replies=settings.twilio_carrier_replies,
        )
        api_url = settings.twilio_api_url.rstrip("/")
        self._transport = Transport(api_url, timeout_s=timeout_s)
        http = TwilioTransport(self._transport)
        self._client = Client(required(settings, "twilio_account_sid"), token, http_client=http)  # type: ignore[no-untyped-call]
        self._client.api.base_url = api_url

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """Twilio has none."""
        return None

    def receive(self, request: RawRequest) -> Sequence[Event]:
        """Verify and parse a message (or a status that was sent to this URL). Raises BadSignature."""
        return self._read(request, read_inbound)

    def receive_status(self, request: RawRequest) -> Sequence[Event]:
        """Verify and parse a status callback. Raises BadSignature."""
        return self._read(request, read_status)

    def _read(self, request: RawRequest, read: Callable[[Sender, Form], Sequence[Event]]) -> Sequence[Event]:
        form = read_form(self._validator, request)
        return poisoned(self.name, self.account, request.body, lambda: read(self._sender, form))

    async def send(self, message: Outgoing) -> Receipt:
        """Send one text. Options are not shown: `limits` say so, and the renderer wrote them as lines.

        Raises SendError; Rejected("expired") when the time in which it may be delivered is over.
        """
        if message.validity_s is not None and message.validity_s < 1:
            raise Rejected("expired")
        fields: dict[str, Any] = {
            "to": f"{self.prefix}{message.address}",
            "body": message.text,
            "status_callback": self._status_url,
        }
        if self.account.startswith("MG"):
            fields["messaging_service_sid"] = self.account
        else:
            fields["from_"] = f"{self.prefix}{self.account}"
        if message.validity_s is not None:
            fields["validity_period"] = min(message.validity_s, MAX_VALIDITY_S)
        created = await _guarded(self._client.messages.create_async(**fields))
        if not isinstance(created.sid, str) or not created.sid:
            raise RetryLater("bad_answer", maybe_sent=True)
        return Receipt(created.sid)

    async def acknowledge(self, incoming: Incoming) -> None:
        """Nothing waits for us on these phones."""

    async def forget(self, copies: Sequence[Copy]) -> Sequence[Copy]:
        """Delete Twilio's message resources. One that is still on its way cannot be deleted yet. Raises SendError."""
        return [copy for copy in copies if await self._delete(copy.provider_id)]

    async def _delete(self, sid: str) -> bool:
        try:
            await _guarded(self._client.messages(sid).delete_async())
        except SendError as error:
            if error.code in UNKNOWN:
                return True
            if isinstance(error, Rejected):
                return False
            raise
        return True

    async def catch_up(self, since: datetime) -> Sequence[Incoming]:
        """Messages that came in since then, under the ids that their webhooks had. Raises SendError.

        Twilio gives a webhook up within seconds, so this closes every longer gap. The list does not say what was
        attached: a message with media comes back as UNKNOWN, with its caption.
        """
        filters: dict[str, Any] = {"date_sent_after": since.astimezone(UTC), "page_size": PAGE}
        if not self.account.startswith("MG"):
            filters["to"] = f"{self.prefix}{self.account}"
        records = await _guarded(self._client.messages.list_async(**filters))
        found = [event for record in records for event in self._missed(record)]
        return sorted(
            (event for event in found if event.sent_at and event.sent_at >= since),
            key=lambda event: event.sent_at or since,
        )

    def _missed(self, record: Any) -> Sequence[Incoming]:
        ours = not self.account.startswith("MG") or record.messaging_service_sid == self.account
        if record.direction != "inbound" or not ours:
            return []
        values = {"MessageSid": record.sid, "From": record.from_, "Body": record.body, "NumMedia": record.num_media}
        form = Form([(name, str(value)) for name, value in values.items() if value is not None])
        events = poisoned(self.name, self.account, b"", lambda: read_inbound(self._sender, form))
        sent_at = record.date_sent or record.date_created
        return [replace(event, sent_at=sent_at) for event in events if isinstance(event, Incoming)]

    async def connect(self, public_base_url: str) -> Sequence[str]:
        """Register the webhook where the API can, else say what to set by hand. Raises SendError."""
        url = f"{public_base_url.rstrip('/')}/webhooks/{self.name}"
        return await _guarded(self._register(url))

    async def _register(self, url: str) -> Sequence[str]:
        return [f"{self.name}: set in Twilio's console, POST: incoming messages {url}{RETRY_OVERRIDE}"]

    async def aclose(self) -> None:
        """Close connections."""
        await self._transport.aclose()


async def _guarded[T](call: Awaitable[T]) -> T:
    """The result of a call of the official client. Raises SendError, never with Twilio's words in it."""
    try:
        return await call
    except (TwilioException, ValueError, TypeError, KeyError, AttributeError) as error:
        failure = failure_of(error)
    raise failure
