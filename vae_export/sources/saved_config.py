"""Read the configuration of a saved model without running code, and mend it if classes are missing.

A Lambda, whose code must not be run, becomes a layer that computes what its code says; or it takes the
function that the user gives. Layers whose class cannot be found are replaced by stand-ins. A model class that
cannot be found is replaced by its graph of layers, or by an encoder with a decoder, if its configuration has
one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras

from vae_export.errors import ModelError
from vae_export.private.keras import can_resolve_class
from vae_export.sources.lambda_config import is_read, stored_function

__all__ = ["mend", "missing_models", "read_config", "without_code"]

_STAND_IN_VAE = "vae_export>StandInVae"
_HALVES = ("encoder", "decoder")


def read_config(path: Path) -> dict[str, Any]:
    """The configuration in a .keras or .h5 file.

    Raises:
        ModelError: an .h5 file with weights alone.
    """
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            config: dict[str, Any] = json.loads(archive.read("config.json"))
        return config
    with h5py.File(path) as file:
        text = file.attrs.get("model_config")
    if text is None:
        raise ModelError(
            f"{path}: holds weights alone, expected a whole model; give the model as "
            f"package.module:attribute with --weights {path}"
        )
    stored: dict[str, Any] = json.loads(text)
    return stored


def missing_models(config: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """Models of missing classes that have a graph by their configuration: registered name -> the entry."""
    return {
        _registered(entry): entry
        for entry in _objects(config)
        if _is_missing(entry, known) and "layers" in entry["config"] and not _has_encoder_and_decoder(entry)
    }


def _registered(node: Mapping[str, Any]) -> str:
    """The name by which Keras looks up the class of an entry."""
    return str(node.get("registered_name") or node["class_name"])


def without_code(config: Any, known: Mapping[str, Any]) -> dict[str, str]:
    """Layers of an unknown class, and Lambdas whose code is not understood: layer name -> class name."""
    return {
        _name(entry): entry["class_name"]
        for entry in _objects(config)
        if _is_missing(entry, known) and not (entry["class_name"] == "Lambda" and is_read(entry["config"]))
    }


def mend(config: Any, known: Mapping[str, Any]) -> Any:
    """A copy of the configuration with stand-ins for the missing classes."""
    shapes = _expected_shapes(config)

    def mended(node: Any) -> Any:
        if isinstance(node, list):
            return [mended(item) for item in node]
        if not isinstance(node, dict):
            return node
        if _is_object(node) and _is_missing(node, known):
            if _has_encoder_and_decoder(node):
                config = {key: mended(value) for key, value in node["config"].items() if key in _HALVES}
                return {
                    "module": None,
                    "class_name": "StandInVae",
                    "registered_name": _STAND_IN_VAE,
                    "config": {**config, "name": _name(node), "missing_class": node["class_name"]},
                }
            if "layers" in node["config"]:
                # A subclass that has a graph by its configuration; `missing_models` has its class.
                node = {**node, "module": None, "registered_name": _registered(node)}
            else:
                return _replaced(node, shapes.get(_name(node)), known)
        return {
            key: None if _is_of_training(key, value, known) else mended(value)
            for key, value in node.items()
            if key != "compile_config"
        }

    return mended(config)


def _is_of_training(key: str, value: Any, known: Mapping[str, Any]) -> bool:
    """Whether a value is a regularizer, constraint or initializer of the author's own, which inference lacks.

    Keras takes its default instead; the weights are those of the file.
    """
    if not _is_object(value) or not key.endswith(("_regularizer", "_constraint", "_initializer")):
        return False
    registered = value.get("registered_name") or value["class_name"]
    if registered in known or value["class_name"] in known:
        return False
    own_module = str(value.get("module") or "keras").split(".")[0] not in ("keras", "tensorflow")
    return own_module and keras.saving.get_registered_object(registered) is None


def _replaced(node: Mapping[str, Any], row_shape: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """A layer in place of one whose code is not run."""
    options = {
        "name": _name(node),
        "trainable": True,
        "dtype": node["config"].get("dtype", "float32"),
        "missing_class": node["class_name"],
        "row_shape": row_shape,
        "settings": _settings(node),
    }
    if node["class_name"] != "Lambda":
        return _entry(node, "vae_export>StandIn", {**options, "dtype": "float32"})
    function = stored_function(node["config"])
    arguments = _arguments(node)
    for name in (_name(node), function.name):
        if callable(known.get(name)):
            given = {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}
            own = {key: options[key] for key in ("name", "trainable", "dtype")}
            return _entry(node, "Lambda", {**own, "function": given, "arguments": arguments}, "keras.layers")
    if function.code is None:
        return _entry(node, "vae_export>StandIn", {**options, "function_name": function.name})
    numbers = {name: value for name, value in known.items() if isinstance(value, (int, float))}
    stored = {"code": function.code, "defaults": function.defaults, "closure": function.closure}
    return _entry(
        node, "vae_export>ReadLambda", {**options, **stored, "arguments": arguments, "names": numbers}
    )


def _entry(
    node: Mapping[str, Any], registered: str, options: dict[str, Any], module: str | None = None
) -> dict[str, Any]:
    """The configuration of another layer at the position of a node."""
    replaced = {key: value for key, value in node.items() if key in ("name", "inbound_nodes")}
    # Older files have the registered name as class name.
    name = registered if "registered_name" not in node else registered.split(">")[-1]
    return {
        **replaced,
        "module": module,
        "class_name": name,
        "registered_name": registered if ">" in registered else None,
        "config": options,
    }


# Settings that Keras writes for every layer.
_KERAS_OWN = {"name", "dtype", "trainable", "batch_input_shape", "autocast", "activity_regularizer"}


def _settings(node: Mapping[str, Any]) -> dict[str, float | str | bool]:
    """Scalars of a layer's configuration, numbers as float; for a Lambda its arguments."""
    config = node["config"]
    given = _arguments(node) if node["class_name"] == "Lambda" else config
    return {
        name: value if isinstance(value, (bool, str)) else float(value)
        for name, value in given.items()
        if isinstance(value, (bool, str, int, float)) and name not in _KERAS_OWN
    }


