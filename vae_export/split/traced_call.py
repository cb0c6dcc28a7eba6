"""Trace the call() of a subclassed model into a graph, if it consists of layers and keras.ops."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import tree

from vae_export.private.keras import Functional, array_conversion, built_shapes, input_structure, maker_name
from vae_export.split.graph import flatten, is_functional, own_words

__all__ = ["CannotTraceError", "trace_call"]

# Layers and operations that take indices.
_LOOK_UP = {"Embedding", "OneHot", "CategoryEncoding"}


class CannotTraceError(Exception):
    """call() uses functions other than layers and operations of Keras; the text names them."""


def trace_call(model: Any, training: bool = False) -> Any:
    """The call() of a built subclassed model as a functional model.

    Inputs get the keys of the dict that call() takes, or the names of the encoder's and decoder's inputs of
    the same shapes.

    Args:
        model: subclassed, called before.
        training: the argument `training` of call(), if it has one.

    Raises:
        CannotTraceError: no call(), no known shapes, or code that is not Keras'.
    """
    if type(model).call is keras.Model.call:
        raise CannotTraceError("it has no call()")
    asks = "training" in inspect.signature(type(model).call).parameters
    options = {"training": training} if asks else {}

    def traced(integers: Container[int]) -> Any:
        given = _inputs(model, integers)
        return keras.Model(tree.flatten(given), model.call(given, **options), name=model.name)

    try:
        with _side_effects_left_out(model):
            found = traced(())
            # The shapes of a call do not tell the dtypes; the layers that use the inputs do.
            looked_up = _looked_up(found)
            return traced(looked_up) if looked_up else found
    except CannotTraceError:
        raise
    # User code may raise anything when it is given symbolic tensors.
    except Exception as error:
        raise CannotTraceError(f"call() cannot be traced ({own_words(error)})") from error


def _looked_up(model: Any) -> set[int]:
    """Positions of the inputs that only look-up layers use."""
    graph = flatten(model)
    users = [
        {type(call.operation).__name__ for call in graph.calls if value in call.inputs}
        for value in graph.inputs
    ]
    return {number for number, kinds in enumerate(users) if kinds and kinds <= _LOOK_UP}


def _inputs(model: Any, integers: Container[int]) -> Any:
    """Symbolic tensors in the shapes and the structure that the model was called on.

    Args:
        model: subclassed.
        integers: positions of integer inputs.
    """
    if isinstance(model, Functional):
        return tree.map_structure(
            lambda tensor: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=maker_name(tensor)),
            input_structure(model),
        )
    shapes = built_shapes(model)
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

    # As a dict is flattened.
    count = itertools.count()

    def tensor(shape: Any, name: str | None = None) -> Any:
        if isinstance(shape, dict):
            return {key: tensor(shape[key], key) for key in sorted(shape)}
        if shape and isinstance(shape[0], (list, tuple)):
            return [tensor(inner) for inner in shape]
        alike = known.get(tuple(shape[1:]))
        integer = next(count) in integers
        return keras.Input(
            shape[1:],
            name=name or (maker_name(alike) if alike is not None else None),
            dtype="int32" if integer else alike.dtype if alike is not None else None,
        )

    return tensor(shape)


@contextmanager
def _side_effects_left_out(model: Any) -> Iterator[None]:
    """Disable add_loss() and the metrics, which do not take symbolic tensors."""
    lent: dict[tuple[Any, str], Callable[..., Any]] = {(model, "add_loss"): _nothing}
    lent.update({(metric, "update_state"): _nothing for metric in model.metrics})
    if isinstance(model, Functional):
        # Keras 3.12 makes arrays of all inputs.
        lent[array_conversion(model)] = list
    # object.__setattr__, because Keras tracks attributes.
    for (owner, name), function in lent.items():
        object.__setattr__(owner, name, function)
    try:
        yield
    finally:
        for owner, name in lent:
            object.__delattr__(owner, name)


def _nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""
