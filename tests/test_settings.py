"""Settings: placeholders and gaps stop the start with a sentence that says what to do, and no secret is ever shown."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from handoff.app import build_house, database_dsn
from handoff.settings import PLACEHOLDERS, Settings, load_settings

KEY = base64.b64encode(b"k" * 32).decode()


def a_setting(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


@pytest.mark.parametrize("placeholder", [*sorted(PLACEHOLDERS), " ChangeMe "])
@pytest.mark.parametrize("name", ["internal_token", "twilio_auth_token", "master_keys"])
def test_a_placeholder_stops_the_start_and_names_the_variable(name: str, placeholder: str) -> None:
    with pytest.raises(ValidationError, match=f"AMANA_{name.upper()} still has its placeholder"):
        a_setting(**{name: placeholder})


def test_a_language_without_texts_stops_the_start_and_is_named() -> None:
    assert a_setting(locales="en, fa_AF").locales == ("en", "fa_AF")
    with pytest.raises(ValidationError, match="AMANA_LOCALES: there are no texts in tlh"):
        a_setting(locales="en,tlh")


def test_a_missing_secret_is_named_when_it_is_needed() -> None:
    with pytest.raises(ValueError, match="AMANA_RASA_TOKEN is not set"):
        a_setting().secret("rasa_token")


@pytest.mark.parametrize("keys", ["nonsense", f"a:{KEY},b", "a:c2hvcnQ=", f":{KEY}", f"a:{KEY}x", "a:%%%"])
def test_master_keys_that_are_none_are_refused_without_showing_them(keys: str) -> None:
    with pytest.raises(ValueError, match="AMANA_MASTER_KEYS wants") as refused:
        a_setting(master_keys=keys).master_key_list()
    assert KEY not in str(refused.value)


def test_master_keys_come_newest_first_from_one_line_or_several() -> None:
    for keys in (f"b:{KEY},a:{KEY}", f"b:{KEY}\n a:{KEY}"):
        assert [name for name, _ in a_setting(master_keys=keys).master_key_list()] == ["b", "a"]


def test_production_without_a_database_refuses_to_start() -> None:
    with pytest.raises(ValueError, match="AMANA_DATABASE_URL is empty"):
        database_dsn(a_setting())
    assert database_dsn(a_setting(database_url="postgresql://db/amana")) == "postgresql://db/amana"


def test_an_unknown_channel_and_a_missing_secret_stop_the_house(settings: Settings) -> None:
    given = settings.model_dump(exclude_unset=True)
    with pytest.raises(ValueError, match="fax"):
        build_house(a_setting(**given | {"channels": "fax"}))
    with pytest.raises(ValueError, match="AMANA_INDEX_KEY is not set"):
        build_house(a_setting(**given | {"index_key": ""}))


def test_reviewed_texts_are_demanded_in_production_unless_switched_off() -> None:
    assert a_setting().must_be_reviewed
    assert not a_setting(environment="development").must_be_reviewed
    assert a_setting(environment="development", require_reviewed=True).must_be_reviewed
    assert not a_setting(require_reviewed=False).must_be_reviewed


def test_lists_are_written_with_commas_or_spaces() -> None:
    assert a_setting(locales="en, ar  es").locales == ("en", "ar", "es")
    assert a_setting(channels=("telegram",)).channels == ("telegram",)


def test_secrets_come_by_file_and_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "amana_rasa_token").write_text("from a file\n")
    (tmp_path / "amana_internal_token").write_text("from a file")
    monkeypatch.setenv("AMANA_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("AMANA_INTERNAL_TOKEN", "from the environment")
    settings = load_settings()
    assert settings.secret("rasa_token") == "from a file"
    assert settings.secret("internal_token") == "from the environment"


def test_no_secret_stands_in_a_repr_or_in_what_is_wrong() -> None:
    shown = repr(a_setting(internal_token="velvet-canary"))
    assert "canary" not in shown
    with pytest.raises(ValidationError) as wrong:
        a_setting(port="velvet-canary")
    assert "canary" not in str(wrong.value)
