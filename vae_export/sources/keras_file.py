"""Files that Keras saves: .keras archives and HDF5 files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from vae_export.errors import ModelError
from vae_export.sources.keras_needed import keras_needed
from vae_export.sources.protocol import Recognised, Request

__all__ = ["KerasFile", "check_keras_file", "name_of_file"]

_HDF5_MAGIC, _ZIP_MAGIC = b"\x89HDF\r\n\x1a\n", b"PK"
_SUFFIXES = (".keras", ".h5", ".hdf5")


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
            head = _head(path)
            if head == _HDF5_MAGIC:
                return Recognised(0.9, "an HDF5 file")
            if head.startswith(_ZIP_MAGIC) and "config.json" in _members(path):
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


def check_keras_file(path: Path) -> None:
    """Refuse a file that is not a complete Keras file.

    Raises:
        ModelError: no such file, another kind of file, or a truncated one.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such file; expected a .keras or .h5 file")
    if path.suffix not in _SUFFIXES:
        raise ModelError(f"{path}: got a file named *{path.suffix}, expected one of {', '.join(_SUFFIXES)}")
    head = _head(path)
    if path.suffix != ".keras":
        if head != _HDF5_MAGIC:
            raise ModelError(f"{path}: got first bytes {head!r}, expected an HDF5 file; save the model again")
        return
    if head == _HDF5_MAGIC:
        raise ModelError(f"{path}: this is an HDF5 file under another name; rename it to {path.stem}.h5")
    if not head.startswith(_ZIP_MAGIC):
        raise ModelError(
            f"{path}: got first bytes {head!r}, expected a zip archive as model.save('x.keras') writes it"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise ModelError(
            f"{path}: the zip archive is truncated or damaged ({error}); copy or save it again"
        ) from error
    if damaged:
        raise ModelError(f"{path}: {damaged} in the archive is damaged; copy or save it again")
    if "config.json" not in names:
        raise ModelError(f"{path}: the archive holds no config.json, expected a model saved by Keras 3")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _members(path: Path) -> set[str]:
    """Names in a zip archive; empty if it is damaged, which `check` reports."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError, EOFError):
        return set()
