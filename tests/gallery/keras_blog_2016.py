"""The Keras blog of 2016: a Lambda that draws with exp(z_log_sigma)."""

import keras
from keras import layers, ops

PARAMETRISATION = "log-std"


def sampling(arguments):
    z_mean, z_log_sigma = arguments
    epsilon = keras.random.normal(ops.shape(z_mean))
    return z_mean + ops.exp(z_log_sigma) * epsilon


def build():
    x = keras.Input((20,))
    h = layers.Dense(16, activation="relu")(x)
    z_mean, z_log_sigma = layers.Dense(2)(h), layers.Dense(2)(h)
    z = layers.Lambda(sampling, output_shape=(2,))([z_mean, z_log_sigma])
    h = layers.Dense(16, activation="relu")(z)
    return keras.Model(x, layers.Dense(20, activation="sigmoid")(h))
