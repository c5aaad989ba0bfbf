"""Every setting of Amana, in one class. Environment variables with the prefix AMANA_, or files in AMANA_SECRETS_DIR."""

from __future__ import annotations

import base64
import binascii
import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LOCALES = Path(__file__).resolve().parent.parent / "locales"
PLACEHOLDERS = frozenset({"changeme", "change-me", "secret", "password", "todo", "xxx", "example"})


class Settings(BaseSettings):
    """The whole configuration. A missing or placeholder secret stops the start with a sentence that says which."""

    model_config = SettingsConfigDict(
        env_prefix="AMANA_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        frozen=True,
    )

    environment: Literal["development", "production"] = "production"
    public_base_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = 8000
    internal_host: str = "127.0.0.1"
    internal_port: int = 8001
    worker_metrics_port: int = 8002
    log_level: str = "INFO"

    database_url: str = ""
    data_dir: str = ".amana"
    database_pool: int = 8

    master_keys: SecretStr = SecretStr("")
    index_key: SecretStr = SecretStr("")
    code_pepper: SecretStr = SecretStr("")
    internal_token: SecretStr = SecretStr("")

    rasa_url: str = "http://127.0.0.1:5005"
    rasa_token: SecretStr = SecretStr("")
    rasa_timeout_s: float = 4.0

    worker_concurrency: int = 12
    lease_s: float = 6.0

    locales: Annotated[tuple[str, ...], NoDecode] = (
        *("en", "ar", "uk", "ru", "fr"),
        *("es", "fa_AF", "ps", "so", "sw"),
    )
    default_locale: str = "en"
    require_reviewed: bool | None = None

    org_name: str = "Demo Aid (fictional)"
    org_slug: str = "demo-aid"
    hotline: str = ""
    awareness_only: bool = False
    sop_country: str = "tamaria"
    psea_channel: str = ""
    le_safe: Annotated[tuple[str, ...], NoDecode] = ()
    staffed_hours: str = "Mon-Sun 08:00-20:00"
    timezone: str = "UTC"
    claim_minutes: int = 30
    waiting_ack_minutes: int = 60
    session_hours: int = 24
    return_after_minutes: int = 60

    address_hours: int = Field(default=24, ge=1, le=24 * 30)
    address_hours_sms: int = Field(default=72, ge=1, le=24 * 30)
    report_days: int = Field(default=30, ge=1, le=90)
    consent_ask_days: int = Field(default=75, ge=1, le=89)
    sealed_days: int = Field(default=14, ge=0, le=30)

    sender_per_minute: int = 20
    sender_per_day: int = 300
    daily_segments: int = 20_000

    channels: Annotated[tuple[str, ...], NoDecode] = ()
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_api_url: str = "https://api.twilio.com"
    twilio_sms_from: str = ""
    twilio_whatsapp_from: str = ""
    twilio_carrier_replies: bool = True
    meta_api_url: str = "https://graph.facebook.com"
    meta_api_version: str = "v23.0"
    meta_phone_number_id: str = ""
    meta_access_token: SecretStr = SecretStr("")
    meta_app_secret: SecretStr = SecretStr("")
    meta_verify_token: SecretStr = SecretStr("")
    telegram_api_url: str = "https://api.telegram.org"
    telegram_token: SecretStr = SecretStr("")
    telegram_secret: SecretStr = SecretStr("")

    simulator_host: str = "127.0.0.1"
    simulator_port: int = 8010

    @field_validator("locales", "channels", "le_safe", mode="before")
    @classmethod
    def split_list(cls, value: object) -> object:
        """Lists are written with commas or spaces between the items."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("locales")
    @classmethod
    def refuse_languages_without_texts(cls, locales: tuple[str, ...]) -> tuple[str, ...]:
        """Who is offered a language must be answered in it."""
        for locale in locales:
            if not (LOCALES / locale / "LC_MESSAGES" / "messages.po").is_file():
                raise ValueError(f"AMANA_LOCALES: there are no texts in {locale} (locales/{locale}/LC_MESSAGES)")
        return locales

    @model_validator(mode="after")
    def refuse_placeholders(self) -> Settings:
        """A copied example file must not become a running service."""
        for name, value in self:
            if isinstance(value, SecretStr) and value.get_secret_value().strip().lower() in PLACEHOLDERS:
                raise ValueError(f"AMANA_{name.upper()} still has its placeholder: put a real secret there")
        return self

    @cached_property
    def development(self) -> bool:
        """True where the simulator and other conveniences are allowed."""
        return self.environment == "development"

    @cached_property
    def must_be_reviewed(self) -> bool:
        """Whether unreviewed safety texts may not be sent (DESIGN §7): true in production unless switched off."""
        return not self.development if self.require_reviewed is None else self.require_reviewed

    def master_key_list(self) -> list[tuple[str, bytes]]:
        """(id, 32-byte key) pairs, newest first, from "id:base64,id:base64". Raises ValueError."""
        keys = []
        for part in self.secret("master_keys").replace("\n", ",").split(","):
            name, _, encoded = part.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True) if name else b""
            except binascii.Error:
                key = b""
            if len(key) != 32:
                raise ValueError("AMANA_MASTER_KEYS wants id:base64-of-32-bytes, separated by commas")
            keys.append((name, key))
        return keys

    def secret(self, name: str) -> str:
        """The value of a secret that this process needs. Raises ValueError naming the variable when it is empty."""
        value: SecretStr = getattr(self, name)
        if not value.get_secret_value():
            raise ValueError(f"AMANA_{name.upper()} is not set")
        return value.get_secret_value()


def load_settings() -> Settings:
    """Settings from the environment, `.env` and, when AMANA_SECRETS_DIR is set, one file per secret.

    Files are named as the variables, in lower case: `amana_internal_token`.
    """
    secrets_dir = os.environ.get("AMANA_SECRETS_DIR")
    return Settings(_secrets_dir=secrets_dir) if secrets_dir else Settings()
