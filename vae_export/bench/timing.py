"""Time several things in turn, so that whatever the machine does besides hits all of them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Timing", "interleave"]

Name = TypeVar("Name", bound=Hashable)

# A block of calls is long beside the clock and what the loop itself takes.
BLOCK_SECONDS = 0.005
WARM_UP_SECONDS = 0.05
WARM_UP_CALLS = 3


@dataclass(frozen=True)
class Timing:
    """Seconds of one call.

    Attributes:
        median: of the blocks.
        low, high: the first and the third quartile.
        blocks: how many blocks of calls were timed.
        calls: in a block.
    """

    median: float
    low: float
    high: float
    blocks: int
    calls: int

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a part of the median."""
        return (self.high - self.low) / 2 / self.median


def interleave(
    subjects: Mapping[Name, Callable[[], object]],
    rounds: int,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[Name, Timing]:
    """Time functions in rounds: each round has a block of calls of every one, in another order.

    Args:
        subjects: name -> function.
        rounds: at least 2.
        progress: called with the number of each round.

    Raises:
        ValueError: fewer than 2 rounds.
    """
    if rounds < 2:
        raise ValueError(f"rounds: got {rounds}, expected at least 2")
    calls = {name: _calls(subject) for name, subject in subjects.items()}
    seconds: dict[Name, list[float]] = {name: [] for name in subjects}
    order = list(subjects)
    for number in range(rounds):
        progress(number)
        first = number % len(order)
        for name in order[first:] + order[:first]:
            seconds[name].append(_block(subjects[name], calls[name]))
    return {name: _timing(times, calls[name]) for name, times in seconds.items()}


def _calls(subject: Callable[[], object]) -> int:
    """Warm up, and find how many calls fill a block."""
    times: list[float] = []
    while len(times) < WARM_UP_CALLS or sum(times) < WARM_UP_SECONDS:
        times.append(_block(subject, 1))
    return max(1, math.ceil(BLOCK_SECONDS / min(times)))


def _block(subject: Callable[[], object], calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        subject()
    return (time.perf_counter() - begin) / calls


def _timing(times: list[float], calls: int) -> Timing:
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(median, low, high, len(times), calls)
