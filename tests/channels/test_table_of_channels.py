"""`build_channels`: the configured adapters, or a sentence that says what is missing."""

from __future__ import annotations

import pytest

from channels import CHANNELS, build_channels
from tests.channels.harness import settings_for

NEEDED = {
    "sms-twilio": ("twilio_account_sid", "twilio_auth_token", "twilio_sms_from"),
    "whatsapp-twilio": ("twilio_account_sid", "twilio_auth_token", "twilio_whatsapp_from"),
    "whatsapp-cloud": ("meta_phone_number_id", "meta_app_secret", "meta_verify_token", "meta_access_token"),
    "telegram": ("telegram_token", "telegram_secret"),
}


async def test_the_configured_channels_are_built() -> None:
    built = build_channels(settings_for("http://127.0.0.1:9"))
    assert list(built) == list(CHANNELS)
    for name, channel in built.items():
        assert channel.name == name
        await channel.aclose()
    assert {channel.network for channel in built.values()} == {"sms", "whatsapp", "telegram"}
    assert built["whatsapp-twilio"].network == built["whatsapp-cloud"].network


def test_no_channel_is_no_adapter() -> None:
    assert build_channels(settings_for("http://127.0.0.1:9", channels=())) == {}


def test_an_unknown_channel_is_named() -> None:
    with pytest.raises(ValueError, match="'pigeon'"):
        build_channels(settings_for("http://127.0.0.1:9", channels=("pigeon",)))


@pytest.mark.parametrize(("channel", "setting"), [(name, s) for name, needed in NEEDED.items() for s in needed])
def test_a_missing_setting_is_named(channel: str, setting: str) -> None:
    with pytest.raises(ValueError, match=f"channel {channel}: AMANA_{setting.upper()} is not set"):
        build_channels(settings_for("http://127.0.0.1:9", channels=(channel,), **{setting: ""}))


def test_a_sender_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="sms-twilio"):
        build_channels(settings_for("http://127.0.0.1:9", channels=("sms-twilio",), twilio_sms_from="AMANA"))


def test_each_limit_is_one_that_the_provider_takes() -> None:
    for channel in build_channels(settings_for("http://127.0.0.1:9")).values():
        limits = channel.limits
        assert limits.style in ("sms", "whatsapp", "telegram")
        assert 0 < limits.pair_rate <= limits.rate
        assert limits.answer_after <= limits.stale_after
        assert (limits.window is not None) == (channel.network == "whatsapp")
