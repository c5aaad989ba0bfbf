"""What the assistant asks `handoff` to decide during a turn, run through rasa_sdk's ActionExecutor.

Actions are pure: they read facts and slots and answer with effects and slot events. Nothing is written here; the
worker applies the effects in the transaction of the turn (DESIGN §3).

The route that serves them does `await executor.run(payload)` and answers, as JSON:
200 with `answer_of(result)`; 400 with `{"action_name": …, "error": ""}` for rasa_sdk's ActionExecutionRejection;
404 for ActionNotFoundException; 500 with an empty object for everything else, logged as type and place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from rasa_sdk.executor import ActionExecutor, ActionExecutorRunResult

from handoff.core.sop import Sop


class Facts(Protocol):
    """What actions may know of the deployment at this moment."""

    @property
    def locales(self) -> Sequence[str]:
        """The languages that are offered."""

    @property
    def sop(self) -> Sop:
        """The procedure of this country."""

    def staffed_now(self) -> bool:
        """Whether somebody is at the desk, by the deployment's hours."""


class DomainFreeExecutor(ActionExecutor):
    """Runs actions without Rasa's domain, which it does not send (`enable_selective_domain`) and we do not read."""

    def update_and_return_domain(self, payload: dict[str, Any], action_name: str) -> dict[str, Any]:
        """As shipped this asks Rasa to send the whole domain again."""
        return {}


def build_executor(facts: Facts) -> ActionExecutor:
    """All actions of all capabilities, registered by name."""
    from handoff.assistant.actions import language, offer, report, talk_to_human
    from handoff.core.offers import Offers

    executor = DomainFreeExecutor()
    own = (*language.actions(facts), *offer.actions(Offers.load()), *talk_to_human.actions(facts))
    for action in (*own, *report.actions(facts.sop)):
        executor.register_action(action)
    return executor


def answer_of(result: ActionExecutorRunResult | None) -> dict[str, Any]:
    """The JSON body that Rasa expects. An action call without a name has no events and says nothing."""
    return {"events": result.events, "responses": result.responses} if result else {"events": [], "responses": []}
