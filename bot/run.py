"""Start the assistant: `bot/.venv/bin/python bot/run.py` (options below). Stops on SIGTERM.

Not `rasa run`: that loads TensorFlow, listens on every interface, and logs what people write.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from lean import leave_out_tensorflow  # noqa: E402

leave_out_tensorflow()

import logs  # noqa: E402
from components.channel import AmanaChannel, open_island  # noqa: E402
from rasa.core.agent import load_agent  # noqa: E402
from rasa.core.utils import AvailableEndpoints  # noqa: E402
from rasa.shared.utils.io import read_config_file  # noqa: E402
from sanic import Sanic  # noqa: E402
from train import current_model  # noqa: E402

NEEDED = ("AMANA_RASA_TOKEN", "AMANA_INTERNAL_TOKEN", "AMANA_ACTIONS_URL")
KEEP_ALIVE_S = 120
MAX_BODY_BYTES = 65_536
BACKLOG = 256


def read_secrets() -> None:
    """Take what is not in the environment from AMANA_SECRETS_DIR, one file each. Raises SystemExit naming it."""
    folder = os.environ.get("AMANA_SECRETS_DIR")
    for name in NEEDED:
        file = Path(folder) / name.lower() if folder else None
        if not os.environ.get(name) and file and file.is_file():
            os.environ[name] = file.read_text(encoding="utf-8").strip()
        if not os.environ.get(name):
            raise SystemExit(f"{name} is not set")


def options() -> argparse.Namespace:
    """The command line; every default is right for one machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "-m", "--model", default="", help="model file; default: the one trained from the inputs as they are"
    )
    parser.add_argument("-i", "--interface", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=5005)
    parser.add_argument("--endpoints", default=str(HERE / "endpoints.yml"))
    parser.add_argument("--credentials", default=str(HERE / "credentials.yml"))
    return parser.parse_args()


async def load(app: Sanic, _: object, *, model: str, endpoints: str) -> None:
    """Load the model and refuse to start when it could keep a person's words."""
    app.ctx.agent = await load_agent(model, endpoints=AvailableEndpoints.read_endpoints(endpoints))
    app.ctx.island = open_island(app.ctx.agent)


async def close(app: Sanic, _: object) -> None:
    """Let go of the connections to the action endpoint."""
    await app.ctx.island.aclose()


def build_app(chosen: argparse.Namespace) -> Sanic:
    """The HTTP server with our one channel and nothing of Rasa's API."""
    app = Sanic("amana_bot", configure_logging=False)
    app.config.KEEP_ALIVE_TIMEOUT = KEEP_ALIVE_S
    app.config.REQUEST_MAX_SIZE = MAX_BODY_BYTES
    app.config.ACCESS_LOG = False
    app.config.FALLBACK_ERROR_FORMAT = "text"
    credentials = read_config_file(chosen.credentials)
    channel = AmanaChannel.from_credentials(credentials["components.channel.AmanaChannel"])
    app.blueprint(channel.blueprint(), url_prefix="/webhooks/amana")
    model = chosen.model or str(current_model())
    app.register_listener(partial(load, model=model, endpoints=chosen.endpoints), "before_server_start")
    app.register_listener(close, "after_server_stop")
    return app


def main() -> None:
    """Serve until told to stop."""
    logs.configure(os.environ.get("AMANA_LOG_LEVEL", "INFO").upper())
    chosen = options()
    read_secrets()
    app = build_app(chosen)
    app.run(chosen.interface, chosen.port, workers=1, access_log=False, motd=False, backlog=BACKLOG)
    # Nothing is kept, so nothing is left to tidy: Python's own end takes seconds with all that Rasa has imported.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
