"""Private names of Keras. Seen in Keras 3.12.4 and 3.15.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras.src.legacy.saving.saving_utils import model_from_config
from keras.src.models.functional import Functional
from keras.src.ops import core as ops_core
from keras.src.ops import image as ops_image
from keras.src.ops import linalg as ops_linalg
from keras.src.ops import math as ops_math
from keras.src.ops import nn as ops_nn
from keras.src.ops import numpy as ops_numpy
from keras.src.saving.serialization_lib import _retrieve_class_or_fn

__all__ = [
    "FUNCTIONAL_MODULE",
    "Functional",
    "array_conversion",
    "built_shapes",
    "can_resolve_class",
    "functional_of",
    "input_structure",
    "layers_of",
    "lend_handle_name",
    "maker_name",
    "model_of_legacy_config",
    "nodes_of",
    "operation_classes",
    "output_structure",
    "policy_computing_in",
]

_TAKE_FUNCTIONS = {
    "Map", "Scan", "AssociativeScan", "Switch", "WhileLoop", "ForiLoop", "Cond", "VectorizedMap", "Vectorize",
}  # fmt: skip
# The module of functional models in configurations.
FUNCTIONAL_MODULE = "keras.src.models.functional"


def layers_of(operation: Any, include_self: bool = True) -> list[Any]:
    """A layer with all layers inside it; [operation] for an operation that is no layer."""
    if not isinstance(operation, keras.Layer):
        return [operation]
    return list(operation._flatten_layers(include_self=include_self))


def functional_of(sequential: Any) -> Any:
    """The functional model inside a sequential one."""
    return sequential._functional


def nodes_of(functional: Any) -> list[Any]:
    """The calls of a functional model in running order."""
    by_depth = functional._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def operation_classes() -> dict[str, Any]:
    """Operations of functional models: class name -> class; without those that take functions."""
    found: dict[str, Any] = {}
    for module in (ops_numpy, ops_nn, ops_math, ops_image, ops_linalg, ops_core):
        found |= {
            name: value
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, keras.Operation) and value is not keras.Operation
        }
    return {name: value for name, value in found.items() if name not in _TAKE_FUNCTIONS}


def input_structure(functional: Any) -> Any:
    """The inputs of a functional model, in the structure of its call."""
    return functional._inputs_struct


def output_structure(functional: Any) -> Any:
    """The outputs of a functional model, in the structure of its result."""
    return functional._outputs_struct


def maker_name(tensor: Any) -> str:
    """The name of the operation that computes a symbolic tensor."""
    return str(tensor._keras_history.operation.name)


def array_conversion(functional: Any) -> tuple[Any, str]:
    """(model, name of the method) that converts the inputs of a functional model to arrays in Keras 3.12."""
    return functional, "_convert_inputs_to_tensors"


def built_shapes(layer: Any) -> dict[str, Any]:
    """The shapes that a layer was built for, by argument; empty if it was never called."""
    return dict(getattr(layer, "_build_shapes_dict", None) or {})


def policy_computing_in(compute_dtype: str, variable_dtype: str | None = None) -> Any:
    """A dtype policy with different dtypes of computation and weights.

    Keras' own mixed policies have float32 weights only.

    Args:
        compute_dtype: dtype of the computation.
        variable_dtype: dtype of the weights; None for float32.
    """
    policy = keras.DTypePolicy("mixed_float16")
    policy._compute_dtype = compute_dtype
    if variable_dtype is not None:
        policy._variable_dtype = variable_dtype
    return policy


def lend_handle_name(weight: Any) -> tuple[Any, str, str]:
    """The source of a weight's name in a SavedModel: (TensorFlow's variable, attribute, name)."""
    variable = weight._value
    return variable, "_handle_name", variable._handle_name.removesuffix(":0")


def can_resolve_class(
    name: str,
    registered_name: str | None,
    module: str | None,
    config: Mapping[str, Any],
    known: Mapping[str, Any],
) -> bool:
    """Whether Keras finds the class that a configuration names."""
    try:
        _retrieve_class_or_fn(name, registered_name, module, "class", dict(config), dict(known))
    except (TypeError, ValueError):
        return False
    return True


def model_of_legacy_config(config: Mapping[str, Any]) -> Any:
    """A model of the configuration in an HDF5 file."""
    return model_from_config(config)
