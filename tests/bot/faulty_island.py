"""The assistant with faults, run by bot/.venv (Python 3.10): `faulty_island.py [--leak] -p PORT`.

A message that says "break the <part>" makes that part raise an exception that quotes the message; `--leak` puts
Rasa's own logging back, so that the test of our logging can be seen to fail.
"""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bot"))

LEAK = "--leak" in sys.argv
if LEAK:
    sys.argv.remove("--leak")

import run  # noqa: E402
from components import intent_classifier, turn  # noqa: E402
from rasa.core.actions.action import ActionBotResponse  # noqa: E402
from rasa.core.policies.rule_policy import RulePolicy  # noqa: E402

broken = {"part": "", "text": ""}
understand, rank = turn.Island.understand, intent_classifier.AmanaIntentClassifier.rank
predict, respond = RulePolicy.predict_action_probabilities, ActionBotResponse.run


def fail(part):
    if broken["part"] == part:
        raise RuntimeError("fault while working on " + broken["text"])


def understand_and_note(self, message, tracker):
    broken["part"] = message.text.split("break the ")[1].split()[0] if "break the " in message.text else ""
    broken["text"] = message.text
    return understand(self, message, tracker)


def rank_or_fail(self, text):
    logging.getLogger("rasa.somewhere").debug("ranking %s", text)
    fail("classifier")
    return rank(self, text)


def predict_or_fail(self, tracker, *args, **kwargs):
    fail("policy")
    if tracker.latest_action_name != "action_listen":
        fail("listening")
    return predict(self, tracker, *args, **kwargs)


async def respond_or_fail(self, *args, **kwargs):
    fail("response")
    return await respond(self, *args, **kwargs)


turn.Island.understand = understand_and_note
intent_classifier.AmanaIntentClassifier.rank = rank_or_fail
RulePolicy.predict_action_probabilities = predict_or_fail
ActionBotResponse.run = respond_or_fail

if __name__ == "__main__":
    if LEAK:
        run.logs.configure = lambda level: logging.basicConfig(level=level, stream=sys.stdout)
    run.main()
