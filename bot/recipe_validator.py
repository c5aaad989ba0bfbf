"""Stands in for Rasa's validator of pipelines, so that TensorFlow stays out (lean.py).

Our pipeline is one classifier and one policy; what Rasa's would look for is looked for by `bot/train.py --check`.
"""

from __future__ import annotations

from typing import Any, Dict

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.importers.importer import TrainingDataImporter


class DefaultV1RecipeValidator(GraphComponent):
    """Passes the training data through. Has the name by which Rasa's graphs know it."""

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> DefaultV1RecipeValidator:
        """Nothing to configure."""
        return cls()

    def validate(self, importer: TrainingDataImporter) -> TrainingDataImporter:
        """Rasa's name for this step."""
        return importer
