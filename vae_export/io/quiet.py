"""Hide the output of native libraries from the user's terminal.

TensorFlow and its converters write to the file descriptors, past Python's streams. Their output is shown if
this package's logger is at debug level (``--debug``).
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

__all__ = ["LOGGER", "quiet", "without_log_handlers"]

LOGGER = logging.getLogger("vae_export")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard what the body writes to standard output and standard error; not thread safe."""
    if LOGGER.isEnabledFor(logging.DEBUG):
        yield
        return
    with tempfile.TemporaryFile() as sink, contextlib.ExitStack() as restore:
        for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            saved = os.dup(descriptor)
            restore.callback(os.close, saved)
            restore.callback(os.dup2, saved, descriptor)
            os.dup2(sink.fileno(), descriptor)
        # Python's streams may be others than these descriptors (notebooks, tests).
        restore.enter_context(contextlib.redirect_stdout(io.StringIO()))
        restore.enter_context(contextlib.redirect_stderr(io.StringIO()))
        yield


@contextlib.contextmanager
def without_log_handlers() -> Iterator[None]:
    """Undo changes of the root logger by the body, an import."""
    handlers = list(logging.root.handlers)
    try:
        yield
    finally:
        logging.root.handlers[:] = handlers
