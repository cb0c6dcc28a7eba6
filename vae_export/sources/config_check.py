"""Refuse configurations that name anything but what a model is made of, before Keras sees them.

Keras builds whatever a configuration names, with arguments that the file chooses: functions such as
`keras.utils.get_file` and classes such as `CSVLogger` are not parts of a model. Allowed are layers, models,
initializers, regularizers, constraints, dtype policies and operations of Keras, activations, and what the
user gave or registered. Nothing is imported because a file names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from vae_export.errors import ModelError
from vae_export.private.keras import operation_classes

__all__ = ["check_config"]

# Layers that load files or run code of other frameworks.
_FOREIGN = {"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
# Layers whose vocabulary may be the path of a file.
_VOCABULARIES = ("vocabulary", "idf_weights")
# What Keras writes for values that JSON does not have.
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__", "__bytes__"}
_MODELS = {"Functional", "Sequential", "Model"}
_LEGACY_POLICIES = {"Policy", "PolicyV1"}
_DEEPEST = 200


def check_config(config: Any, known: Mapping[str, Any], where: str) -> None:
    """Walk a configuration, and refuse what is no part of a model.

    Args:
        config: of a model whose unknown layers were replaced already.
        known: classes and functions of the user, by name.
        where: what messages call the file.

    Raises:
        ModelError: it names something else; the message says which layer does.
    """
    _Check(known, where, _allowed_classes()).walk(config, "", "the model", 0)


def _allowed_classes() -> dict[str, Any]:
    """Class name -> class of Keras."""
    found: dict[str, Any] = {}
    for module in (
        keras.layers,
        keras.initializers,
        keras.regularizers,
        keras.constraints,
        keras.dtype_policies,
    ):
        found |= {name: value for name, value in vars(module).items() if isinstance(value, type)}
    return {name: value for name, value in found.items() if name not in _FOREIGN} | operation_classes()


class _Check:
    def __init__(self, known: Mapping[str, Any], where: str, classes: Mapping[str, Any]) -> None:
        self._known, self._where, self._classes = known, where, classes

    def walk(self, node: Any, key: str, layer: str, depth: int) -> None:
        """Check a value, which stands under a key of a layer's configuration."""
        if depth > _DEEPEST:
            raise ModelError(f"{self._where}: the configuration is nested deeper than {_DEEPEST}")
        if isinstance(node, list):
            for item in node:
                self.walk(item, key, layer, depth + 1)
        elif isinstance(node, dict):
            if isinstance(node.get("class_name"), str) and "config" in node:
                layer = self._object(node, key, layer)
            for inner, value in node.items():
                # Training is not part of the export; it is left out of what is built.
                if inner != "compile_config":
                    self.walk(value, inner, layer, depth + 1)

    def _object(self, node: Mapping[str, Any], key: str, layer: str) -> str:
        """Check an object; returns what messages call the things inside it."""
        name = str(node["class_name"])
        if name in _VALUES:
            return layer
        if name == "function":
            self._function(str(node["config"]), node, key, layer)
            return layer
        registered = str(node.get("registered_name") or name)
        own = {registered, name} & set(self._known) or keras.saving.get_registered_object(registered)
        if not own:
            self._class(name, node, layer)
        config = node["config"]
        if isinstance(config, dict):
            for option in _VOCABULARIES:
                if isinstance(config.get(option), str):
                    self._refuse(layer, f"the file {config[option]!r} as {option} of {name}")
            return f"layer {str(config.get('name') or node.get('name') or name)!r}"
        return layer

    def _function(self, name: str, node: Mapping[str, Any], key: str, layer: str) -> None:
        module = node.get("module")
        if name in self._known or keras.saving.get_registered_object(name):
            return
        parts = str(module or "builtins").split(".")
        of_keras = parts == ["builtins"] or (parts[0] in ("keras", "tensorflow") and "activations" in parts)
        if key.endswith("activation") and of_keras and hasattr(keras.activations, name):
            return
        path = f"{module}.{name}" if module not in (None, "builtins") else name
        if key.endswith("activation"):
            raise ModelError(
                f"{self._where}: {layer} has the activation {path!r}, which is not known here; give "
                "--custom-objects the file or module that defines it"
            )
        self._refuse(layer, f"the function {path!r}")

    def _class(self, name: str, node: Mapping[str, Any], layer: str) -> None:
        module = node.get("module")
        if module is not None and str(module).split(".")[0] not in ("keras", "tensorflow", "keras_hub"):
            self._refuse(layer, f"the class '{module}.{name}'")
        if name in _MODELS or name in _LEGACY_POLICIES or str(module).startswith("keras_hub"):
            return
        if name not in self._classes:
            self._refuse(layer, f"the class {name if module is None else f'{module}.{name}'!r}")

    def _refuse(self, layer: str, what: str) -> None:
        raise ModelError(
            f"{self._where}: {layer} names {what}, expected layers, initializers, activations and other "
            "parts of models alone; a file that does so may run code, and is not loaded"
        )
