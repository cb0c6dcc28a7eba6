"""Load a Keras model from a file, and say plainly why it cannot be loaded."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import keras

from vae_export.errors import InputError, ModelError, one_line

# Registers the class that the reference models are saved with.
from vae_export.train.sampling import SamplingLayer

__all__ = ["load_model"]

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_SUFFIXES = (".keras", ".h5", ".hdf5")


def load_model(path: Path) -> Any:
    """Load a .keras or .h5 file; code inside the file is never run (Keras' safe mode).

    Raises:
        InputError: Keras runs on another backend than TensorFlow.
        ModelError: no such file, another kind of file, truncated, or made with classes that are
            not known here.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"KERAS_BACKEND: got {keras.backend.backend()!r}, expected 'tensorflow'; the converters need it"
        )
    if not path.is_file():
        raise ModelError(f"{path}: no such file; expected a .keras or .h5 file")
    if path.suffix not in _SUFFIXES:
        raise ModelError(f"{path}: got a file named *{path.suffix}, expected one of {', '.join(_SUFFIXES)}")
    _check_container(path)
    custom_objects = {SamplingLayer.__name__: SamplingLayer}
    try:
        return keras.models.load_model(path, custom_objects=custom_objects, compile=False, safe_mode=True)
    # Keras raises many types here, and what it raises depends on its version.
    except Exception as error:
        raise ModelError(f"{path}: {_reason(error)}") from error


def _check_container(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(8)
    if path.suffix != ".keras":
        if head != _HDF5_MAGIC:
            raise ModelError(f"{path}: got first bytes {head!r}, expected an HDF5 file; save the model again")
        return
    if head == _HDF5_MAGIC:
        raise ModelError(f"{path}: this is an HDF5 file under another name; rename it to {path.stem}.h5")
    if not head.startswith(b"PK"):
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


def _reason(error: Exception) -> str:
    text = one_line(error, limit=2000)
    if "Lambda" in text and "safe" in text.lower():
        return (
            "holds a Lambda layer, whose code is not run for safety; write it as a keras.layers.Layer "
            "subclass and save the model again"
        )
    missing = re.search(r"Could not locate class '([^']+)'", text) or re.search(
        r"Unknown layer: '?([\w>.]+)", text
    )
    if missing:
        return (
            f"layer class {missing.group(1)!r} is not known here; import the module that registers it "
            "and call vae_export.export(model) from Python"
        )
    return f"Keras cannot load it ({one_line(error)})"
