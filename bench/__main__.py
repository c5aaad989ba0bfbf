"""`make bench`: the whole system under load on this machine. A table, and one JSON object as the last line.

Every ratio is between figures of the same run. DESIGN §6 names the keys and §8 the bars.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable

import psutil

from bench.bare_rasa import measure as measure_rasa
from bench.load import CHANNELS, Outcome, Phones, median, offer, percentile
from bench.stack import RASA, Stack, running

# One a second is what providers allow to each; 20 rounds of all channels.
PHONES = 20 * len(CHANNELS)
SUSTAIN_S = 20.0
PEAK_S = 12.0
PEAK_RATE = float(os.environ.get("BENCH_PEAK_RATE", "280"))
OVERLOAD_S = float(os.environ.get("BENCH_OVERLOAD_S", "60"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
BARE_TURNS = 800
ACK_MESSAGES_PER_S = 30


def say(*cells: object) -> None:
    """A row of the table."""
    sys.stdout.write("  ".join(f"{cell!s:>12}" for cell in cells) + "\n")
    sys.stdout.flush()


def row(name: str, offered: float, outcome: Outcome) -> None:
    """One phase, as a row."""
    waits, acks = outcome.reply_ms, outcome.ack_ms
    say(
        name,
        f"{offered:.0f}/s",
        f"{outcome.turns_per_second:.1f}/s",
        *(f"{percentile(waits, share):.0f}" for share in (0.5, 0.95, 0.99)),
        *(f"{percentile(acks, share):.0f}" for share in (0.5, 0.99)),
        outcome.lost,
        outcome.duplicated,
    )


async def idle(phones: Phones) -> Outcome:
    """One message at a time, with rests."""
    return await offer(phones, 2, 15)


async def peak(phones: Phones, stack: Stack) -> tuple[list[float], list[float]]:
    """Whole system and bare Rasa in turns, so that both meet the same machine: (turns/s, bare turns/s) per round."""
    whole, bare = [], []
    for number in range(ROUNDS):
        before = stack.cpu_s()
        outcome = await offer(phones, PEAK_RATE, PEAK_S)
        row(f"peak {number + 1}", PEAK_RATE, outcome)
        whole.append(outcome.turns_per_second)
        used = {
            part: round((now - before[part]) / max(1, outcome.replies) * 1000, 2) for part, now in stack.cpu_s().items()
        }
        say("ms of CPU a turn:", used)
        rasa = await measure_rasa(f"http://127.0.0.1:{RASA}", stack.secret("AMANA_RASA_TOKEN"), BARE_TURNS)
        say("bare Rasa", "", f"{rasa['turns_per_second']:.1f}/s")
        bare.append(rasa["turns_per_second"])
    return whole, bare


def machine() -> str:
    """What this was measured on."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Python {platform.python_version()}"


async def bench() -> dict[str, object]:
    """All phases. Returns what the last line shows."""
    async with running() as stack:
        phones = Phones(stack)
        await phones.switch_on(PHONES)
        say("phase", "offered", "answered", "reply p50", "p95", "p99", "ack p50", "p99", "lost", "doubled")
        await offer(phones, 10, 5)
        quiet = await idle(phones)
        row("idle", 2, quiet)
        acks = await offer(phones, ACK_MESSAGES_PER_S, SUSTAIN_S)
        row("30 a second", ACK_MESSAGES_PER_S, acks)
        half = await offer(phones, 60, SUSTAIN_S)
        row("60 a second", 60, half)
        whole, bare = await peak(phones, stack)
        turns = statistics.median(whole)
        overload = await offer(phones, 2 * turns, OVERLOAD_S)
        row("overload 2×", 2 * turns, overload)
        sizes = stack.memory_mb()
        say("PSS in MB:", sizes)
        return summary(quiet=quiet, acks=acks, overload=overload, whole=whole, bare=bare) | {
            "rss_mb": round(sum(sizes.values())),
            "machine": machine(),
        }


def summary(
    *, quiet: Outcome, acks: Outcome, overload: Outcome, whole: list[float], bare: list[float]
) -> dict[str, object]:
    """The figures that DESIGN §6 names. Medians of the rounds; ratios within a round."""
    ratios = [turns / alone for turns, alone in zip(whole, bare, strict=True)]
    turns = statistics.median(whole)
    total: Callable[[str], int] = lambda name: sum(getattr(phase, name) for phase in (quiet, acks, overload))  # noqa: E731
    return {
        "turns_per_second": round(turns, 1),
        "bare_rasa_turns_per_second": round(statistics.median(bare), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ack_p99_ms": round(percentile(acks.ack_ms, 0.99), 1),
        "idle_reply_p50_ms": round(median(quiet.reply_ms), 1),
        "reply_p95_ms": round(percentile(acks.reply_ms, 0.95), 1),
        "overload_ratio": round(overload.turns_per_second / turns, 3),
        "lost": total("lost"),
        "duplicated": total("duplicated"),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(bench())) + "\n")
