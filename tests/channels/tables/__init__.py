"""One table for each channel: a new channel adds its line here and in `channels/__init__.py`."""

from __future__ import annotations

from tests.channels.harness import Table
from tests.channels.tables import sms_twilio, telegram, whatsapp_cloud, whatsapp_twilio

TABLES: tuple[Table, ...] = (
    sms_twilio.TABLE,
    whatsapp_twilio.TABLE,
    whatsapp_cloud.TABLE,
    telegram.TABLE,
)
