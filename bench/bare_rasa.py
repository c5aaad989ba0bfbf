"""Turns per second of the assistant alone: `python -m bench.bare_rasa --url … --token …`. Prints one JSON object.

The same model, channel, carried state and log level as in the whole system; raw asyncio streams, so that the client
costs next to nothing. The better of 8 and 16 connections is `turns_per_second`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from urllib.parse import urlsplit

MESSAGES = ("hello", "what can you do", "who can read this", "gracias", "صباح الخير", "they offered me a job abroad")
WARM_UP = 40


class BadTurn(Exception):
    """An answer that was not a good turn: the figure would mean nothing."""


def request(host: str, token: str, number: int, state: object) -> bytes:
    """The bytes of one turn's request."""
    message = MESSAGES[number % len(MESSAGES)]
    metadata = {"kind": "text", "locale": "en"}
    body = json.dumps({"message_id": str(number), "message": message, "metadata": metadata, "state": state}).encode()
    head = f"POST /webhooks/amana/webhook HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def answer(reader: asyncio.StreamReader) -> object:
    """Read one response; returns the state to carry on. Raises BadTurn."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    body = json.loads(await reader.readexactly(length))
    if not body.get("ok"):
        raise BadTurn(body.get("code"))
    return body["state"]


async def connection(address: tuple[str, int], token: str, numbers: asyncio.Queue[int]) -> None:
    """Take turns over one connection until there are none left."""
    reader, writer = await asyncio.open_connection(*address)
    state: object = {}
    while not numbers.empty():
        writer.write(request(address[0], token, numbers.get_nowait(), state))
        state = await answer(reader)
    writer.close()


async def rate(address: tuple[str, int], token: str, *, turns: int, connections: int) -> float:
    """Turns per second with so many connections kept busy."""
    numbers: asyncio.Queue[int] = asyncio.Queue()
    for number in range(turns):
        numbers.put_nowait(number)
    started = time.perf_counter()
    await asyncio.gather(*(connection(address, token, numbers) for _ in range(connections)))
    return turns / (time.perf_counter() - started)


async def measure(url: str, token: str, turns: int) -> dict[str, float]:
    """Warm up, then measure with 8 and with 16 connections."""
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 5005)
    await rate(address, token, turns=WARM_UP, connections=4)
    eight = await rate(address, token, turns=turns, connections=8)
    sixteen = await rate(address, token, turns=turns, connections=16)
    return {
        "turns_per_second": round(max(eight, sixteen), 1),
        "with_8_connections": round(eight, 1),
        "with_16_connections": round(sixteen, 1),
    }


def main() -> None:
    """Measure a running assistant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=os.environ.get("AMANA_RASA_URL", "http://127.0.0.1:5005"))
    parser.add_argument("--token", default=os.environ.get("AMANA_RASA_TOKEN", ""))
    parser.add_argument("--turns", type=int, default=600)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(measure(given.url, given.token, given.turns))))


if __name__ == "__main__":
    main()
