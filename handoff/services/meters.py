"""What is counted for the operator. No label could identify anyone: channels, outcomes and states only."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(slots=True)
class Meters:
    """One registry a process, served on /metrics of the internal port."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _webhooks: Counter = field(init=False)
    _turns: Counter = field(init=False)
    _turn_seconds: Histogram = field(init=False)
    _sent: Counter = field(init=False)
    _segments: Counter = field(init=False)
    _events: Counter = field(init=False)
    queue_depth: Gauge = field(init=False)
    queue_age: Gauge = field(init=False)
    dead_letters: Gauge = field(init=False)

    def __post_init__(self) -> None:
        """Name every instrument."""
        registry = self.registry
        self._webhooks = Counter("amana_webhooks", "Webhooks by result", ("channel", "result"), registry=registry)
        self._turns = Counter("amana_turns", "Worked messages by outcome", ("channel", "outcome"), registry=registry)
        self._turn_seconds = Histogram(
            "amana_turn_seconds", "From lease to committed turn", buckets=SECONDS, registry=registry
        )
        self._sent = Counter("amana_outbound", "Messages of ours by state", ("channel", "state"), registry=registry)
        self._segments = Counter("amana_sms_segments", "SMS segments sent", ("channel",), registry=registry)
        self._events = Counter("amana_events", "Things an operator should know", ("event",), registry=registry)
        self.queue_depth = Gauge("amana_queue_depth", "Conversations that wait for a worker", registry=registry)
        self.queue_age = Gauge("amana_queue_age_seconds", "How long the oldest has waited", registry=registry)
        self.dead_letters = Gauge("amana_dead_letters", "Dead letters not yet re-driven", registry=registry)

    def webhook(self, channel: str, result: str) -> None:
        """A webhook was accepted, refused or unreadable."""
        self._webhooks.labels(channel, result).inc()

    def turn(self, outcome: str, channel: str, seconds: float) -> None:
        """A message was worked."""
        self._turns.labels(channel, outcome).inc()
        self._turn_seconds.observe(seconds)

    def sent(self, channel: str, state: str, segments: int) -> None:
        """A message of ours changed state."""
        self._sent.labels(channel, state).inc()
        if state == "sent" and segments:
            self._segments.labels(channel).inc(segments)

    def count(self, event: str) -> None:
        """Something happened that has no number of its own."""
        self._events.labels(event).inc()
