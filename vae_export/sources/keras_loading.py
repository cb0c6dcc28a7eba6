"""Load a Keras model from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from vae_export.errors import InputError, ModelError, innermost, one_line
from vae_export.private.keras import model_of_legacy_config
from vae_export.sources.config_check import check_config
from vae_export.sources.hdf5_check import check_weights
from vae_export.sources.keras_container import check_keras_file
from vae_export.sources.saved_config import mend, missing_models, read_config, without_code

# Registers what files name: "vae_export>SamplingLayer", which the reference models are saved with; its class
# name alone is not enough, many people's own layer has it. And `ReadLambda`.
from vae_export.split import sampling_layer as _sampling_layer  # noqa: F401
from vae_export.split.graph import own_words
from vae_export.split.lambdas import layer as _read_lambda  # noqa: F401
from vae_export.split.stand_in import StandIn, graph_stand_in

__all__ = ["load_model"]


def load_model(path: Path, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Load a .keras or .h5 file; code inside the file is never run (Keras' safe mode).

    Layers whose class is not known become stand-ins, which is enough for a sampling layer. The code of
    Lambdas is read, and computed by operations of Keras.

    Args:
        path: the file.
        custom_objects: classes, functions and numbers by name, in addition to classes registered with Keras.

    Raises:
        InputError: Keras runs on another backend than TensorFlow.
        ModelError: no such file, another kind of file, a truncated one, or a model that cannot be built
            without its missing classes.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"KERAS_BACKEND: got {keras.backend.backend()!r}, expected 'tensorflow'; the converters need it"
        )
    check_keras_file(path)
    check_weights(path)
    known = dict(custom_objects or {})
    config = read_config(path)
    mended = mend(config, known)
    known |= {
        registered: graph_stand_in(entry["class_name"], sequential="input_layers" not in entry["config"])
        for registered, entry in missing_models(config, known).items()
    }
    check_config(mended, known, str(path))
    try:
        return _load_mended(path, mended, known)
    except ModelError:
        raise
    # Keras raises many types here, and what it raises depends on its version.
    except Exception as error:
        raise ModelError(f"{path}: {_reason(error, without_code(config, known))}") from error


def _load_mended(path: Path, config: dict[str, Any], known: Mapping[str, Any]) -> Any:
    if path.suffix == ".keras":
        model = keras.saving.deserialize_keras_object(config, custom_objects=dict(known), safe_mode=True)
    else:
        with keras.saving.custom_object_scope(dict(known)):
            model = model_of_legacy_config(config)
    if isinstance(model, StandIn):
        raise ModelError(
            f"{path}: the model's class {model.missing_class!r} is not known here, and the file does not say "
            "how it is built; give --custom-objects the file or module that defines it"
        )
    model.load_weights(path)
    return model


def _reason(error: Exception, missing: Mapping[str, str]) -> str:
    """The innermost cause, and the layers whose code may be what is missing."""
    inner = innermost(error)
    cause = one_line(own_words(inner))
    # The text of a KeyError is the key alone.
    cause = cause if " " in cause else f"{type(inner).__name__} {cause}"
    if not missing:
        return f"Keras cannot load it: {cause}"
    names = ", ".join(f"{name!r} ({class_name})" for name, class_name in missing.items())
    return (
        f"Keras cannot build it: {cause}; the code of the layers {names} is not at hand, which may be why: "
        "give --custom-objects the file or module that defines them"
    )
