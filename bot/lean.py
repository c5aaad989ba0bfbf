"""Import Rasa without TensorFlow, which it loads and we never use: measured 24 s and 534 MB against 7 s and 174 MB.

Three modules stand between Rasa's core and TensorFlow: the list of every built-in component (we name ours by class),
the training helpers of its neural networks, and a validator of pipelines that imports each component to see whether it
is in use. The first two are left empty; ours stands in for the third.
"""

from __future__ import annotations

import os
import sys
import types
import warnings

EMPTY = ("rasa.engine.recipes.default_components", "rasa.utils.train_utils")
VALIDATOR = "rasa.graph_components.validators.default_recipe_validator"


def leave_out_tensorflow() -> None:
    """Must run before the first import of Rasa. Also turns telemetry off, whose default is on."""
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    # One message, one thread. The encoder shares its OpenMP with scikit-learn, which reads this when it is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    warnings.simplefilter("ignore")
    for name in EMPTY:
        module = types.ModuleType(name)
        module.DEFAULT_COMPONENTS = []  # type: ignore[attr-defined]
        sys.modules.setdefault(name, module)
    import recipe_validator

    sys.modules.setdefault(VALIDATOR, recipe_validator)
