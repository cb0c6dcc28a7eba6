import keras
import numpy as np
import pytest
import tensorflow as tf

from vae_export.formats.tflite.trace import TfliteTrace
from vae_export.io.quiet import quiet


@pytest.fixture(scope="module")
def graph():
    """Two convolutions put together, and a sigmoid of both."""
    z = keras.Input((3, 3, 2), batch_size=2, name="z")
    h = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(z)
    h = keras.layers.Concatenate()([keras.layers.Conv2D(4, 3, padding="same")(h) for _ in range(2)])
    model = keras.Model(z, keras.layers.Activation("sigmoid")(h))
    with quiet():
        return TfliteTrace(tf.lite.TFLiteConverter.from_keras_model(model).convert())


def test_logits_are_found_through_what_only_moves_them(graph):
    assert [(layer.kind, layer.sigmoid_alone) for layer in graph.outline.layers] == [
        ("input", False),
        ("CONV_2D", False),
        ("CONV_2D", True),
        ("CONV_2D", True),
        ("CONCATENATION", True),
        ("LOGISTIC", False),
    ]
    assert graph.batch == 2


def test_a_part_computes_what_the_whole_does(graph):
    z = np.random.default_rng(0).normal(size=(2, 3, 3, 2)).astype(np.float32)
    values = graph.run({"z": z})
    keys = [layer.key for layer in graph.outline.layers]
    for key in keys[1:]:
        np.testing.assert_array_equal(graph.part(key, keys).run(values), values[key])
    # Of what is between, none is known.
    output = keys[-1]
    np.testing.assert_array_equal(graph.part(output, [keys[0], output]).run(values), values[output])
