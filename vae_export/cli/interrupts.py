"""Ctrl-C that is not lost.

Python raises KeyboardInterrupt wherever it is, and there are places that swallow it: a destructor
that a native library runs, for one. So the signal is also written down, and asked for between steps.
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
    """Write down Ctrl-C while the body runs."""
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
