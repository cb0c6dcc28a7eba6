"""A model that returns [reconstruction, mu, logvar, z], from a nested encoder with three outputs."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling


def build():
    x = keras.Input((10,))
    h = layers.Dense(16, activation="relu")(x)
    mean, log_var = layers.Dense(2)(h), layers.Dense(2)(h)
    encoder = keras.Model(x, [mean, log_var, Sampling()([mean, log_var])], name="encoder")
    latent = keras.Input((2,))
    decoder = keras.Model(
        latent, layers.Dense(10)(layers.Dense(16, activation="relu")(latent)), name="decoder"
    )
    whole = keras.Input((10,))
    mean, log_var, z = encoder(whole)
    return keras.Model(whole, [decoder(z), mean, log_var, z])


def original(model, x):
    return model(x)[0]
