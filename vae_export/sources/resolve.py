"""What is exported: the arguments that name a model, made concrete."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vae_export.errors import InputError, MissingDependencyError, ModelError
from vae_export.sources.reference_models import DEFAULT_MODEL, reference_models

__all__ = ["ModelSource", "keras_needed", "resolve_model"]

MODEL_FILE = "model.keras"

_ATTRIBUTE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True)
class ModelSource:
    """A model to export.

    Attributes:
        model: a file, ``package.module:attribute``, a Keras model, or encoder and decoder, each a file or a
            Keras model.
        name: what the bundle calls it.
        weights: of a ``package.module:attribute``.
        custom_objects: classes by name, or the file or module that defines them.
    """

    model: Path | str | tuple[Any, Any] | Any
    name: str
    weights: Path | None = None
    custom_objects: str | Mapping[str, Any] | None = None

    def load(self) -> Any:
        """The Keras model, or the `Pair` of models.

        Raises:
            ModelError: the file cannot be loaded, or there is no such attribute.
            InputError: the custom objects cannot be imported.
            MissingDependencyError: TensorFlow or Keras is not installed.
        """
        with keras_needed():
            from vae_export.sources.code import known_classes, model_of_attribute
            from vae_export.sources.keras_file import load_model
            from vae_export.split.pair import Pair
        known = known_classes(self.custom_objects)
        if isinstance(self.model, str):
            return model_of_attribute(self.model, self.weights)
        if isinstance(self.model, tuple):
            encoder, decoder = (
                load_model(half, known) if isinstance(half, Path) else half for half in self.model
            )
            return Pair(encoder, decoder, None, self.name)
        return load_model(self.model, known) if isinstance(self.model, Path) else self.model


def resolve_model(
    model: str | Path | Any | None,
    name: str | None = None,
    *,
    encoder: str | Path | Any | None = None,
    decoder: str | Path | Any | None = None,
    weights: str | Path | None = None,
    custom_objects: str | Path | Mapping[str, Any] | None = None,
) -> ModelSource:
    """Find out what is meant by a file, a name, a Keras model, a pair of them, or nothing.

    Raises:
        ModelError: neither a file nor the name of a reference model.
        InputError: arguments that contradict each other.
    """
    custom = str(custom_objects) if isinstance(custom_objects, Path) else custom_objects
    if encoder is not None or decoder is not None:
        if encoder is None or decoder is None or model is not None:
            raise InputError("--encoder, --decoder: got one, or a MODEL as well, expected both and no MODEL")
        halves = tuple(Path(half) if isinstance(half, str) else half for half in (encoder, decoder))
        found = _pair_name(halves[0]) if name is None else name
        source = ModelSource(halves, _named(found), None, custom)
    else:
        source = replace(_resolve_one(model, name), custom_objects=custom)
    if weights is None:
        return source
    if not isinstance(source.model, str):
        raise InputError(
            f"--weights: got {weights}, expected it with MODEL as package.module:attribute alone"
        )
    return replace(source, weights=Path(weights))


def _pair_name(encoder: Path | Any) -> str:
    """What both halves are called: vae_encoder.keras is of "vae", vae/encoder.keras too."""
    if not isinstance(encoder, Path):
        return str(encoder.name)
    rest = re.sub(r"[-_. ]*encoder[-_. ]*", "", encoder.stem, flags=re.IGNORECASE)
    return rest or encoder.absolute().parent.name


def _resolve_one(model: str | Path | Any | None, name: str | None) -> ModelSource:
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
        if _ATTRIBUTE.fullmatch(str(model)):
            attribute = str(model).split(":")[1].split(".")[-1]
            return ModelSource(str(model), _named(attribute if name is None else name))
        known = reference_models()
        if str(model) not in known and not path.suffix:
            found = "this is a directory" if path.is_dir() else "no such file"
            raise ModelError(
                f"{model}: {found}, and no reference model of this name; expected a .keras or .h5 "
                f"file, package.module:attribute, or one of {', '.join(sorted(known)) or 'none'}"
            )
        path = known.get(str(model), path)
    # Folders of models call their file model.keras.
    stem = path.absolute().parent.name if path.stem == "model" else path.stem
    return ModelSource(path, _named(stem if name is None else name))


def _named(name: str) -> str:
    if not name:
        raise InputError("name: got '', expected a name; give the model or its file one")
    return name


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
