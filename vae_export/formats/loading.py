"""Load artifacts in their runtimes: one in memory, or those of a bundle."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from vae_export.core.artifact import Artifact
from vae_export.core.half import Runner
from vae_export.errors import MissingDependencyError
from vae_export.formats import FORMATS
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime

__all__ = ["load_artifact", "load_vae"]


def load_artifact(artifact: Artifact, threads: int | None = None) -> Runner:
    """Load an artifact in the runtime that devices use.

    Args:
        artifact: if it has several files, they are written to a temporary folder.
        threads: of the runtime; None leaves the choice to it.

    Raises:
        MissingDependencyError: the runtime is not installed.
        Exception: whatever the runtime raises when it refuses the file.
    """
    open_file = FORMATS[artifact.format].open
    try:
        # Runtimes announce themselves on standard error.
        with quiet():
            if len(artifact.files) == 1:
                return open_file(artifact.data, threads)
            with tempfile.TemporaryDirectory() as folder:
                for name, data in artifact.files.items():
                    Path(folder, name).write_bytes(data)
                return open_file(str(Path(folder, artifact.file)), threads)
    except vae_runtime.VaeRuntimeError as error:
        raise MissingDependencyError(str(error)) from error


def load_vae(
    path: Path, format: str, *, threads: int | None = None, precision: str | None = None
) -> vae_runtime.Vae:
    """Load a bundle in one of its formats, including formats that the runtime helper does not know.

    Raises:
        VaeRuntimeError: see `vae_runtime.load`.
    """
    backend = vae_runtime.BACKENDS.get(format)
    if backend is None:
        opened = FORMATS[format]
        backend = vae_runtime.Backend(format, partial(opened.open), pip=opened.pip)
    with quiet():
        return vae_runtime.load(path, backend, threads, precision)
