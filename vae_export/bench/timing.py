"""Interleaved timing: other load on the machine affects all subjects alike."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Timing", "interleave"]

Name = TypeVar("Name", bound=Hashable)

# Seconds of a block of calls: long compared with the clock's resolution and the loop's overhead.
BLOCK_SECONDS = 0.005
WARM_UP_SECONDS = 0.05
WARM_UP_CALLS = 3


@dataclass(frozen=True)
class Timing:
    """Seconds of one call.

    Attributes:
        seconds: mean time of a call, for each round.
        calls: number of calls in a block.
    """

    seconds: tuple[float, ...]
    calls: int

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.seconds)

    @property
    def low(self) -> float:
        """The first quartile."""
        return statistics.quantiles(self.seconds, n=4, method="inclusive")[0]

    @property
    def high(self) -> float:
        """The third quartile."""
        return statistics.quantiles(self.seconds, n=4, method="inclusive")[2]

    def ratio_to(self, other: Timing) -> float:
        """Time relative to another subject of the same rounds: the median of the ratios of each round.

        The speed of a machine drifts, but little within a round.
        """
        return statistics.median(mine / its for mine, its in zip(self.seconds, other.seconds, strict=True))

    @property
    def spread(self) -> float:
        """Half the interquartile range / median."""
        return (self.high - self.low) / 2 / self.median


def interleave(
    subjects: Mapping[Name, Callable[[], object]],
    rounds: int,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[Name, Timing]:
    """Time functions in rounds; a round has one block of calls of each function, in a new order.

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
    return {name: Timing(tuple(times), calls[name]) for name, times in seconds.items()}


def _calls(subject: Callable[[], object]) -> int:
    """Warm up, and find the number of calls of a block."""
    count, total, shortest = 0, 0.0, math.inf
    while count < WARM_UP_CALLS or total < WARM_UP_SECONDS:
        seconds = _block(subject, 1)
        count, total, shortest = count + 1, total + seconds, min(shortest, seconds)
    return max(1, math.ceil(BLOCK_SECONDS / shortest))


def _block(subject: Callable[[], object], calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        subject()
    return (time.perf_counter() - begin) / calls
