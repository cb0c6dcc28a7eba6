"""A model trained with the mixed_float16 policy."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling


def build():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        x = keras.Input((8, 8, 1))
        h = layers.Flatten()(layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x))
        z = Sampling()([layers.Dense(2)(h), layers.Dense(2)(h)])
        h = layers.Reshape((4, 4, 4))(layers.Dense(64, activation="relu")(z))
        h = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(h)
        return keras.Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid", dtype="float32")(h))
    finally:
        keras.config.set_dtype_policy("float32")


# Half precision is what the original computes with.
ATOL = 0.01
