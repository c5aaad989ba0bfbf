from __future__ import annotations

import time
from datetime import timedelta

import pytest

from handoff.core.channel import Limits
from handoff.core.message import Option
from handoff.core.prompt_table import load_prompts
from handoff.core.render import Rendered, isolate, render, render_plain, say_staffing, sendable_key
from handoff.core.sms import count_segments
from handoff.i18n import Catalogue

HALF_HOUR = timedelta(minutes=30)


def limits(style: str, text: int, buttons: tuple[int, int], rows: tuple[int, int]) -> Limits:
    return Limits(style, text, *buttons, *rows, rate=1, pair_rate=1, stale_after=HALF_HOUR, answer_after=HALF_HOUR)


SMS = limits("sms", 1600, (0, 0), (0, 0))
WHATSAPP = limits("whatsapp", 1024, (3, 20), (10, 24))
TELEGRAM = limits("telegram", 4096, (8, 40), (0, 0))
CATALOGUE = Catalogue(("en", "ar", "es"))
PROMPTS = load_prompts()
ARGS = {
    "org": "Demo Aid (fictional)",
    "hotline": "+15550100100",
    "code": "AB12CD",
    "hours": "08:00-18:00",
    "date": "3 May 14:05",
    "staffing": "People are here.",
}


def said(key: str, locale: str = "en", on: Limits = SMS, **args: str) -> tuple[Rendered, ...]:
    return render(CATALOGUE, PROMPTS, key, args=args or ARGS, locale=locale, limits=on, prompt_id="p7")


def test_sms_writes_the_options_as_numbered_lines() -> None:
    (message,) = said("menu.main")
    assert message.text.splitlines() == [
        "What would you like?",
        "1 Find help",
        "2 Check an offer",
        "3 Learn the signs",
        "4 Talk to a person",
        "5 More",
    ]
    assert message.options == ()
    assert message.segments == 1


def test_whatsapp_shows_up_to_three_buttons() -> None:
    (message,) = said("person.offer", on=WHATSAPP)
    assert message == Rendered("Would you like to talk to a person?", (Option("p7:1", "Yes"), Option("p7:2", "Menu")))


def test_whatsapp_shows_more_as_a_list_with_its_button() -> None:
    (message,) = said("menu.main", "es", WHATSAPP)
    assert message.list_button == "Elegir"
    assert [option.token for option in message.options] == [f"p7:{index}" for index in range(1, 6)]
    assert message.text == "¿Qué desea?"


def test_telegram_shows_a_keyboard() -> None:
    (message,) = said("about.who", "ar", TELEGRAM)
    assert [option.label for option in message.options][1:] == ["التحدث مع شخص", "القائمة"]
    assert message.list_button == ""


def test_labels_too_long_for_buttons_become_a_list_and_then_lines() -> None:
    narrow = limits("whatsapp", 1024, (3, 4), (10, 24))
    (as_list,) = said("danger.ask", on=narrow)
    assert as_list.list_button
    (as_lines,) = said("danger.ask", on=limits("whatsapp", 1024, (3, 4), (10, 4)))
    assert as_lines.text.endswith("1 I am in danger now\n2 No danger now")
    assert as_lines.options == ()


def test_system_messages_say_that_they_are_automatic() -> None:
    assert said("danger.card", on=WHATSAPP)[0].text.startswith("Automatic message: Call +15550100100 now")
    assert said("danger.card")[0].text.startswith("Auto: Call +15550100100 now")
    assert said("greet.hello")[0].text.startswith("Hello.")


def test_the_danger_card_never_says_that_someone_comes() -> None:
    for locale, nobody in (("en", "No one has been sent"), ("es", "No hemos enviado a nadie"), ("ar", "لم يُرسَل أحد")):
        assert nobody in said("danger.card", locale)[0].text


def test_without_a_hotline_its_line_is_left_out() -> None:
    (message,) = said("danger.card", org="Demo Aid", staffing="", hotline="")
    assert message.text.splitlines()[0] == "Auto: No one has been sent."
    assert "{" not in message.text


def test_the_notice_on_reporting_cannot_fall_out_of_a_consent() -> None:
    assert "We report to no one unless you ask." in said("consent.contact", org="Demo Aid")[0].text
    own = said("consent.contact", org="Demo Aid", reporting="If a child is in danger, we must tell others.")[0].text
    assert "If a child is in danger" in own
    assert "We report to no one" not in own


