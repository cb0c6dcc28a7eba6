"""Reliable Ctrl-C.

Python raises KeyboardInterrupt in whatever code runs, and some code swallows it, such as a destructor that a
native library calls. So the signal is also recorded, and checked between steps.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["interrupts", "raise_if_interrupted"]

_interrupted = False


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """Record Ctrl-C while the body runs."""
    global _interrupted
    _interrupted = False
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may handle signals.
        yield
        return
    before = signal.signal(signal.SIGINT, _on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if there was a Ctrl-C."""
    if _interrupted:
        raise KeyboardInterrupt


def _on_interrupt(_: int, __: FrameType | None) -> None:
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt
