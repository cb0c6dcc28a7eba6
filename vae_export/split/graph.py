"""A functional Keras model as one flat graph, with all nested models inlined.

Keras keeps a functional model as nodes (one for each call of a layer) whose edges are KerasTensors;
a model called inside a model is one node. Here every nested functional or sequential model is
opened, so that a cut can run through any of them, and a part of the graph can be called again on
new inputs (`replay`), with the layers' own weights.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import tree

from vae_export.errors import ModelError, one_line
from vae_export.private.keras import Functional, functional_of, maker_name, nodes_of, output_structure

__all__ = [
    "Call",
    "Graph",
    "Value",
    "calls_between",
    "descendants",
    "flatten",
    "is_functional",
    "own_words",
    "replay",
    "resized",
]


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the graph; compared by identity.

    Attributes:
        name: of the input, or the path of the call that makes it, with ":N" if that makes several.
        shape: with None for the batch and other unknown sizes.
        dtype: as Keras has it.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, eq=False)
class Call:
    """One operation called once; compared by identity.

    Attributes:
        operation: the Keras layer or operation.
        path: names of the models it is nested in and its own, joined by "/".
        args, kwargs: as it was called, with a `Value` in place of each tensor.
        inputs, outputs: the values among its arguments and its results, flat.
    """

    operation: Any
    path: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


@dataclass(frozen=True)
class Graph:
    """A flat model.

    Attributes:
        inputs: in the order of the model.
        calls: in an order in which they can run.
        outputs: in the order of the model.
        output_names: names that Keras gives the outputs.
    """

    inputs: tuple[Value, ...]
    calls: tuple[Call, ...]
    outputs: tuple[Value, ...]
    output_names: tuple[str, ...]


def flatten(model: Any) -> Graph:
    """Inline all nested models of a functional or sequential Keras model.

    Raises:
        ModelError: the model has no static graph (subclassed, or never built).
    """
    functional = _functional(model)
    if functional is None:
        raise ModelError(
            f"model {model.name!r}: got a {type(model).__name__} without a graph of layers, expected a "
            "functional model, or one with encoder and decoder; rebuild it with keras.Input and "
            "keras.Model(inputs, outputs)"
        )
    inputs = [_input(tensor, number) for number, tensor in enumerate(functional.inputs, 1)]
    calls: list[Call] = []
    outputs = _inline(functional, inputs, "", calls)
    return Graph(tuple(inputs), tuple(calls), tuple(outputs), tuple(_output_names(functional)))


def resized(graph: Graph, sizes: Mapping[Value, Sequence[int | None]]) -> Graph:
    """The same graph with other shapes of some values.

    Args:
        graph: flat.
        sizes: shape, with the batch, of each value whose shape changes.
    """
    new = {value: replace(value, shape=tuple(shape)) for value, shape in sizes.items()}

    def known(leaf: Any) -> Any:
        return new.get(leaf, leaf) if isinstance(leaf, Value) else leaf

    def known_all(values: Iterable[Value]) -> tuple[Value, ...]:
        return tuple(map(known, values))

    calls = []
    for call in graph.calls:
        args, kwargs = tree.map_structure(known, (call.args, dict(call.kwargs)))
        inputs, outputs = known_all(call.inputs), known_all(call.outputs)
        calls.append(replace(call, args=args, kwargs=kwargs, inputs=inputs, outputs=outputs))
    return replace(
        graph, inputs=known_all(graph.inputs), calls=tuple(calls), outputs=known_all(graph.outputs)
    )


def calls_between(graph: Graph, known: Iterable[Value], targets: Iterable[Value]) -> list[Call]:
    """The calls that compute `targets` when `known` values are given, in running order."""
    known, wanted = set(known), set(targets)
    needed = []
    for call in reversed(graph.calls):
        if any(value in wanted and value not in known for value in call.outputs):
            needed.append(call)
            wanted.update(call.inputs)
    return needed[::-1]


def descendants(graph: Graph, value: Value) -> set[Value]:
    """A value and all values that are computed from it."""
    found = {value}
    for call in graph.calls:
        if not found.isdisjoint(call.inputs):
            found.update(call.outputs)
    return found


def replay(calls: Sequence[Call], tensors: Mapping[Value, Any], targets: Sequence[Value]) -> list[Any]:
    """Call the operations again on other tensors; the layers keep their weights.

    Args:
        calls: in running order.
        tensors: a tensor, symbolic or not, for each value that no call makes.
        targets: the values to return.

    Raises:
        ModelError: a layer fails; names it.
    """
    made = dict(tensors)

    def tensor(leaf: Any) -> Any:
        return made[leaf] if isinstance(leaf, Value) else leaf

    for call in calls:
        args, kwargs = tree.map_structure(tensor, (call.args, dict(call.kwargs)))
        try:
            results = tree.flatten(call.operation(*args, **kwargs))
        # User layers may raise anything.
        except Exception as error:
            kind = type(call.operation).__name__
            raise ModelError(f"layer {call.path!r} ({kind}) cannot be called: {own_words(error)}") from error
        made.update(zip(call.outputs, results, strict=True))
    return [made[target] for target in targets]


def is_functional(model: Any) -> bool:
    """Whether a model has a graph that can be flattened."""
    return _functional(model) is not None


def _functional(operation: Any) -> Any:
    """The functional model that an operation wraps, or None if it is a plain layer."""
    # A subclass with a call() of its own does more than its graph says.
    if isinstance(operation, keras.Sequential) and type(operation).call is keras.Sequential.call:
        return functional_of(operation)
    if isinstance(operation, Functional) and type(operation).call is Functional.call:
        return operation
    return None


def _inline(functional: Any, inputs: Sequence[Value], path: str, calls: list[Call]) -> list[Value]:
    values = {id(tensor): value for tensor, value in zip(functional.inputs, inputs, strict=True)}

    def value(leaf: Any) -> Any:
        return values[id(leaf)] if isinstance(leaf, keras.KerasTensor) else leaf

    for node in nodes_of(functional):
        if node.is_input:
            continue
        args, kwargs = node.arguments.convert(value)
        operation = node.operation
        inner = _functional(operation)
        inner_path = f"{path}{operation.name}"
        if inner is None:
            outputs = _values(node.outputs, inner_path)
            given = tuple(leaf for leaf in tree.flatten((args, kwargs)) if isinstance(leaf, Value))
            kwargs = _in_inference(operation, kwargs)
            calls.append(Call(operation, inner_path, args, kwargs, given, tuple(outputs)))
        else:
            outputs = _inline(inner, _matched(inner, args, kwargs), f"{inner_path}/", calls)
        values.update((id(t), v) for t, v in zip(node.outputs, outputs, strict=True))
    return [values[id(tensor)] for tensor in functional.outputs]


def _in_inference(operation: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with training=False for layers whose default is True, as predict() calls them.

    Keras records the default of `training` like a given argument; layers with another default keep theirs.
    """
    if not isinstance(operation, keras.Layer):
        return dict(kwargs)
    training = inspect.signature(operation.call).parameters.get("training")
    if training is None or training.default is not True:
        return dict(kwargs)
    return {**kwargs, "training": False}


