"""WhatsApp by Twilio."""

from __future__ import annotations

from datetime import timedelta

from channels._http import TIMEOUT_S
from channels._settings import required
from channels._twilio import TwilioChannel
from handoff.core.channel import Limits
from handoff.settings import Settings


class WhatsAppTwilio(TwilioChannel):
    """A WhatsApp sender at Twilio. Buttons need approved content templates there, so options go as numbered lines.

    Meta lets one person get a message every 6 s, with 45 in a burst; that is far above the pace of a conversation.
    """

    name = "whatsapp-twilio"
    network = "whatsapp"
    prefix = "whatsapp:"
    limits = Limits(
        style="whatsapp",
        max_text=1600,
        max_buttons=0,
        max_button_label=0,
        max_rows=0,
        max_row_label=0,
        rate=80.0,
        pair_rate=1.0,
        stale_after=timedelta(hours=1),
        answer_after=timedelta(minutes=30),
        window=timedelta(hours=24),
    )

    def __init__(self, settings: Settings, *, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(settings, sender=required(settings, "twilio_whatsapp_from"), timeout_s=timeout_s)
