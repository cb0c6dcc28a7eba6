"""Sampling written with operations in the graph: exp, multiply, noise, add."""

import keras
from keras import layers, ops


def build():
    x = keras.Input((16,))
    h = layers.Dense(16, activation="relu")(x)
    mean, log_var = layers.Dense(3, name="mean")(h), layers.Dense(3, name="log_var")(h)
    epsilon = layers.GaussianNoise(1.0, seed=5)(ops.zeros_like(mean), training=True)
    z = mean + ops.exp(0.5 * log_var) * epsilon
    return keras.Model(x, layers.Dense(16)(layers.Dense(16, activation="relu")(z)))
