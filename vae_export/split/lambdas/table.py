"""The table of functions that code in a model file may call, as operations of Keras.

Importing this module fills `functions.FUNCTIONS`. A function more is one entry: its spellings, and what it
computes.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from vae_export.bytecode.formula import NotUnderstoodError
from vae_export.split.lambdas.functions import Apply, spelled

_MOST_PARTS = 256

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
    spelled(*(f"{module}.{_name}(x|features|input)" for module in ("K", "tf", "ops", "activations")))(
        _unary(getattr(ops, _name))
    )
for _name, _others in _BINARY.items():
    spelled(
        f"ops.{_name}(x1, x2)",
        *(f"{module}.{other}(x|a, y|b)" for module in ("K", "tf") for other in _others),
    )(_binary(getattr(ops, _name)))


@spelled("K.pow(x, a)")
def _power(x: Any, y: Any) -> Any:
    return ops.power(x, y)


@spelled(
    "K.clip(x, min_value, max_value)",
    "tf.clip_by_value(t, clip_value_min, clip_value_max)",
    "ops.clip(x, x_min, x_max)",
)
def _clip(x: Any, low: Any, high: Any) -> Any:
    return ops.clip(x, low, high)


@spelled("K.relu(x, alpha>slope, max_value)", "activations.relu(x, negative_slope|alpha>slope, max_value)")
def _relu(x: Any, slope: float = 0.0, max_value: float | None = None) -> Any:
    y = ops.leaky_relu(x, slope) if slope else ops.relu(x)
    return y if max_value is None else ops.minimum(y, max_value)


@spelled("tf.relu(features)", "ops.relu(x)")
def _plain_relu(x: Any) -> Any:
    return ops.relu(x)


@spelled("tf.relu6(features)", "ops.relu6(x)", "activations.relu6(x)")
def _relu6(x: Any) -> Any:
    return ops.relu6(x)


@spelled("tf.leaky_relu(features, alpha)", "ops.leaky_relu(x, negative_slope)")
def _leaky_relu(x: Any, slope: float = 0.2) -> Any:
    return ops.leaky_relu(x, slope)


@spelled(
    "K.softmax(x, axis)", "tf.softmax(logits, axis)", "ops.softmax(x, axis)", "activations.softmax(x, axis)"
)
def _softmax(x: Any, axis: int = -1) -> Any:
    return ops.softmax(x, -1 if axis is None else axis)


@spelled(
    "K.identity(x)", "tf.identity(input)", "K.stop_gradient(variables)", "tf.stop_gradient(input)",
    "ops.stop_gradient(variable)", "activations.linear(x)",
)  # fmt: skip
def _identity(x: Any) -> Any:
    return x


@spelled("K.cast(x, dtype)", "tf.cast(x, dtype)", "ops.cast(x, dtype)")
def _cast(x: Any, dtype: str) -> Any:
    return ops.cast(x, dtype)


# Shapes


@spelled("K.shape(x)", "tf.shape(input, out_type!)", "ops.shape(x)")
def _shape(x: Any) -> Any:
    return ops.shape(x)


@spelled("K.int_shape(x)")
def _static_shape(x: Any) -> Any:
    return tuple(x.shape)


@spelled("K.ndim(x)", "ops.ndim(x)", "tf.rank(input)")
def _ndim(x: Any) -> int:
    return len(x.shape)


@spelled("K.reshape(x, shape)", "tf.reshape(tensor, shape)", "ops.reshape(x, newshape|shape)")
def _reshape(x: Any, shape: Any) -> Any:
    return ops.reshape(x, shape)


@spelled("K.flatten(x)", "ops.ravel(x)")
def _flatten(x: Any) -> Any:
    return ops.reshape(x, (-1,))


@spelled("K.batch_flatten(x)")
def _batch_flatten(x: Any) -> Any:
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


@spelled("K.squeeze(x, axis)", "tf.squeeze(input, axis)", "ops.squeeze(x, axis)")
def _squeeze(x: Any, axis: Any = None) -> Any:
    return ops.squeeze(x, axis)


@spelled("tf.expand_dims(input, axis)", "ops.expand_dims(x, axis)")
def _expand_dims(x: Any, axis: Any) -> Any:
    return ops.expand_dims(x, axis)


@spelled("K.expand_dims(x, axis)")
def _expand_last(x: Any, axis: Any = -1) -> Any:
    return ops.expand_dims(x, axis)


@spelled(
    "K.permute_dimensions(x, pattern)", "tf.transpose(a, perm)", "ops.transpose(x, axes)", "K.transpose(x)"
)
def _transpose(x: Any, axes: Any = None) -> Any:
    return ops.transpose(x, axes)


@spelled("K.concatenate(tensors, axis)")
def _concatenate_last(tensors: Any, axis: int = -1) -> Any:
    return ops.concatenate(tensors, axis)


@spelled("tf.concat(values, axis)", "ops.concatenate(xs, axis)")
def _concatenate(tensors: Any, axis: int = 0) -> Any:
    return ops.concatenate(tensors, axis)


@spelled("K.stack(x, axis)", "tf.stack(values, axis)", "ops.stack(x, axis)")
def _stack(tensors: Any, axis: int = 0) -> Any:
    return ops.stack(tensors, axis)


def _parts(sections: Any) -> Any:
    """Refuse a number of parts that would never end."""
    if isinstance(sections, int) and sections > _MOST_PARTS:
        raise NotUnderstoodError(f"a tensor in {sections:,} parts")
    return sections


@spelled("tf.split(value, num_or_size_splits, axis)")
def _split_sizes(x: Any, sizes: Any, axis: int = 0) -> Any:
    if isinstance(sizes, int):
        return tuple(ops.split(x, _parts(sizes), axis))
    # Keras takes the positions of the cuts instead.
    cuts = [sum(sizes[: number + 1]) for number in range(len(sizes) - 1)]
    return tuple(ops.split(x, cuts, axis))


@spelled("ops.split(x, indices_or_sections, axis)")
def _split(x: Any, sections: Any, axis: int = 0) -> Any:
    return tuple(ops.split(x, _parts(sections), axis))


@spelled("tf.unstack(value, num, axis)", "ops.unstack(x, num, axis)")
def _unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    if x.shape[axis] is None:
        raise NotUnderstoodError("a tensor unpacked along the batch")
    _parts(x.shape[axis])
    return tuple(ops.unstack(x, num, axis))


@spelled("K.repeat(x, n)")
def _repeat_rows(x: Any, n: int) -> Any:
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


@spelled("K.repeat_elements(x, rep, axis)", "tf.repeat(input, repeats, axis)", "ops.repeat(x, repeats, axis)")
def _repeat(x: Any, repeats: int, axis: int) -> Any:
    return ops.repeat(x, repeats, axis=axis)


@spelled("K.tile(x, n)", "tf.tile(input, multiples)", "ops.tile(x, repeats)")
def _tile(x: Any, repeats: Any) -> Any:
    return ops.tile(x, repeats)


@spelled("K.reverse(x, axes)", "tf.reverse(tensor, axis)", "ops.flip(x, axis)")
def _flip(x: Any, axis: Any) -> Any:
    return ops.flip(x, axis)


# Reductions

for _name, _reducing in {"sum": "sum", "mean": "mean", "max": "max", "min": "min", "prod": "prod"}.items():

    def _reduction(x: Any, axis: Any = None, keepdims: bool = False, _name: str = _name) -> Any:
        return getattr(ops, _name)(x, axis=axis, keepdims=keepdims)

    spelled(
        f"K.{_name}(x, axis, keepdims)",
        f"ops.{_name}(x, axis, keepdims)",
        f"tf.reduce_{_reducing}(input_tensor, axis, keepdims)",
    )(_reduction)


@spelled("K.l2_normalize(x, axis)")
def _l2_normalize(x: Any, axis: Any = None) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


@spelled("tf.l2_normalize(x, axis, epsilon)")
def _l2_normalize_with(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon))


# Values


@spelled("K.zeros_like(x, dtype)", "tf.zeros_like(input|tensor, dtype)", "ops.zeros_like(x, dtype)")
def _zeros_like(x: Any, dtype: str | None = None) -> Any:
    return ops.zeros_like(x, dtype)


@spelled("K.ones_like(x, dtype)", "tf.ones_like(input|tensor, dtype)", "ops.ones_like(x, dtype)")
def _ones_like(x: Any, dtype: str | None = None) -> Any:
    return ops.ones_like(x, dtype)


@spelled(
    "tf.constant(value, dtype)", "tf.convert_to_tensor(value, dtype)", "ops.convert_to_tensor(x, dtype)",
)  # fmt: skip
def _constant(value: Any, dtype: str | None = None) -> Any:
    if dtype is None and isinstance(value, (int, float)):
        return value
    return ops.convert_to_tensor(value, dtype)


@spelled("tf.zeros(shape, dtype)", "ops.zeros(shape, dtype)")
def _zeros(shape: Any, dtype: str = "float32") -> Any:
    return ops.zeros(shape, dtype)


@spelled("tf.ones(shape, dtype)", "ops.ones(shape, dtype)")
def _ones(shape: Any, dtype: str = "float32") -> Any:
    return ops.ones(shape, dtype)


@spelled("tf.add_n(inputs)")
def _add_all(inputs: Any) -> Any:
    return sum(inputs[1:], start=inputs[0])


@spelled("K.constant(value, dtype)")
def _float_constant(value: Any, dtype: str = "float32") -> Any:
    return _constant(value, dtype)


@spelled("K.epsilon()")
def _epsilon() -> float:
    return float(keras.config.epsilon())


@spelled("K.floatx()")
def _floatx() -> str:
    return "float32"


# Of numbers alone: on a tensor NumPy and math would compute once, when the model is built.

for _name in ("exp", "log", "sqrt"):

    def _of_number(x: Any, _name: str = _name) -> float:
        if not isinstance(x, (int, float)):
            raise NotUnderstoodError(f"{_name} of NumPy on a tensor")
        return float(getattr(math, _name)(x))

    spelled(f"np.{_name}(x)")(_of_number)


@spelled("np.prod(a)")
def _product(a: Any) -> int:
    return math.prod(a)


@spelled("int(x)")
def _int(x: Any) -> int:
    return int(x)


@spelled("float(x)")
def _float(x: Any) -> float:
    return float(x)


@spelled("len(x)")
def _len(x: Any) -> int:
    return len(x)


@spelled("tuple(x)", "list(x)")
def _tuple(x: Any) -> tuple[Any, ...]:
    if not isinstance(x, (tuple, list)):
        raise NotUnderstoodError("a tensor unpacked along the batch")
    return tuple(x)


# Pictures


@spelled("tf.image.resize(images, size, method)", "ops.image.resize(images, size, interpolation)")
def _resize(images: Any, size: Any, method: str = "bilinear") -> Any:
    if method not in ("bilinear", "nearest"):
        raise NotUnderstoodError(f"resizing by {method!r}")
    return ops.image.resize(images, size, interpolation=method)


@spelled("K.resize_images(x, height_factor, width_factor, data_format, interpolation)")
def _resize_by(x: Any, height: int, width: int, data_format: str, interpolation: str = "nearest") -> Any:
    if data_format != "channels_last":
        raise NotUnderstoodError(f"pictures of data_format {data_format!r}")
    size = (x.shape[1] * height, x.shape[2] * width)
    return _resize(x, size, interpolation)


# Noise


@spelled(
    "K.random_normal(shape, mean, stddev, dtype, seed!)",
    "tf.random.normal(shape, mean, stddev, dtype, seed!)",
    "tf.random_normal(shape, mean, stddev, dtype, seed!)",
    "keras.random.normal(shape, mean, stddev, dtype, seed!)",
    draws=True,
)
def _normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: str | None = None) -> Any:
    # The tensors of noise carry mean and scale, so that both may be tensors.
    return ops.cast(keras.random.normal(shape), dtype or "float32") * stddev + mean


@spelled(
    "K.random_uniform(shape, minval, maxval, dtype, seed!)",
    "tf.random.uniform(shape, minval, maxval, dtype, seed!)",
    "tf.random_uniform(shape, minval, maxval, dtype, seed!)",
    "keras.random.uniform(shape, minval, maxval, dtype, seed!)",
    draws=True,
)
def _uniform(shape: Any, low: Any = 0.0, high: Any = 1.0, dtype: str | None = None) -> Any:
    return low + (high - low) * ops.cast(keras.random.uniform(shape), dtype or "float32")


@spelled(
    "K.truncated_normal(shape, mean, stddev, dtype, seed!)",
    "tf.random.truncated_normal(shape, mean, stddev, dtype, seed!)",
    "keras.random.truncated_normal(shape, mean, stddev, dtype, seed!)",
    draws=True,
)
def _truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: str | None = None) -> Any:
    return mean + stddev * ops.cast(keras.random.truncated_normal(shape), dtype or "float32")
