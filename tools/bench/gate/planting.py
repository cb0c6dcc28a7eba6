"""Ways to plant a fault in a half: change its layers in place, or wrap it."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from models import build
from tests.tiny_models import half_of
from vae_export.split.split_vae import split

CONV, TRANSPOSED, NORM = layers.Conv2D, layers.Conv2DTranspose, layers.GroupNormalization


def layer(half, kind, index=0):
    return [one for one in half.model.used_layers if isinstance(one, kind)][index]


def in_place(change):
    """A fault that changes the layers of a half."""

    def plant(half):
        change(half)
        return half

    return plant


def weights(kind, which, function, index=0):
    """A fault in one weight of a layer: `function` of a copy."""

    def change(half):
        weight = layer(half, kind, index).weights[which]
        value = weight.numpy().copy()
        weight.assign(function(value))

    return in_place(change)


def all_weights(function):
    def change(half):
        for weight in half.model.weights:
            if weight.dtype == "float32":
                weight.assign(function(weight.numpy()))

    return in_place(change)


def setting(kind, name, value, index=0):
    return in_place(lambda half: setattr(layer(half, kind, index), name, value))


def wrapped(before=None, after=None):
    """A fault before or after a half: functions of tensors by name."""

    def plant(half):
        given = {
            name: keras.Input(spec.shape[1:], name=name, dtype=spec.dtype)
            for name, spec in half.inputs.items()
        }
        tensors = Changed(before)(given) if before else given
        outputs = half.model(tensors)
        return half_of(keras.Model(given, Changed(after)(outputs) if after else dict(outputs)), half.role)

    return plant


class Changed(layers.Layer):
    """A function of tensors by name."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, tensors):
        return {**tensors, **self.function(tensors)}


def output(function, name="reconstruction"):
    return wrapped(after=lambda tensors: {name: function(tensors[name])})


def given(function, name):
    return wrapped(before=lambda tensors: {name: function(tensors[name])})


def of_row(number, function):
    """Another result in one row of the batch."""

    def change(tensor):
        here = ops.equal(ops.arange(ops.shape(tensor)[0]), number)
        here = ops.cast(ops.reshape(here, (-1, *[1] * (len(tensor.shape) - 1))), tensor.dtype)
        return here * function(tensor) + (1 - here) * tensor

    return change


def largest(function):
    """A change of the value with the largest size."""

    def change(array):
        position = np.unravel_index(np.abs(array).argmax(), array.shape)
        array[position] = function(array[position])
        return array

    return change


def blocks(order):
    """The gates of a recurrent layer in another order."""
    return lambda array: np.concatenate([np.split(array, len(order), axis=-1)[n] for n in order], axis=-1)


def exchanged(array, axis):
    order = [1, 0, *range(2, array.shape[axis])]
    return np.take(array, order, axis)


def padded_by(pads, mode="constant"):
    """A convolution with padding of its own."""

    def change(half):
        conv = layer(half, CONV, -1 if half.role == "decoder" else 0)

        def call(x):
            if pads is None:
                x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode)
            else:
                x = ops.pad(x, [[0, 0], pads, pads, [0, 0]], mode)
            y = ops.conv(x, conv.kernel, strides=conv.strides, padding="valid") + conv.bias
            return conv.activation(y)

        conv.call = call

    return in_place(change)


def quantised(array, bits=8):
    step = np.abs(array).max() / (2 ** (bits - 1) - 1) or 1.0
    return np.rint(array / step) * step


def channels_first(array):
    """Rows of the kernel behind a Flatten of (4, 4, 12)."""
    return array.reshape(4, 4, 12, -1).transpose(2, 0, 1, 3).reshape(192, -1)


def other_seed(role):
    """The half of a VAE with other weights."""
    return lambda half: getattr(split(build("convolutions/16", "trained", 99).model, "m"), role)


def scaled_query(half):
    attention = layer(half, layers.MultiHeadAttention)
    for weight in attention.query_dense.weights:
        weight.assign(weight.numpy() * 2.0)


def exchange_query_and_key(half):
    attention = layer(half, layers.MultiHeadAttention)
    pairs = list(zip(attention.query_dense.weights, attention.value_dense.weights, strict=True))
    for one, other in pairs:
        before = one.numpy()
        one.assign(other.numpy())
        other.assign(before)


def in_ten_bits(tensor):
    """Of values near 1 as float16 has them; converters leave out casts to float16 and back."""
    return ops.round(1024.0 * tensor) / 1024.0


def low_bits(array, dtype):
    return np.asarray(tf.cast(tf.cast(array, dtype), "float32"))
