"""Load an artifact in the real runtime.

The runners are those of the runtime helper that goes to the device, so that what is verified is
what will run there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from vae_export.core.artifact import Artifact
from vae_export.errors import MissingDependencyError
from vae_export.runtime.python import vae_runtime

__all__ = ["Runner", "load_runner"]

Array = np.ndarray[Any, Any]


class Runner(Protocol):
    """Anything that computes outputs by name from inputs by name, all ``[n, ...]``."""

    def run(self, inputs: Any) -> Mapping[str, Array]:
        """Compute."""


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
