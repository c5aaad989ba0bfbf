"""`amana doctor`: what is not fit for people yet, in sentences an operator can act on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

import typer
from sqlalchemy.exc import SQLAlchemyError

from handoff.app import House, build_house
from handoff.core.content import Weight
from handoff.core.content_check import check as check_content
from handoff.settings import Settings
from handoff.store.rotation import keys_by_master

CONFIRM = (
    "Before field use, lawyers, child-protection and GBV specialists, PSEA coordinators and survivors "
    "must confirm texts, pathways and numbers."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """`stop` findings make production refuse people; others are for the operator to judge."""

    stop: bool
    sentence: str


async def examine(settings: Settings) -> int:
    """Print every finding; 1 when something must be mended before people may write."""
    house = build_house(settings)
    try:
        findings = [*about_settings(settings), *about_texts(house), *await about_database(house)]
    finally:
        await house.aclose()
    for finding in findings:
        typer.echo(f"{'STOP' if finding.stop else 'note'}  {finding.sentence}")
    typer.echo(f"note  {CONFIRM}")
    return 1 if any(finding.stop for finding in findings) else 0


def about_settings(settings: Settings) -> Iterator[Finding]:
    """Address, numbers, channels."""
    production = not settings.development
    if not settings.public_base_url.startswith("https://"):
        yield Finding(production, "AMANA_PUBLIC_BASE_URL is not https: every provider demands TLS.")
    if not settings.hotline:
        yield Finding(production, "AMANA_HOTLINE is empty: the danger card has no number to call.")
    if not settings.channels:
        yield Finding(True, "AMANA_CHANNELS is empty: nobody can write.")
    if "sms-twilio" in settings.channels:
        replies = "answers" if settings.twilio_carrier_replies else "does not answer"
        yield Finding(
            False,
            f"SMS: the settings say that the carrier {replies} STOP, START and HELP itself. "
            "Check that this is how the Twilio number is set up.",
        )
    if settings.require_reviewed is False and production:
        yield Finding(True, "AMANA_REQUIRE_REVIEWED is off in production: unreviewed safety texts would be sent.")


def about_texts(house: House) -> Iterator[Finding]:
    """Lints, and which languages have unreviewed safety texts (SAFETY §2: those are not offered in production)."""
    problems = check_content()
    if problems:
        yield Finding(True, f"Texts: {len(problems)} problems; `amana content check` lists them.")
    voice = house.voice
    safety = [key for key in voice.prompts if voice.prompts[key].weight in {Weight.CONSENT, Weight.DANGER}]
    for locale in house.settings.locales:
        drafts = [key for key in safety if voice.texts.state(key, locale) == "draft"]
        if drafts:
            yield Finding(
                voice.deployment.must_be_reviewed,
                f"Language {locale}: {len(drafts)} safety texts are drafts ({', '.join(drafts[:3])}, …); "
                "people would get numbers only.",
            )


async def about_database(house: House) -> list[Finding]:
    """Does it answer, and is the schema there."""
    probe: Callable[[], Awaitable[None]] = house.upkeep.ready
    try:
        await probe()
    except (SQLAlchemyError, OSError) as error:
        return [Finding(True, f"Database: {type(error).__name__}. Is it running, and was `amana migrate` run?")]
    _, _, dead = await house.upkeep.gauges()
    findings = [Finding(False, f"{dead} dead letters wait: `amana dead-letters list`.")] if dead else []
    return [*findings, *about_keys(house.vault.newest, await keys_by_master(house.engine), house.settings)]


def about_keys(newest: str, wrapped: Mapping[str, int], settings: Settings) -> Iterator[Finding]:
    """Data keys under an older master key, and those that no key of the list opens."""
    known = {name for name, _ in settings.master_key_list()}
    for name, count in sorted(wrapped.items()):
        if name not in known:
            yield Finding(True, f"{count} data keys need the master key {name}, which is not in AMANA_MASTER_KEYS.")
        elif name != newest:
            yield Finding(False, f"{count} data keys are wrapped by the older master key {name}: `amana keys rotate`.")
