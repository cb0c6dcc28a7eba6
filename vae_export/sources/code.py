"""Import the user's code: models as package.module:attribute, and custom layers."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import keras

from vae_export.errors import InputError, ModelError, one_line

__all__ = ["known_classes", "model_of_attribute"]


def model_of_attribute(reference: str, weights: Path | None) -> Any:
    """The model that an attribute of a module is, or returns when called.

    Args:
        reference: ``package.module:attribute``; the current directory is on the path.
        weights: a .weights.h5, .h5 or .keras file to load into it, or None.

    Raises:
        ModelError: no such module or attribute, not a model, or weights that do not fit.
    """
    module_name, _, attribute = reference.partition(":")
    found: Any = _import(module_name, reference)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ModelError(f"{reference}: module {module_name} has no attribute {attribute!r}")
        found = getattr(found, part)
    if not isinstance(found, keras.Layer):
        if not callable(found):
            raise ModelError(
                f"{reference}: got a {type(found).__name__}, expected a Keras model or a function that "
                "returns one"
            )
        try:
            found = found()
        # Whatever the user's function raises.
        except Exception as error:
            raise ModelError(f"{reference}: {attribute}() raised {one_line(error)}") from error
    if not isinstance(found, keras.Layer):
        raise ModelError(
            f"{reference}: {attribute}() returned a {type(found).__name__}, expected a Keras model"
        )
    if weights is not None:
        _load_weights(found, weights)
    return found


def known_classes(custom_objects: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Custom classes, functions and numbers by name, from a file, a module or a mapping."""
    if custom_objects is None:
        return {}
    return _classes_of(custom_objects) if isinstance(custom_objects, str) else dict(custom_objects)


def _classes_of(source: str) -> dict[str, Any]:
    """The Keras layers and models, the functions and the numbers that a file or module defines, by name.

    Args:
        source: FILE.py, or the name of a module.

    Raises:
        InputError: it cannot be imported, or defines none.
    """
    path = Path(source)
    if path.suffix == ".py":
        if not path.is_file():
            raise InputError(f"{source}: no such file; expected FILE.py or the name of a module")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        # None only for suffixes that Python does not know.
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)
        try:
            spec.loader.exec_module(module)
        # Whatever the user's file raises.
        except Exception as error:
            raise InputError(f"{source}: cannot be imported ({one_line(error)})") from error
    else:
        module = _import(source, source)
    found = {name: value for name, value in vars(module).items() if _is_custom(name, value, module)}
    if not found:
        raise InputError(
            f"{source}: defines no Keras layer or model, no function and no number, expected what the model "
            "file needs"
        )
    return found


def _is_custom(name: str, value: Any, module: ModuleType) -> bool:
    """Whether a value of a module is a class of layers, a function of its own, or a number."""
    if name.startswith("_"):
        return False
    if isinstance(value, type):
        return issubclass(value, keras.Layer) and value.__module__.split(".")[0] != "keras"
    if isinstance(value, FunctionType):
        return value.__module__ == module.__name__
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _import(name: str, where: str) -> ModuleType:
    # As python -m has it.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    # Whatever the user's module raises.
    except Exception as error:
        raise ModelError(f"{where}: module {name} cannot be imported ({one_line(error)})") from error


def _load_weights(model: Any, weights: Path) -> None:
    if not weights.is_file():
        raise ModelError(f"{weights}: no such file; expected weights of the model")
    try:
        model.load_weights(weights)
    # Keras raises many types here.
    except Exception as error:
        raise ModelError(f"{weights}: do not fit the model ({one_line(error)})") from error
