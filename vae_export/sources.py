"""What is exported, and on which inputs it is verified: the arguments of an export made concrete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.arrays import check_x, read_array
from vae_export.errors import InputError, MissingDependencyError, ModelError
from vae_export.reference_models import DEFAULT_MODEL, reference_models

__all__ = ["ModelSource", "Samples", "find_samples", "keras_needed", "resolve_model"]

Array = np.ndarray[Any, Any]

# Inputs an export is verified on.
SAMPLE_COUNT = 64
SAMPLES_FILE = "samples.npz"
MODEL_FILE = "model.keras"


@dataclass(frozen=True)
class ModelSource:
    """A model to export.

    Attributes:
        model: a file, or a Keras model.
        name: what the bundle calls it.
    """

    model: Path | Any
    name: str

    def load(self) -> Any:
        """The Keras model.

        Raises:
            ModelError: the file cannot be loaded.
            MissingDependencyError: TensorFlow or Keras is not installed.
        """
        if not isinstance(self.model, Path):
            return self.model
        with keras_needed():
            from vae_export.split.load import load_model
        return load_model(self.model)


@dataclass(frozen=True)
class Samples:
    """Inputs to verify on.

    Attributes:
        x: float32 ``[n, ...]``.
        description: one line that says what they are.
        value_range: smallest and largest value of real samples, [0, 1] or [-1, 1]; None if they are
            not real, or scaled otherwise.
    """

    x: Array
    description: str
    value_range: tuple[float, float] | None


def resolve_model(model: str | Path | Any | None, name: str | None = None) -> ModelSource:
    """Find out what is meant by a file, a reference model's name, a Keras model, or nothing.

    Raises:
        ModelError: neither a file nor the name of a reference model.
    """
    if model is None:
        model = DEFAULT_MODEL
    if not isinstance(model, (str, Path)):
        return ModelSource(model, _named(str(model.name) if name is None else name))
    path = Path(model)
    if (path / MODEL_FILE).is_file():
        # A folder that `vae-export train` made.
        path = path / MODEL_FILE
    # A directory of the name may well be the bundle of an earlier export.
    if not path.is_file():
        known = reference_models()
        if str(model) not in known and not path.suffix:
            found = "this is a directory" if path.is_dir() else "no such file"
            raise ModelError(
                f"{model}: {found}, and no reference model of this name; expected a .keras or .h5 "
                f"file, or one of {', '.join(sorted(known)) or 'none'}"
            )
        path = known.get(str(model), path)
    # Folders of models call their file model.keras.
    stem = path.absolute().parent.name if path.stem == "model" else path.stem
    return ModelSource(path, _named(stem if name is None else name))


def _named(name: str) -> str:
    if not name:
        raise InputError("name: got '', expected a name; give the model or its file one")
    return name


def find_samples(
    calibration: str | Path | Array | None, model: Path | Any, shape: tuple[int, ...]
) -> Samples:
    """Read samples of x, take those beside the model file, or make random ones.

    Args:
        calibration: a file, a folder of images, an array ``[n, *shape]``, or None.
        model: the file of the model, or a Keras model.
        shape: of one x.

    Raises:
        DataError: the samples cannot be read, or do not fit the encoder.
    """
    if calibration is None and isinstance(model, Path) and (model.parent / SAMPLES_FILE).is_file():
        calibration = model.parent / SAMPLES_FILE
    if calibration is None:
        x = np.random.default_rng(0).random((SAMPLE_COUNT, *shape), np.float32)
        return Samples(x, "random values in [0, 1]; no real samples were given", None)
    if isinstance(calibration, (str, Path)):
        path = Path(calibration)
        array, where = read_array(path, "x"), path.name
    else:
        array, where = calibration, "calibration"
    x = check_x(array, shape, (0.0, 1.0) if array.dtype == np.uint8 else None, where)
    value_range = _value_range(x)
    x = x[:SAMPLE_COUNT]
    return Samples(x, f"{len(x)} real samples from {where}", value_range)


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


def _value_range(x: Array) -> tuple[float, float] | None:
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        if x.min() >= low and x.max() <= high:
            return low, high
    return None
