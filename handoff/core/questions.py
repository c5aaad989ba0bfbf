"""The closed questions of a report, in the order in which they are asked, and what their answers mean (domain §3.4).

Answers are codes such as "whom.self" or "topic.pay"; nothing here holds a word of a person. "skip" is an answer too:
what was answered, skipped and not asked stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handoff.core.report import Report

SKIP = "skip"
DONE = "topics.done"
PSEA_SEEN = "psea.seen"
# Signs that leave no time for another question: the consent comes next.
URGENT = frozenset({"locked_in", "ransom", "assault_recent", "child_alone"})
# Codes that are no answer: where we are in the questions.
STEPS = ("group.", "topics.", "psea.", "health.")
SINGLE = frozenset({"whom", "age", "group", "topics", "when", "recent", "adult", "place", "psea", "health", "gender"})


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing that happens to people: its concern (content/pathways/routing.yml), a child's, and what it says."""

    concern: str = ""
    of_child: str = ""
    signs: tuple[str, ...] = ()


TOPICS = {
    "pay": Topic("vot_labour", "child_labour"),
    "papers": Topic("vot_labour", "child_labour", ("papers",)),
    "locked": Topic("vot_slavery", "", ("locked_in",)),
    "beg": Topic("vot_forced_begging"),
    "touch": Topic("sexual_violence_exploitation"),
    "marriage": Topic("early_marriage"),
    "home": Topic("domestic_violence", "child_violence_abuse"),
    "ransom": Topic("ransom_kidnapping", "child_abduction_kidnapping", ("ransom",)),
    "fight": Topic("forced_recruitment", "child_recruitment"),
    "organ": Topic("vot_organ_removal"),
    "stuck": Topic("stranded_migrant_exploitation"),
    "unfair": Topic("minority_exploitation"),
    "aid": Topic("sea_by_aid_worker"),
    "unsure": Topic("not_sure"),
    "alone": Topic(),
}
DATED = frozenset({"marriage", "organ", "stuck"})
# The field of a report that a question fills.
FIELD = {
    "whom": "for_whom",
    "age": "age_band",
    "place": "place_code",
    "org": "organizations",
    "gender": "worker_gender",
    **dict.fromkeys(("when", "recent", "adult"), "signs"),
}
SIGNS = {"when.soon": "soon", "when.past": "past", "recent.yes": "assault_recent", "adult.no": "child_alone"}
# What the words of a first message suggest. The person sees it named before they choose to tell.
SUGGESTED = {
    "report_exploitation": ("whom.self",),
    "report_for_other": (DONE,),
    "report_aid_worker": ("topic.aid", DONE),
    "report_ransom": ("topic.ransom", DONE),
    "sexual_violence": ("topic.touch", DONE),
    "forced_marriage": ("topic.marriage", DONE),
    "child_alone": ("topic.alone", DONE),
}


def add(said: Sequence[str], code: str) -> tuple[str, ...]:
    """The answers with one more; an answer to a question that has only one takes the place of the earlier."""
    name = code.partition(".")[0]
    kept = [old for old in said if old != code and not (name in SINGLE and old.startswith(f"{name}."))]
    if name == "topic":
        kept = [old for old in kept if not old.startswith("group.")]
        # After a second one, chosen anew or again, nobody is asked for a third.
        kept += [DONE] if topics(said) and DONE not in said else []
    return (*kept, code)


def answered(said: Iterable[str], name: str) -> str:
    """What was answered to this question, "" when nothing was."""
    return next((code.partition(".")[2] for code in said if code.startswith(f"{name}.")), "")


def topics(said: Iterable[str]) -> tuple[str, ...]:
    """What it is about, in the order in which it was chosen."""
    return tuple(code.removeprefix("topic.") for code in said if code.startswith("topic."))


def told(said: Iterable[str]) -> int:
    """How many answers somebody would see."""
    return sum(not code.startswith(STEPS) and not code.endswith(f".{SKIP}") for code in said)


def next_question(said: Sequence[str], *, medical: bool = True) -> str:
    """The key of the next question, "" when all has been asked. `medical`: this country's clinics can be spoken of."""
    about = topics(said)
    if not answered(said, "whom"):
        return "report.whom"
    if answered(said, "whom") == "self" and not answered(said, "age"):
        return "report.age"
    if group := answered(said, "group"):
        return f"report.topic.{group}"
    if not about:
        return "report.topic"
    report = report_of(said)
    if report.about_child and "aid" not in about and not answered(said, "adult"):
        return "report.adult"
    if "touch" in about and not answered(said, "recent"):
        return "report.recent"
    if medical and "assault_recent" in report.signs and not answered(said, "health"):
        return "report.health"
    if urgent(report) or "aid" in about:
        return ""
    if not report.about_child and DONE not in said and "unsure" not in about:
        return "report.topic.more"
    if DATED & set(about) and "touch" not in about and not answered(said, "when"):
        return "report.when"
    return ""


def urgent(report: Report) -> bool:
    """Nothing more is asked before somebody may be called."""
    return bool(URGENT & set(report.signs))


def report_of(said: Sequence[str], *, shared_phone: str = "") -> Report:
    """What these answers tell, for triage, routing and the desk."""
    whom, age = answered(said, "whom"), answered(said, "age")
    child = whom == "child" or age == "minor"
    chosen = [TOPICS[topic] for topic in topics(said) if topic in TOPICS]
    concerns = dict.fromkeys((topic.of_child if child and topic.of_child else topic.concern) for topic in chosen)
    signs = (*(sign for topic in chosen for sign in topic.signs), *(SIGNS[code] for code in said if code in SIGNS))
    return Report(
        for_whom="" if whom == SKIP else whom,
        age_band="unknown" if age == SKIP else age,
        concerns=tuple(filter(None, concerns)),
        signs=tuple(dict.fromkeys(signs)),
        flags=tuple(code.removeprefix("flag.") for code in said if code.startswith("flag.")),
        organizations=tuple(c.removeprefix("org.") for c in said if c.startswith("org.") and c != f"org.{SKIP}"),
        place_code="" if answered(said, "place") == SKIP else answered(said, "place"),
        shared_phone=shared_phone,
        worker_gender="" if answered(said, "gender") == SKIP else answered(said, "gender"),
        skipped=tuple(dict.fromkeys(FIELD[c.partition(".")[0]] for c in said if c.endswith(f".{SKIP}"))),
    )
