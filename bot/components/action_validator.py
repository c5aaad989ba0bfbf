"""Remote actions made quick and honest. Pinned to Rasa 3.6.21 by a test, since it replaces two of its methods.

As shipped, Rasa re-checks the JSON schema of its own response schema at every action (about 30 ms), opens a new
connection for each, waits five minutes, and in some places goes on when an action failed.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import Any, Dict, List, Optional

import aiohttp
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.shared.core import events
from rasa.shared.utils.common import all_subclasses
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

PINNED = "3.6.21"
TIMEOUT_S = 2.5

failed_actions: ContextVar[List[str]] = ContextVar("failed_actions")

_schema = RemoteAction.action_response_format_spec()
_validator = validator_for(_schema)(_schema)
_run_as_shipped = RemoteAction.run


class BadActionAnswer(Exception):
    """The action endpoint answered something that is no action result."""


def validate_result(_: RemoteAction, result: Any) -> bool:
    """Check an answer against Rasa's schema, prepared once. Raises BadActionAnswer without naming the content."""
    if not _validator.is_valid(result):
        raise BadActionAnswer
    return True


async def run_and_record(self: RemoteAction, *args: Any, **kwargs: Any) -> List[events.Event]:
    """Run the action; remember that it failed, also where Rasa swallows the exception."""
    try:
        return await _run_as_shipped(self, *args, **kwargs)
    except BaseException:
        failed_actions.get().append(self.name())
        raise


def resolve_event(name: str, default: Optional[type] = None) -> Optional[type]:
    """An event's class from a table; Rasa walks all subclasses each time. Raises ValueError as Rasa does."""
    if name not in _event_types and default is None:
        raise ValueError("unknown event")
    return _event_types.get(name, default)


_event_types: Dict[str, type] = {kind.type_name: kind for kind in reversed(all_subclasses(events.Event))}


def check_remote_actions() -> None:
    """Put the three in their places. Safe to call again."""
    RemoteAction._validate_action_result = validate_result
    RemoteAction.run = run_and_record
    events.Event.resolve_by_type = staticmethod(resolve_event)


class ActionEndpoint(EndpointConfig):
    """The action endpoint over kept connections, with a time-out that fits a chat.

    AMANA_ACTION_TIMEOUT_S: seconds for one action, default 2.5 (`handoff` gives up on the whole turn after 4).
    """

    _session: Optional[aiohttp.ClientSession] = None

    @classmethod
    def of(cls, plain: EndpointConfig) -> ActionEndpoint:
        """The same endpoint. Only `url`, `headers` and the domain setting are used: a `token` would go in the URL."""
        return cls(plain.url, headers=plain.headers, **plain.kwargs)

    async def request(self, method: str = "post", subpath: Optional[str] = None, **kwargs: Any) -> Any:
        """POST the action's JSON. Raises ClientResponseError from status 400, aiohttp's errors, TimeoutError."""
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=float(os.environ.get("AMANA_ACTION_TIMEOUT_S", TIMEOUT_S)))
            self._session = aiohttp.ClientSession(headers=self.headers, timeout=limit)
        async with self._session.post(self.url, json=kwargs["json"]) as response:
            if response.status >= 400:
                raise ClientResponseError(response.status, "", await response.text())
            return await response.json(content_type=None)

    async def aclose(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()
