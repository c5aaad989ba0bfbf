"""Run by tests/test_logs.py: logs through every library that is known to log content."""

from __future__ import annotations

import logging
import sys

import structlog

from handoff.logs import SILENT, configure_logs

if __name__ == "__main__":
    configure_logs(sys.argv[1], development=sys.argv[2] == "development")
    structlog.get_logger().info("an info line", number=7)
    structlog.get_logger().debug("a debug line")
    for name in [*SILENT, "telegram.Bot", "httpx.client", "twilio.http_client.http_client", "sqlalchemy.engine.Engine"]:
        logging.getLogger(name).info("GET https://api.example/bot%s", "velvet-canary")
    for name in SILENT:
        logging.getLogger(name).critical("velvet-canary")
    try:
        raise RuntimeError("velvet-canary")
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application: velvet-canary")
    logging.getLogger("uvicorn.access").info("GET /webhooks?velvet-canary")
