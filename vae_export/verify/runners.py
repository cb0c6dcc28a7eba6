"""Load an artifact in the real runtime.

The runners are those of the runtime helper that goes to the device, so that what is verified is
what will run there.
"""

from __future__ import annotations

from vae_export.core.artifact import Artifact
from vae_export.core.half import Runner
from vae_export.errors import MissingDependencyError
from vae_export.runtime.python import vae_runtime

__all__ = ["load_runner"]


def load_runner(artifact: Artifact, threads: int | None = None) -> Runner:
    """Load an artifact in ONNX Runtime or LiteRT.

    Args:
        artifact: the file.
        threads: of the runtime; None leaves the choice to it.

    Raises:
        MissingDependencyError: the runtime is not installed.
        Exception: whatever the runtime raises when it refuses the file.
    """
    graph = vae_runtime.GRAPHS[artifact.format]
    try:
        return graph(artifact.data, threads)
    except vae_runtime.VaeRuntimeError as error:
        raise MissingDependencyError(str(error)) from error
