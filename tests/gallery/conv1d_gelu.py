"""A signal VAE: Conv1D with exact GELU, Conv1DTranspose."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling


def build():
    x = keras.Input((32, 2))
    h = layers.Conv1D(8, 5, strides=2, padding="same", activation="gelu")(x)
    h = layers.Conv1D(8, 5, strides=2, padding="causal", activation="gelu")(h)
    h = layers.Flatten()(h)
    z = Sampling()([layers.Dense(4)(h), layers.Dense(4)(h)])
    h = layers.Reshape((8, 8))(layers.Dense(64, activation="gelu")(z))
    h = layers.Conv1DTranspose(8, 5, strides=2, padding="same", activation="gelu")(h)
    return keras.Model(x, layers.Conv1DTranspose(2, 5, strides=2, padding="same")(h))
