"""The functions that code in a model file may call: one table, from their spellings to operations of Keras.

A spelling is a library's function with its parameters in its order. A parameter is the operation's parameter
at the same position, or the one after ">"; one that has no effect on values is ignored, marked by "!"; "|"
parts names of one parameter in several versions. Sources: the signatures of `keras.backend` (Keras 2 and 3),
`keras.ops`, `keras.random` and TensorFlow 1 and 2.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from vae_export.bytecode.formula import NotUnderstoodError

__all__ = ["CONSTANTS", "DTYPES", "Function", "canonical", "function_at"]

Apply = Callable[..., Any]


@dataclass(frozen=True)
class Function:
    """One spelling of an operation.

    Attributes:
        path: canonical dotted name, such as "K.random_normal".
        parameters: names of each, and the parameter of `apply`; None if it has no effect.
        apply: computes the result.
        draws: whether it draws random numbers, of its argument `shape`.
    """

    path: str
    parameters: tuple[tuple[tuple[str, ...], str | None], ...]
    apply: Apply
    draws: bool = False

    def bind(self, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of `apply`.

        Raises:
            NotUnderstoodError: an argument that the spelling does not have, one too many, or one missing.
        """
        if len(given) > len(self.parameters):
            raise NotUnderstoodError(f"{self.path} with {len(given)} arguments")
        bound = {target: value for (_, target), value in zip(self.parameters, given, strict=False)}
        targets = {name: target for names, target in self.parameters for name in names}
        for name, value in named.items():
            if name not in targets or (targets[name] is not None and targets[name] in bound):
                raise NotUnderstoodError(f"the argument {name!r} of {self.path}")
            bound[targets[name]] = value
        bound.pop(None, None)
        found = {target: value for target, value in bound.items() if target is not None}
        for name, parameter in inspect.signature(self.apply).parameters.items():
            if parameter.default is parameter.empty and name not in found:
                raise NotUnderstoodError(f"{self.path} without {name!r}")
        return found


# Canonical path -> function.
_FUNCTIONS: dict[str, Function] = {}

# Names of modules, as scripts import them -> canonical ones. The longest that fits is taken.
_MODULES = {
    "K": "K", "backend": "K", "keras.backend": "K", "tf.keras.backend": "K",
    "ops": "ops", "keras.ops": "ops", "tf.keras.ops": "ops",
    "keras.random": "keras.random", "tf.keras.random": "keras.random",
    "activations": "activations", "keras.activations": "activations", "tf.keras.activations": "activations",
    "tf.math": "tf", "tf.nn": "tf", "tf.linalg": "tf", "tf.compat.v1": "tf", "tf.compat.v1.math": "tf",
    "tf.compat.v1.nn": "tf", "np": "np", "math": "np",
}  # fmt: skip
_ROOTS = {"tensorflow": "tf", "numpy": "np", "tf_keras": "keras"}

DTYPES = ("float16", "bfloat16", "float32", "float64", "int32", "int64", "uint8", "bool")
CONSTANTS: dict[str, Any] = {
    "np.pi": math.pi, "np.e": math.e, "np.inf": math.inf, "np.newaxis": None, "tf.newaxis": None,
    "tf.image.ResizeMethod.NEAREST_NEIGHBOR": "nearest", "tf.image.ResizeMethod.BILINEAR": "bilinear",
    **{f"{module}.{dtype}": dtype for module in ("tf", "np") for dtype in DTYPES},
}  # fmt: skip


def canonical(path: str) -> str:
    """The canonical form of a dotted name, whatever its modules were imported as."""
    root, *rest = path.split(".")
    parts = [_ROOTS.get(root, root), *rest]
    for length in range(len(parts) - 1, 0, -1):
        module = _MODULES.get(".".join(parts[:length]))
        if module is not None:
            return ".".join([module, *parts[length:]])
    return ".".join(parts)


def function_at(path: str) -> Function | None:
    """The function that a dotted name is; None if it is not known."""
    return _FUNCTIONS.get(canonical(path))


def _spelled(*spellings: str, draws: bool = False) -> Callable[[Apply], Apply]:
    def register(apply: Apply) -> Apply:
        targets = list(inspect.signature(apply).parameters)
        for spelling in spellings:
            path, _, inner = spelling.removesuffix(")").partition("(")
            parameters: list[tuple[tuple[str, ...], str | None]] = []
            for position, text in enumerate(filter(None, inner.split(", "))):
                names, _, target = text.removesuffix("!").partition(">")
                found = None if text.endswith("!") else target or targets[position]
                parameters.append((tuple(names.split("|")), found))
            # All functions of TensorFlow can be named.
            if path.startswith("tf."):
                parameters.append((("name",), None))
            _FUNCTIONS[path] = Function(path, tuple(parameters), apply, draws)
        return apply

    return register


# Elementwise

_UNARY = (
    "abs", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square", "sign", "negative", "reciprocal", "sin",
    "cos", "sigmoid", "tanh", "softplus", "softsign", "elu", "selu", "silu", "floor", "ceil", "log_sigmoid",
)  # fmt: skip
_BINARY = {
    "add": ("add",), "subtract": ("subtract",), "multiply": ("multiply",), "power": ("pow", "power"),
    "divide": ("divide", "truediv", "true_divide"), "maximum": ("maximum",), "minimum": ("minimum",),
    "matmul": ("matmul", "dot"),
}  # fmt: skip


def _unary(operation: Apply) -> Apply:
    return lambda x: operation(x)


def _binary(operation: Apply) -> Apply:
    return lambda x, y: operation(x, y)


for _name in _UNARY:
    _spelled(*(f"{module}.{_name}(x|features|input)" for module in ("K", "tf", "ops", "activations")))(
        _unary(getattr(ops, _name))
    )
for _name, _others in _BINARY.items():
    _spelled(
        f"ops.{_name}(x1, x2)",
        *(f"{module}.{other}(x|a, y|b)" for module in ("K", "tf") for other in _others),
    )(_binary(getattr(ops, _name)))


@_spelled("K.pow(x, a)")
def _power(x: Any, y: Any) -> Any:
    return ops.power(x, y)


@_spelled(
    "K.clip(x, min_value, max_value)",
    "tf.clip_by_value(t, clip_value_min, clip_value_max)",
    "ops.clip(x, x_min, x_max)",
)
def _clip(x: Any, low: Any, high: Any) -> Any:
    return ops.clip(x, low, high)


@_spelled("K.relu(x, alpha>slope, max_value)", "activations.relu(x, negative_slope|alpha>slope, max_value)")
def _relu(x: Any, slope: float = 0.0, max_value: float | None = None) -> Any:
    y = ops.leaky_relu(x, slope) if slope else ops.relu(x)
    return y if max_value is None else ops.minimum(y, max_value)


@_spelled("tf.relu(features)", "ops.relu(x)")
def _plain_relu(x: Any) -> Any:
    return ops.relu(x)


@_spelled("tf.relu6(features)", "ops.relu6(x)", "activations.relu6(x)")
def _relu6(x: Any) -> Any:
    return ops.relu6(x)


@_spelled("tf.leaky_relu(features, alpha)", "ops.leaky_relu(x, negative_slope)")
def _leaky_relu(x: Any, slope: float = 0.2) -> Any:
    return ops.leaky_relu(x, slope)


@_spelled(
    "K.softmax(x, axis)", "tf.softmax(logits, axis)", "ops.softmax(x, axis)", "activations.softmax(x, axis)"
)
def _softmax(x: Any, axis: int = -1) -> Any:
    return ops.softmax(x, -1 if axis is None else axis)


@_spelled(
    "K.identity(x)", "tf.identity(input)", "K.stop_gradient(variables)", "tf.stop_gradient(input)",
    "ops.stop_gradient(variable)", "activations.linear(x)",
)  # fmt: skip
def _identity(x: Any) -> Any:
    return x


@_spelled("K.cast(x, dtype)", "tf.cast(x, dtype)", "ops.cast(x, dtype)")
def _cast(x: Any, dtype: str) -> Any:
    return ops.cast(x, dtype)


# Shapes


@_spelled("K.shape(x)", "tf.shape(input, out_type!)", "ops.shape(x)")
def _shape(x: Any) -> Any:
    return ops.shape(x)


@_spelled("K.int_shape(x)")
def _static_shape(x: Any) -> Any:
    return tuple(x.shape)


@_spelled("K.ndim(x)", "ops.ndim(x)", "tf.rank(input)")
def _ndim(x: Any) -> int:
    return len(x.shape)


@_spelled("K.reshape(x, shape)", "tf.reshape(tensor, shape)", "ops.reshape(x, newshape|shape)")
def _reshape(x: Any, shape: Any) -> Any:
    return ops.reshape(x, shape)


@_spelled("K.flatten(x)", "ops.ravel(x)")
def _flatten(x: Any) -> Any:
    return ops.reshape(x, (-1,))


@_spelled("K.batch_flatten(x)")
def _batch_flatten(x: Any) -> Any:
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


@_spelled("K.squeeze(x, axis)", "tf.squeeze(input, axis)", "ops.squeeze(x, axis)")
def _squeeze(x: Any, axis: Any = None) -> Any:
    return ops.squeeze(x, axis)


@_spelled("tf.expand_dims(input, axis)", "ops.expand_dims(x, axis)")
def _expand_dims(x: Any, axis: Any) -> Any:
    return ops.expand_dims(x, axis)


@_spelled("K.expand_dims(x, axis)")
def _expand_last(x: Any, axis: Any = -1) -> Any:
    return ops.expand_dims(x, axis)


@_spelled(
    "K.permute_dimensions(x, pattern)", "tf.transpose(a, perm)", "ops.transpose(x, axes)", "K.transpose(x)"
)
def _transpose(x: Any, axes: Any = None) -> Any:
    return ops.transpose(x, axes)


@_spelled("K.concatenate(tensors, axis)")
def _concatenate_last(tensors: Any, axis: int = -1) -> Any:
    return ops.concatenate(tensors, axis)


@_spelled("tf.concat(values, axis)", "ops.concatenate(xs, axis)")
def _concatenate(tensors: Any, axis: int = 0) -> Any:
    return ops.concatenate(tensors, axis)


@_spelled("K.stack(x, axis)", "tf.stack(values, axis)", "ops.stack(x, axis)")
def _stack(tensors: Any, axis: int = 0) -> Any:
    return ops.stack(tensors, axis)


@_spelled("tf.split(value, num_or_size_splits, axis)")
def _split_sizes(x: Any, sizes: Any, axis: int = 0) -> Any:
    if isinstance(sizes, int):
        return tuple(ops.split(x, sizes, axis))
    # Keras takes the positions of the cuts instead.
    cuts = [sum(sizes[: number + 1]) for number in range(len(sizes) - 1)]
    return tuple(ops.split(x, cuts, axis))


@_spelled("ops.split(x, indices_or_sections, axis)")
def _split(x: Any, sections: Any, axis: int = 0) -> Any:
    return tuple(ops.split(x, sections, axis))


@_spelled("tf.unstack(value, num, axis)", "ops.unstack(x, num, axis)")
def _unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    return tuple(ops.unstack(x, num, axis))


@_spelled("K.repeat(x, n)")
def _repeat_rows(x: Any, n: int) -> Any:
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


@_spelled(
    "K.repeat_elements(x, rep, axis)", "tf.repeat(input, repeats, axis)", "ops.repeat(x, repeats, axis)"
)
def _repeat(x: Any, repeats: int, axis: int) -> Any:
    return ops.repeat(x, repeats, axis=axis)


@_spelled("K.tile(x, n)", "tf.tile(input, multiples)", "ops.tile(x, repeats)")
def _tile(x: Any, repeats: Any) -> Any:
    return ops.tile(x, repeats)


@_spelled("K.reverse(x, axes)", "tf.reverse(tensor, axis)", "ops.flip(x, axis)")
def _flip(x: Any, axis: Any) -> Any:
    return ops.flip(x, axis)


# Reductions

for _name, _reducing in {"sum": "sum", "mean": "mean", "max": "max", "min": "min", "prod": "prod"}.items():

    def _reduction(x: Any, axis: Any = None, keepdims: bool = False, _name: str = _name) -> Any:
        return getattr(ops, _name)(x, axis=axis, keepdims=keepdims)

    _spelled(
        f"K.{_name}(x, axis, keepdims)",
        f"ops.{_name}(x, axis, keepdims)",
        f"tf.reduce_{_reducing}(input_tensor, axis, keepdims)",
    )(_reduction)


@_spelled("K.l2_normalize(x, axis)")
def _l2_normalize(x: Any, axis: Any = None) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


@_spelled("tf.l2_normalize(x, axis, epsilon)")
def _l2_normalize_with(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon))


# Values


@_spelled("K.zeros_like(x, dtype)", "tf.zeros_like(input|tensor, dtype)", "ops.zeros_like(x, dtype)")
def _zeros_like(x: Any, dtype: str | None = None) -> Any:
    return ops.zeros_like(x, dtype)


@_spelled("K.ones_like(x, dtype)", "tf.ones_like(input|tensor, dtype)", "ops.ones_like(x, dtype)")
def _ones_like(x: Any, dtype: str | None = None) -> Any:
    return ops.ones_like(x, dtype)


