"""What converters get of a Keras half."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.tiny_models import ListSampler, samples, tiny_vae
from vae_export.errors import ModelError
from vae_export.split.split_vae import split


def recurrent():
    x = keras.Input((3, 2), name="x")
    h = layers.LSTM(4, name="größe")(x)
    z = ListSampler(name="draw")([layers.Dense(2, name="mu")(h), layers.Dense(2, name="logvar")(h)])
    return keras.Model(x, layers.Reshape((3, 2))(layers.Dense(6)(z)), name="recurrent")


def test_it_computes_what_the_half_computes():
    half = split(tiny_vae()).encoder
    x = samples(4)
    traced = half.traceable()
    with traced.prepared():
        outputs = tf.function(traced.__call__).get_concrete_function(*traced.signature(None))(tf.constant(x))
    assert list(outputs) == list(half.outputs)
    for name, expected in half.run({"x": x}).items():
        np.testing.assert_allclose(outputs[name], expected, rtol=0, atol=1e-6)


def test_arguments_are_called_by_placeholders():
    traced = split(tiny_vae()).decoder.traceable()
    assert dict(traced.placeholders) == {"input_0": "z"}
    (spec,) = traced.signature(3)
    assert (spec.name, spec.shape[0], spec.dtype) == ("input_0", 3, tf.float32)
    assert traced.signature(None)[0].shape[0] is None


def test_a_placeholder_is_as_long_as_the_name():
    traced = split(tiny_vae()).decoder.traceable()
    (name,) = type(traced)(traced.tracked, {"a long name, größer": None}).placeholders
    assert name == "input_0".ljust(21, "_")


def test_layers_are_changed_while_they_are_traced_alone():
    half = split(recurrent()).encoder
    (layer,) = (layer for layer in half.model.used_layers if isinstance(layer, layers.RNN))
    traced = half.traceable()
    with traced.prepared():
        assert (layer.unroll, layer.name) == (True, "gr__e")
    assert (layer.unroll, layer.name) == (False, "größe")
    with pytest.raises(RuntimeError, match="planted"), traced.prepared():
        raise RuntimeError("planted")
    assert (layer.unroll, layer.name) == (False, "größe")


def test_the_layer_that_fails_is_found_in_the_text():
    traced = split(tiny_vae()).encoder.traceable()
    error = ModelError("in user code:\n  layer 'a/b' (Dense) cannot be called: no\n")
    assert traced.failing_layer(error) == "layer 'a/b' (Dense) cannot be called: no"
    assert traced.failing_layer(ModelError("something else")) is None
