"""Files that Keras saves: .keras archives and HDF5 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vae_export.sources.keras_container import (
    HDF5_MAGIC,
    ZIP_MAGIC,
    check_keras_file,
    first_bytes,
    members,
)
from vae_export.sources.keras_needed import keras_needed
from vae_export.sources.protocol import Recognised, Request

__all__ = ["KerasFile", "name_of_file"]


class KerasFile:
    """A file, recognised by its first bytes; by its suffix alone it is a guess, which `check` explains."""

    name = "Keras file"
    expected = "a .keras or .h5 file"
    takes_weights = False

    def recognise(self, request: Request) -> Recognised | None:
        """By the magic numbers of HDF5 and of zip archives, else by a suffix."""
        path = request.path
        if path is None:
            return None
        if path.is_file():
            head = first_bytes(path)
            if head == HDF5_MAGIC:
                return Recognised(0.9, "an HDF5 file")
            if head.startswith(ZIP_MAGIC) and "config.json" in members(path):
                return Recognised(0.9, "a zip archive with a Keras configuration")
            return Recognised(0.2, "a file")
        return Recognised(0.2, "the name of a file") if path.suffix and ":" not in request.text else None

    def model_name(self, request: Request) -> str:
        """The stem of the file."""
        return name_of_file(Path(request.model))

    def sample_folder(self, request: Request) -> Path | None:
        """The folder of the file."""
        return Path(request.model).parent

    def check(self, request: Request) -> None:
        """Look at the container."""
        check_keras_file(Path(request.model))

    def load(self, request: Request) -> Any:
        """Load it in Keras' safe mode."""
        with keras_needed():
            from vae_export.sources.code import known_classes
            from vae_export.sources.keras_loading import load_model
        return load_model(Path(request.model), known_classes(request.custom_objects))


def name_of_file(path: Path) -> str:
    """The stem; of a file called model, as folders of models have it, the folder's name."""
    return path.absolute().parent.name if path.stem == "model" else path.stem