@_spelled(
    "K.constant(value, dtype)", "tf.constant(value, dtype)", "tf.convert_to_tensor(value, dtype)",
    "ops.convert_to_tensor(x, dtype)",
)  # fmt: skip
def _constant(value: Any, dtype: str | None = None) -> Any:
    if dtype is None and isinstance(value, (int, float)):
        return value
    return ops.convert_to_tensor(value, dtype)


@_spelled("tf.zeros(shape, dtype)", "ops.zeros(shape, dtype)")
def _zeros(shape: Any, dtype: str = "float32") -> Any:
    return ops.zeros(shape, dtype)


@_spelled("tf.ones(shape, dtype)", "ops.ones(shape, dtype)")
def _ones(shape: Any, dtype: str = "float32") -> Any:
    return ops.ones(shape, dtype)


@_spelled("tf.add_n(inputs)")
def _add_all(inputs: Any) -> Any:
    return sum(inputs[1:], start=inputs[0])


@_spelled("K.epsilon()")
def _epsilon() -> float:
    return float(keras.config.epsilon())


@_spelled("K.floatx()")
def _floatx() -> str:
    return "float32"


# Of numbers alone: on a tensor NumPy and math would compute once, when the model is built.

for _name in ("exp", "log", "sqrt"):

    def _of_number(x: Any, _name: str = _name) -> float:
        if not isinstance(x, (int, float)):
            raise NotUnderstoodError(f"{_name} of NumPy on a tensor")
        return float(getattr(math, _name)(x))

    _spelled(f"np.{_name}(x)")(_of_number)


@_spelled("np.prod(a)")
def _product(a: Any) -> int:
    return math.prod(a)


@_spelled("int(x)")
def _int(x: Any) -> int:
    return int(x)


@_spelled("float(x)")
def _float(x: Any) -> float:
    return float(x)


@_spelled("len(x)")
def _len(x: Any) -> int:
    return len(x)


@_spelled("tuple(x)", "list(x)")
def _tuple(x: Any) -> tuple[Any, ...]:
    if not isinstance(x, (tuple, list)):
        raise NotUnderstoodError("a tensor unpacked along the batch")
    return tuple(x)


# Pictures


@_spelled("tf.image.resize(images, size, method)", "ops.image.resize(images, size, interpolation)")
def _resize(images: Any, size: Any, method: str = "bilinear") -> Any:
    if method not in ("bilinear", "nearest"):
        raise NotUnderstoodError(f"resizing by {method!r}")
    return ops.image.resize(images, size, interpolation=method)


@_spelled("K.resize_images(x, height_factor, width_factor, data_format, interpolation)")
def _resize_by(x: Any, height: int, width: int, data_format: str, interpolation: str = "nearest") -> Any:
    if data_format != "channels_last":
        raise NotUnderstoodError(f"pictures of data_format {data_format!r}")
    size = (x.shape[1] * height, x.shape[2] * width)
    return _resize(x, size, interpolation)


# Noise


@_spelled(
    "K.random_normal(shape, mean, stddev, dtype!, seed!)",
    "tf.random.normal(shape, mean, stddev, dtype!, seed!)",
    "tf.random_normal(shape, mean, stddev, dtype!, seed!)",
    "keras.random.normal(shape, mean, stddev, dtype!, seed!)",
    draws=True,
)
def _normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0) -> Any:
    # The tensors of noise carry mean and scale, so that both may be tensors.
    return keras.random.normal(shape) * stddev + mean


@_spelled(
    "K.random_uniform(shape, minval, maxval, dtype!, seed!)",
    "tf.random.uniform(shape, minval, maxval, dtype!, seed!)",
    "tf.random_uniform(shape, minval, maxval, dtype!, seed!)",
    "keras.random.uniform(shape, minval, maxval, dtype!, seed!)",
    draws=True,
)
def _uniform(shape: Any, low: Any = 0.0, high: Any = 1.0) -> Any:
    return low + (high - low) * keras.random.uniform(shape)


@_spelled(
    "K.truncated_normal(shape, mean, stddev, dtype!, seed!)",
    "tf.random.truncated_normal(shape, mean, stddev, dtype!, seed!)",
    "keras.random.truncated_normal(shape, mean, stddev, dtype!, seed!)",
    draws=True,
)
def _truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0) -> Any:
    return mean + stddev * keras.random.truncated_normal(shape)
