"""SMS by Twilio."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from channels._http import TIMEOUT_S
from channels._settings import required
from channels._twilio import RETRY_OVERRIDE, TwilioChannel
from handoff.core.channel import Limits
from handoff.settings import Settings


class SmsTwilio(TwilioChannel):
    """A number or messaging service that sends SMS. Words like STOP and HELP are taken by Twilio (channel docs §1.6).

    `rate` is what the API takes; Twilio queues behind it and feeds the carrier at the number's own pace.
    """

    name = "sms-twilio"
    network = "sms"
    carrier_words = True
    limits = Limits(
        style="sms",
        max_text=1600,
        max_buttons=0,
        max_button_label=0,
        max_rows=0,
        max_row_label=0,
        rate=100.0,
        pair_rate=10.0,
        stale_after=timedelta(hours=12),
        answer_after=timedelta(hours=12),
    )

    def __init__(self, settings: Settings, *, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(settings, sender=required(settings, "twilio_sms_from"), timeout_s=timeout_s)

    async def _register(self, url: str) -> Sequence[str]:
        status = f"{self.name}: status reports go to {self._status_url} (sent with each message)"
        numbers = []
        if not self.account.startswith("MG"):
            numbers = await self._client.incoming_phone_numbers.list_async(phone_number=self.account, limit=1)
        if not numbers:
            return [*await super()._register(url), status]
        await numbers[0].update_async(sms_url=f"{url}{RETRY_OVERRIDE}", sms_method="POST")
        return [f"{self.name}: incoming messages of {self.account} go to {url}{RETRY_OVERRIDE}", status]
