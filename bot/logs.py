"""Our own logging: JSON lines that hold types, places and codes, and never a message text.

As shipped, Rasa writes what a person said into its log: at DEBUG always, at ERROR when an action times out. So no
foreign record's message or arguments are ever printed here; only our own logger prints its message, which is a code.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import datetime, timezone
from types import TracebackType
from typing import Any, MutableMapping, Optional, Type

import structlog

OURS = "amana"


def place_of(trace: Optional[TracebackType]) -> str:
    """Where an exception was raised: file and line of the innermost frame, without the source line."""
    frames = traceback.extract_tb(trace)
    return f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""


class JsonLines(logging.Formatter):
    """One JSON object a record. The message is printed for our own records only."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, without message and arguments unless it is ours."""
        line = {
            "at": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "place": f"{record.module}:{record.lineno}",
        }
        if record.name == OURS:
            line["code"] = str(record.msg)
            line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            line["type"] = record.exc_info[0].__name__
            line["raised"] = place_of(record.exc_info[2])
        return json.dumps(line)


def drop_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """Rasa's structured events carry texts as fields: only the fact that there was one goes on."""
    return ""


def log_uncaught(kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
    """Replaces the traceback that Python prints, whose last line is the error's text."""
    logging.getLogger(OURS).critical("uncaught", exc_info=(kind, error, trace))


def configure(level: str) -> None:
    """Take over every way in which this process writes a log. `level` is a name such as INFO."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = [], True
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[drop_fields],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    sys.excepthook = log_uncaught