def _arguments(node: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a Lambda's function, by name."""
    arguments = node["config"].get("arguments") or {}
    if not isinstance(arguments, dict):
        raise ModelError(
            f"layer {_name(node)!r}: the arguments of its function are a {type(arguments).__name__}, "
            "expected names and values; save the model again"
        )
    return arguments


def _is_object(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("class_name"), str)
        and isinstance(node.get("config"), dict)
    )


def _has_encoder_and_decoder(node: Mapping[str, Any]) -> bool:
    return all(_is_object(node["config"].get(half)) for half in _HALVES)


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _objects(item)
    elif isinstance(node, dict):
        if _is_object(node):
            yield node
        for key, value in node.items():
            if key != "compile_config":
                yield from _objects(value)


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("name") or node["config"].get("name") or node["class_name"])


def _is_missing(node: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether an object is a Lambda, or a layer of an unknown class."""
    name = node["class_name"]
    if name == "Lambda":
        return True
    # Initializers, policies and other objects have none of these.
    marks = {"trainable", "layers", *_HALVES}
    if not ({"inbound_nodes", "build_config"} & set(node) or marks & set(node["config"])):
        return False
    registered = node.get("registered_name") or name
    if registered in known or name in known:
        return False
    if keras.saving.get_registered_object(registered) is not None:
        return False
    module = node.get("module")
    if module is None:
        # Older files name the class alone.
        return not hasattr(keras.layers, name) and name not in ("Functional", "Model", "Sequential")
    return not can_resolve_class(name, registered, module, node, known)


def _expected_shapes(config: Any) -> dict[str, Any]:
    """Layer name -> shape of one row of its output, from the layers that use it."""
    shapes: dict[str, Any] = {}
    for entry in _objects(config):
        shape = _input_shape(entry)
        if shape is None:
            continue
        for source in _sources(entry.get("inbound_nodes")):
            shapes.setdefault(source, tuple(shape[1:]))
    return shapes


def _input_shape(entry: Mapping[str, Any]) -> Any:
    """Shape of the one input of a layer or nested model; None for several inputs or an unknown shape."""
    inner = entry["config"].get("layers")
    if inner:
        starts = [layer for layer in inner if layer.get("class_name") == "InputLayer"]
        if len(starts) != 1:
            return None
        options = starts[0]["config"]
        return options.get("batch_shape") or options.get("batch_input_shape")
    shape = (entry.get("build_config") or {}).get("input_shape")
    return shape if isinstance(shape, list) and all(n is None or isinstance(n, int) for n in shape) else None


def _sources(nodes: Any) -> Iterator[str]:
    """Names of the layers whose outputs a call takes."""
    if isinstance(nodes, dict):
        history = nodes.get("keras_history")
        if nodes.get("class_name") == "__keras_tensor__":
            history = nodes["config"]["keras_history"]
        if history:
            yield history[0]
            return
        for value in nodes.values():
            yield from _sources(value)
    elif isinstance(nodes, list):
        # Older files: [name, node index, tensor index, ...].
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0]
            return
        for item in nodes:
            yield from _sources(item)
