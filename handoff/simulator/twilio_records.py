"""Twilio's copies of messages: what its API lists, shows, redacts and deletes. The phone keeps its own copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import islice
from urllib.parse import urlencode

from handoff.simulator.twilio_webhooks import API_VERSION

FINAL = frozenset({"delivered", "read", "received", "failed", "undelivered", "canceled"})
DEFAULT_PAGE = 50
LARGEST_PAGE = 1000


@dataclass(slots=True)
class Record:
    """One message as Twilio knows it. `at` is both its creation and its sending."""

    sid: str
    account: str
    sender: str
    to: str
    body: str
    inbound: bool
    status: str
    at: datetime
    media: int = 0
    parts: int = 1
    error_code: int | None = None
    service: str | None = None

    def describe(self) -> dict[str, object]:
        """The message resource, in the fields of Twilio's specification."""
        stamp = format_datetime(self.at.astimezone(UTC))
        uri = f"/{API_VERSION}/Accounts/{self.account}/Messages/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account,
            "messaging_service_sid": self.service,
            "api_version": API_VERSION,
            "body": self.body,
            "from": self.sender,
            "to": self.to,
            "direction": "inbound" if self.inbound else "outbound-api",
            "status": self.status,
            "error_code": self.error_code,
            "error_message": None,
            "num_media": str(self.media),
            "num_segments": str(self.parts),
            "price": None,
            "price_unit": "USD",
            "date_created": stamp,
            "date_sent": stamp,
            "date_updated": stamp,
            "uri": f"{uri}.json",
            "subresource_uris": {"media": f"{uri}/Media.json"},
        }


class Records:
    """All messages of the account, newest first when listed."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Record] = {}

    def add(self, record: Record) -> None:
        """Keep a message."""
        self._by_sid[record.sid] = record

    def get(self, sid: str) -> Record | None:
        """The message with this sid."""
        return self._by_sid.get(sid)

    def delete(self, sid: str) -> None:
        """Forget a message."""
        del self._by_sid[sid]

    def clear(self) -> None:
        """Forget all."""
        self._by_sid.clear()

    def page(self, query: Mapping[str, str], path: str) -> dict[str, object]:
        """One page of the list. Raises ValueError for a date or number that Twilio would refuse."""
        size = min(max(int(query.get("PageSize", DEFAULT_PAGE)), 1), LARGEST_PAGE)
        number = int(query.get("Page", 0))
        start = number * size
        found = list(islice(self._select(query), start, start + size + 1))
        shown = found[:size]

        def link(page: int) -> str:
            return f"{path}?{urlencode({**query, 'PageSize': size, 'Page': page})}"

        return {
            "messages": [record.describe() for record in shown],
            "page": number,
            "page_size": size,
            "start": start,
            "end": start + max(len(shown) - 1, 0),
            "uri": link(number),
            "first_page_uri": link(0),
            "next_page_uri": link(number + 1) if len(found) > size else None,
            "previous_page_uri": link(number - 1) if number else None,
        }

    def _select(self, query: Mapping[str, str]) -> Iterator[Record]:
        since, until = _moment(query.get("DateSent>")), _moment(query.get("DateSent<"))
        day = query.get("DateSent")
        for record in reversed(self._by_sid.values()):
            if since and record.at < since:
                return
            fits = query.get("To") in (None, record.to) and query.get("From") in (None, record.sender)
            dated = not (until and record.at > until) and (not day or f"{record.at:%Y-%m-%d}" == day)
            if fits and dated:
                yield record


def _moment(text: str | None) -> datetime | None:
    """Twilio takes a day or an ISO time, in GMT. Raises ValueError."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
