"""One-hot attributes that the decoder alone takes, which also predicts them."""

import keras
import numpy as np
from keras import layers

from tests.gallery.parts.sampling import Sampling

CONDITIONS = {"attributes": np.eye(4, dtype=np.float32)[np.arange(12) % 4]}
OUTPUTS = ("picture", "guess")


def build():
    x, attributes = keras.Input((10,), name="x"), keras.Input((4,), name="attributes")
    h = layers.Dense(16, activation="relu")(x)
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3)(h)])
    h = layers.Dense(16, activation="relu")(layers.Concatenate()([z, attributes]))
    outputs = {"picture": layers.Dense(10)(h), "guess": layers.Dense(4, activation="softmax")(h)}
    return keras.Model({"x": x, "attributes": attributes}, outputs)


def original(model, x):
    return model({"x": x, "attributes": CONDITIONS["attributes"][: len(x)]})
