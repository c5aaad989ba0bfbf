"""`.env.example` names every setting, with its default, and no secret."""

from pathlib import Path

from pydantic import SecretStr

from handoff.settings import Settings

EXAMPLE = Path(__file__).parent.parent / ".env.example"


def written() -> dict[str, str]:
    lines = EXAMPLE.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def as_written(value: object) -> str:
    if isinstance(value, SecretStr) or value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def test_it_names_every_setting_with_its_default() -> None:
    defaults = {f"AMANA_{name.upper()}": as_written(field.default) for name, field in Settings.model_fields.items()}
    defaults["AMANA_PUBLIC_BASE_URL"] = ""  # the default only suits a laptop
    assert written() == defaults


def test_a_plain_copy_of_it_is_valid_and_leaves_secrets_to_files(tmp_path: Path) -> None:
    (tmp_path / "amana_index_key").write_text("from a file")
    copied = Settings(_env_file=EXAMPLE, _secrets_dir=tmp_path)
    assert copied.environment == "production"
    assert copied.require_reviewed is None
    assert copied.secret("index_key") == "from a file"
