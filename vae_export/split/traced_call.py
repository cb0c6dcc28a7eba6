"""The call() of a subclassed model as a graph of layers, where it is made of layers and Keras' operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import tree

# Not public, but the one way to tell a functional model from a subclassed one.
from keras.src.models.functional import Functional

from vae_export.errors import one_line
from vae_export.split.graph import is_functional

__all__ = ["CannotTraceError", "trace_call"]


class CannotTraceError(Exception):
    """call() does something that is no layer and no operation of Keras; the text says what."""


def trace_call(model: Any) -> Any:
    """A functional model that computes what the call() of a built subclassed model computes.

    Inputs are named as in the dict that call() takes, or as those of the model's encoder and decoder that
    have their shapes.

    Raises:
        CannotTraceError: no call(), no known shapes, or code that is not Keras'.
    """
    if type(model).call is keras.Model.call:
        raise CannotTraceError("it has no call()")
    given = _inputs(model)
    try:
        with _losses_left_out(model):
            return keras.Model(tree.flatten(given), model.call(given), name=model.name)
    # Code of anybody raises anything when it is given no arrays.
    except Exception as error:
        raise CannotTraceError(f"call() cannot be traced ({one_line(error)})") from error


def _inputs(model: Any) -> Any:
    """Symbolic tensors of the shapes that the model was called on, in their structure."""
    if isinstance(model, Functional):
        return tree.map_structure(
            lambda tensor: keras.Input(
                tensor.shape[1:], dtype=tensor.dtype, name=tensor._keras_history.operation.name
            ),
            model._inputs_struct,
        )
    shapes = getattr(model, "_build_shapes_dict", None) or {}
    if len(shapes) != 1:
        raise CannotTraceError("it was never called; call it once on an array before the export")
    (shape,) = shapes.values()
    parts = [getattr(model, name, None) for name in ("encoder", "decoder")]
    known = {
        tuple(tensor.shape[1:]): tensor
        for part in parts
        if part is not None and is_functional(part)
        for tensor in part.inputs
    }

    def tensor(shape: Any, name: str | None = None) -> Any:
        if isinstance(shape, dict):
            return {key: tensor(inner, key) for key, inner in shape.items()}
        if shape and isinstance(shape[0], (list, tuple)):
            return [tensor(inner) for inner in shape]
        alike = known.get(tuple(shape[1:]))
        return keras.Input(
            shape[1:],
            name=name or (alike._keras_history.operation.name if alike is not None else None),
            dtype=alike.dtype if alike is not None else None,
        )

    return tensor(shape)


@contextmanager
def _losses_left_out(model: Any) -> Iterator[None]:
    """Let add_loss() take anything, and add nothing."""
    # Past Keras, which tracks what is set.
    object.__setattr__(model, "add_loss", lambda *_: None)
    try:
        yield
    finally:
        object.__delattr__(model, "add_loss")