@pytest.mark.parametrize("locale", ["en", "ar", "es"])
@pytest.mark.parametrize("key", ["consent.contact", "consent.contact.unstaffed", "failopen.consent"])
@pytest.mark.parametrize("on", [SMS, WHATSAPP], ids=["sms", "whatsapp"])
def test_every_consent_names_who_sees_what_and_how_to_take_it_back(key: str, locale: str, on: Limits) -> None:
    (message,) = said(key, locale, on)
    for needed in (ARGS["org"], "88", CATALOGUE.text("reporting.none", locale, "sms" if on is SMS else None)):
        assert needed in message.text.replace("\u2066", "").replace("\u2069", "")


def test_spanish_loses_accents_on_sms_only_where_that_saves_a_segment() -> None:
    (long,) = said("about.privacy", "es")
    assert long.text.startswith("No guardo lo que usted me escribe.\nNadie de Demo Aid (fictional) lo lee")
    assert "Borrelo" in long.text
    assert long.segments <= 2
    (short,) = said("language.set", "es")
    assert short.text == "Listo. Le escribiré en español."
    assert "Bórrelo" in said("about.privacy", "es", WHATSAPP)[0].text


def test_segments_are_those_of_the_text_that_is_sent() -> None:
    for key in PROMPTS:
        for message in said(key, "ar"):
            assert message.segments == count_segments(message.text).parts


def test_numbers_and_latin_stay_in_order_inside_arabic_on_chat_apps() -> None:
    (message,) = said("danger.ask", "ar", WHATSAPP)
    assert "\u2066+15550100100\u2069" in message.text
    assert isolate("نقرأ 08:00-18:00 كل يوم", "ar") == "نقرأ \u206608:00-18:00\u2069 كل يوم"
    assert isolate("Call +15550100100", "en") == "Call +15550100100"
    assert not any(sign in said("danger.ask", "ar")[0].text for sign in "\u2066\u2069\u200f")


def test_a_long_text_is_cut_and_its_options_come_last() -> None:
    messages = said("about.who", on=limits("whatsapp", 80, (3, 20), (10, 24)))
    assert len(messages) > 1
    assert all(len(message.text) <= 80 for message in messages)
    assert [bool(message.options) for message in messages] == [False] * (len(messages) - 1) + [True]


def test_an_unknown_key_never_reaches_a_phone_bare() -> None:
    (message,) = said("no.such.key")
    assert message.text == CATALOGUE.text("fallback.ask", "en")


def test_a_language_not_offered_speaks_the_default_one() -> None:
    assert said("menu.main", "fr") == said("menu.main", "en")


def test_a_caseworkers_words_go_as_they_are() -> None:
    assert render_plain("Hello, I am here.", WHATSAPP) == (Rendered("Hello, I am here."),)
    assert render_plain("¡Hola! Está bien.", SMS) == (Rendered("¡Hola! Está bien.", segments=1),)
    assert render_plain("   ", SMS) == ()


def test_a_caseworkers_long_sms_is_numbered_since_order_can_be_lost() -> None:
    text = "\n\n".join(f"Paragraph {number} " + "word " * 100 for number in range(5))
    messages = render_plain(text, SMS)
    assert [message.text[:4] for message in messages] == ["1/2 ", "2/2 "]
    assert all(len(message.text) <= 1600 for message in messages)
    assert render_plain(text, TELEGRAM) == (Rendered(text.strip()),)


def test_what_is_true_about_staffing_is_said() -> None:
    facts = {"org": "Demo Aid", "hours": "Mon 08:00-09:00", "locale": "en"}
    assert say_staffing(CATALOGUE, on_duty=True, limits=SMS, **facts) == "People at Demo Aid are on duty now."
    assert "Mon 08:00" in say_staffing(CATALOGUE, on_duty=False, limits=WHATSAPP, **facts)
    assert say_staffing(CATALOGUE, on_duty=False, limits=SMS, **facts) == "No one at Demo Aid is on duty now."


def test_an_unreviewed_card_becomes_the_number_never_silence() -> None:
    def key_for(key: str, must: bool) -> str:
        return sendable_key(CATALOGUE, PROMPTS, key, locale="ar", must_be_reviewed=must)

    assert key_for("danger.card", must=True) == "danger.number_only"
    assert key_for("danger.ask", must=True) == "danger.number_only"
    assert key_for("danger.card", must=False) == "danger.card"
    assert key_for("menu.main", must=True) == "menu.main"
    assert key_for("danger.number_only", must=True) == "danger.number_only"
    assert said("danger.number_only", "ar")[0].text == "SOS +15550100100"


def test_rendering_is_cheap() -> None:
    said("consent.contact", "ar")
    started = time.perf_counter()
    for _ in range(200):
        said("consent.contact", "ar")
    assert (time.perf_counter() - started) / 200 < 0.002
