"""The process: where it refuses to run, where it listens, what the page allows."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sys
import time
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from handoff.settings import Settings
from handoff.simulator.app import STATIC, build
from handoff.simulator.post import HttpPost
from handoff.simulator.retries import Timeouts
from handoff.simulator.simulator import NotDevelopment, Simulator
from tests.simulator.conftest import Stage
from tests.simulator.running import settings_for


def test_it_refuses_to_start_outside_development() -> None:
    with pytest.raises(NotDevelopment, match="AMANA_ENVIRONMENT"):
        build(settings_for("http://127.0.0.1:8000", environment="production"))


def test_production_is_what_one_gets_without_asking() -> None:
    with pytest.raises(NotDevelopment):
        Simulator(Settings(_env_file=None))


def test_who_is_on_an_empty_phone_is_nobody_of_an_earlier_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def people(at: int) -> set[str]:
        monkeypatch.setattr(time, "time", lambda: float(at))
        simulator: Simulator = build(settings_for("http://127.0.0.1:8000")).state.simulator
        return {address for _, address in simulator.ledger.handsets}

    assert not people(1_800_000_000) & people(1_800_000_060)


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    settings = settings_for("http://127.0.0.1:8000")
    assert (settings.simulator_host, settings.simulator_port) == ("127.0.0.1", 8010)


async def test_the_page_links_to_the_desk_and_runs_no_foreign_script(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.url) as client:
        page = await client.get("/")
        assert f'href="{stage.gateway.url}/console"' in page.text
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
            assert (await client.get(path)).status_code == 200


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    for file in STATIC.iterdir():
        found = re.findall(r"https?://[^\s\"')]+", file.read_text("utf-8"))
        assert set(found) <= {"http://www.w3.org/2000/svg"}, file.name


def test_every_language_on_the_page_has_its_samples() -> None:
    words, samples = (json.loads((STATIC.parent / f"{name}.json").read_text("utf-8")) for name in ("words", "samples"))
    assert {code for code, _ in words["languages"]} == set(samples)
    assert all(len(each) == 3 for each in samples.values())


def test_the_template_closes_what_it_opens() -> None:
    class Depth(HTMLParser):
        open: list[str]
        void = frozenset({"meta", "link", "img", "input", "rect", "path", "circle"})

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in self.void:
                assert self.open.pop() == tag

    depth = Depth()
    depth.open = []
    depth.feed(Path(STATIC.parent, "templates", "phones.html").read_text("utf-8"))
    assert depth.open == []


async def test_a_gateway_that_is_not_there_is_a_failed_connection() -> None:
    post = HttpPost("http://127.0.0.1:9")
    outcome = await post("http://127.0.0.1:9/webhooks/x#rc=1", b"", {}, Timeouts(1.0, 1.0))
    await post.aclose()
    assert (outcome.status, outcome.failure) == (0, "ct")


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("https://amana.example/webhooks/x#rc=5", "http://10.0.0.2:8000/webhooks/x"),
        ("https://other.example/webhooks/x", "https://other.example/webhooks/x"),
    ],
)
def test_the_public_address_can_be_reached_elsewhere(url: str, reached: str) -> None:
    assert HttpPost("https://amana.example/", "http://10.0.0.2:8000").address(url) == reached


SERVE = "import sys; from handoff.simulator.app import serve; from tests.simulator.running import settings_for; "
SERVE += "serve(settings_for('http://127.0.0.1:9', simulator_port=int(sys.argv[1])))"


async def test_ctrl_c_ends_it_at_once_and_quietly_also_with_an_open_page() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(port), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await answering(client)
        async with client.stream("GET", "/control/events") as events:
            assert await anext(events.aiter_lines()) == "retry: 1000"
            process.send_signal(signal.SIGINT)
            printed, _ = await asyncio.wait_for(process.communicate(), 5)
    assert (process.returncode, printed) == (0, b"")


async def answering(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(httpx.ConnectError):
                if (await client.get("/control/health")).is_success:
                    return
            await asyncio.sleep(0.05)
