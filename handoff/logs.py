"""Logs without anybody's words: codes, ids and places. JSON in production, lines on a developer's screen."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

# httpx logs URLs (Telegram's holds the token), twilio logs bodies, PTB logs parameters: never, at any level.
SILENT = ("httpx", "httpcore", "twilio", "twilio.http_client", "telegram", "urllib3", "procrastinate", "asyncio")
QUIET = ("uvicorn.access", "sqlalchemy", "rasa_sdk", "sanic", "alembic")


def configure_logs(level: str, *, development: bool) -> None:
    """Set up structlog and tame every library that would log content."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False) if development else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", force=True)
    for name in SILENT:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    """A traceback can show what somebody wrote (a local variable in a message): type and place are enough."""
    if record.exc_info and record.exc_info[0]:
        record.msg, record.args = f"unhandled {record.exc_info[0].__name__}", ()
        record.exc_info = record.exc_text = None
    return True
