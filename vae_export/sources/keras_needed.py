"""TensorFlow and Keras, which some sources need."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from vae_export.errors import MissingDependencyError

__all__ = ["keras_needed"]


@contextlib.contextmanager
def keras_needed() -> Iterator[None]:
    """Say plainly that TensorFlow or Keras is missing, where the body imports them.

    Raises:
        MissingDependencyError: names the package and the pip command.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in ("keras", "tensorflow"):
            raise
        raise MissingDependencyError(
            f"this needs {package}, which is not installed; pip install tensorflow"
        ) from error
