"""Train the assistant when its inputs changed: `bot/.venv/bin/python bot/train.py [--check]`.

The model is `bot/models/amana-<hash of everything it is made from>.tar.gz`, so an unchanged tree trains nothing.
`--check` looks for mistakes in the data as `rasa data validate` does, any warning being one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Iterator, Sequence
from warnings import WarningMessage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MODELS = HERE / "models"
INPUTS = (
    HERE / "config.yml",
    HERE / "domain",
    HERE / "components",
    HERE / "requirements.lock",
    ROOT / "nlu",
    ROOT / "stories",
)
SUFFIXES = {".yml", ".py", ".lock", ".npz"}


def input_files() -> Iterator[Path]:
    """Every file that the model depends on, in a stable order."""
    for place in INPUTS:
        yield from [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.suffix in SUFFIXES)


def inputs_hash() -> str:
    """16 hex digits over names and contents of the inputs."""
    digest = hashlib.sha256()
    for path in input_files():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def current_model() -> Path:
    """Where the model of the inputs as they are now is, or will be."""
    return Path(os.environ.get("AMANA_MODEL") or MODELS / f"amana-{inputs_hash()}.tar.gz")


def say(text: str) -> None:
    """Progress for who waits."""
    print(text, flush=True)  # noqa: T201


def prepare() -> None:
    """Make Rasa importable, quiet about people, and our components findable."""
    sys.path.insert(0, str(HERE))
    os.environ.setdefault("TQDM_DISABLE", "1")
    import logging

    import structlog
    from lean import leave_out_tensorflow

    leave_out_tensorflow()
    logging.basicConfig(level=logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    import rasa.core.policies.rule_policy  # noqa: F401 - its import registers it with the recipe


def train() -> Path:
    """Train unless the model of these inputs exists. Returns its path. Raises SystemExit when nothing came out."""
    model = current_model()
    if model.exists():
        say(f"assistant: {model.name} is up to date")
        return model
    started = time.monotonic()
    say("assistant: its inputs changed, loading Rasa")
    prepare()
    from rasa.model_training import train as rasa_train

    say(f"assistant: training ({time.monotonic() - started:.0f} s so far)")
    data = [str(ROOT / "nlu"), str(ROOT / "stories")]
    unfinished = f".training-{os.getpid()}"
    result = rasa_train(
        str(HERE / "domain"),
        str(HERE / "config.yml"),
        data,
        output=str(MODELS),
        fixed_model_name=unfinished,
        force_training=True,
    )
    if result.code or not result.model:
        raise SystemExit("assistant: training failed")
    os.replace(result.model, model)
    forget_older(model)
    say(f"assistant: {model.name} trained in {time.monotonic() - started:.0f} s")
    return model


def forget_older(model: Path, keep: int = 4) -> None:
    """Keep the last few models only; the newest is `model`."""
    older = sorted((p for p in MODELS.glob("amana-*.tar.gz") if p != model), key=lambda p: p.stat().st_mtime)
    for path in older[: max(0, len(older) - keep + 1)]:
        path.unlink(missing_ok=True)


def check() -> None:
    """Validate domain, rules and NLU data. Raises SystemExit after printing every mistake."""
    prepare()
    import warnings

    from components.state import check_slots
    from rasa.shared.importers.importer import TrainingDataImporter
    from rasa.validator import Validator

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        data = [str(ROOT / "nlu"), str(ROOT / "stories")]
        importer = TrainingDataImporter.load_from_config(str(HERE / "config.yml"), str(HERE / "domain"), data)
        check_slots(importer.get_domain())
        validator = Validator.from_importer(importer)
        sound = validator.verify_domain_validity() and validator.verify_nlu(ignore_warnings=False)
        sound = validator.verify_story_structure(ignore_warnings=False) and sound
        sound = validator.verify_actions_in_stories_rules() and validator.verify_form_slots() and sound
        sound = validator.verify_forms_in_stories_rules() and validator.verify_slot_mappings() and sound
    mistakes = sorted({str(w.message) for w in caught if issubclass(w.category, UserWarning)} - set(expected(caught)))
    for mistake in mistakes:
        say(f"assistant: {mistake}")
    if mistakes or not sound:
        raise SystemExit("assistant: the data has mistakes")
    say("assistant: the data is clean")


def expected(caught: Sequence[WarningMessage]) -> Iterator[str]:
    """Rasa's two warnings that are no mistakes: its news of version 3, and `choose`, which only ever is a payload."""
    for warning in caught:
        text = str(warning.message)
        if text.startswith(("Slot auto-fill has been removed", "The intent 'choose' is listed in the domain")):
            yield text


def main() -> None:
    """Train or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="validate the data instead of training")
    os.chdir(HERE)
    check() if parser.parse_args().check else train()


if __name__ == "__main__":
    main()
