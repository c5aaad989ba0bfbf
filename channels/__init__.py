"""The table of channels. A new one is a file, a payload folder, a table of cases and a line here."""

from __future__ import annotations

from collections.abc import Callable

from channels.sms_twilio import SmsTwilio
from channels.telegram import Telegram
from channels.whatsapp_cloud import WhatsAppCloud
from channels.whatsapp_twilio import WhatsAppTwilio
from handoff.core.channel import Channel
from handoff.settings import Settings

CHANNELS: dict[str, Callable[[Settings], Channel]] = {
    "sms-twilio": SmsTwilio,
    "whatsapp-twilio": WhatsAppTwilio,
    "whatsapp-cloud": WhatsAppCloud,
    "telegram": Telegram,
}


def build_channels(settings: Settings) -> dict[str, Channel]:
    """The adapters of `settings.channels`, by name.

    Raises ValueError with a sentence that names the unknown channel, or the setting that a channel lacks.
    """
    channels: dict[str, Channel] = {}
    for name in settings.channels:
        if name not in CHANNELS:
            raise ValueError(f"AMANA_CHANNELS names no channel {name!r}; there are {', '.join(CHANNELS)}")
        try:
            channels[name] = CHANNELS[name](settings)
        except ValueError as error:
            raise ValueError(f"channel {name}: {error}") from None
    return channels