def _output_names(functional: Any) -> list[str]:
    """The keys of a dict of outputs, else the names of the layers that make them, each once."""
    struct = output_structure(functional)
    if isinstance(struct, dict) and len(struct) == len(functional.outputs):
        # In the order in which a dict is flattened.
        return sorted(struct)
    names: list[str] = []
    for tensor in functional.outputs:
        name = maker_name(tensor)
        taken = sum(other == name or other.startswith(f"{name}_") for other in names)
        names.append(f"{name}_{taken}" if taken else name)
    return names


def own_words(error: BaseException) -> str:
    """The text of a layer's own error, without the additions of Keras and TensorFlow."""
    text = str(error).split("Arguments received by")[0]
    text = re.sub(r"Exception encountered when calling [\w.]+\(\)\.|\{\{.*?\}\}|\[Op:.*", "", text)
    return one_line(text) or type(error).__name__


def _matched(inner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Value]:
    """The values a nested model was called with, in the order of its inputs."""
    given = args[0] if args else kwargs["inputs"]
    names = [tensor.name for tensor in inner.inputs]
    if isinstance(given, dict) and set(names) <= set(given):
        return [given[name] for name in names]
    return [leaf for leaf in tree.flatten(given) if isinstance(leaf, Value)]


def _input(tensor: Any, number: int) -> Value:
    """Number auto-named inputs by position: Keras counts across models."""
    name = re.sub(r"^input_layer(_\d+)?$", f"input_{number}", maker_name(tensor))
    return Value(name, tuple(tensor.shape), tensor.dtype)


def _values(tensors: Sequence[Any], path: str) -> list[Value]:
    """Values named by the path of the call that makes them."""
    names = [path] if len(tensors) == 1 else [f"{path}:{number}" for number in range(len(tensors))]
    return [Value(name, tuple(t.shape), t.dtype) for name, t in zip(names, tensors, strict=True)]
