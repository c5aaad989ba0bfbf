"""What may be found nowhere: words, numbers, names, places and secrets, all fictional."""

from __future__ import annotations

import base64
from typing import Any

WORDS = "velvet canary 7431"
ARABIC = "كناري مخملي"
REPLY = "saffron owl answers"
NAME = "Zuzanna Kanarkowa"
USERNAME = "kanarkowa_fictional"
LATITUDE, LONGITUDE = "12.3456789", "98.7654321"
ADDRESSES = {
    "sms-twilio": "+15550148362",
    "whatsapp-twilio": "+15550148371",
    "whatsapp-cloud": "+15550148389",
    "telegram": "7358261904",
}
SECRETS: dict[str, Any] = {
    "master_keys": "canary:" + base64.b64encode(b"master key of canaries, 32 bytes").decode(),
    "index_key": "index-key-of-canaries",
    "code_pepper": "pepper-of-canaries",
    "internal_token": "internal-token-of-canaries",
    "rasa_token": "rasa-token-of-canaries",
    "twilio_auth_token": "twilio-token-of-canaries",
    "meta_access_token": "meta-token-of-canaries",
    "meta_app_secret": "meta-secret-of-canaries",
    "meta_verify_token": "meta-verify-of-canaries",
    "telegram_token": "700000000:telegram-token-of-canaries",
    "telegram_secret": "telegram-secret-of-canaries",
}
CANARIES = {
    "words": WORDS,
    "arabic": ARABIC,
    "reply": REPLY,
    "name": NAME,
    "username": USERNAME,
    "latitude": LATITUDE,
    "longitude": LONGITUDE,
    **{f"address on {channel}": address for channel, address in ADDRESSES.items()},
    **{name: secret.rpartition(":")[2] for name, secret in SECRETS.items()},
}
