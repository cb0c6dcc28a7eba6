"""Pieces that models of several tests are made of."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

import vae_export
from tests.gallery.parts import sampling
from tests.gallery.parts.styles import peak

X_SHAPE, LATENT = (6, 6, 1), 3


X = np.random.default_rng(0).random((8, *X_SHAPE), np.float32)


class Sampling(sampling.Sampling):
    """Of a script of its own."""


class SplittingSampling(Sampling):
    def call(self, moments):
        return super().call(ops.split(moments, 2, axis=-1))


# Some versions of Keras would find them here.
Sampling.__module__ = SplittingSampling.__module__ = "a_script_that_is_gone"


# As its own module has it; there is no registration, as in most people's code.
MODULE = """
import keras
from keras import layers, ops

class Doubling(layers.Layer):
    def call(self, x):
        return 2 * x

class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)

def build():
    x = keras.Input((6, 6, 1))
    h = Doubling(name="twice")(layers.Dense(16, activation="relu")(layers.Flatten()(x)))
    z = Sampling(name="draw")([layers.Dense(3, name="mean")(h), layers.Dense(3, name="log_var")(h)])
    return keras.Model(x, layers.Reshape((6, 6, 1))(layers.Dense(36, activation="sigmoid")(z)))

model = build()
number = 7

def broken():
    raise RuntimeError("no model today")
"""


def encoder_tensors(x):
    h = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    return layers.Dense(LATENT, name="z_mean")(h), layers.Dense(LATENT, name="z_log_var")(h)


def encoder_of(outputs):
    x = keras.Input(X_SHAPE)
    model = keras.Model(x, outputs(*encoder_tensors(x)), name="encoder")
    peak(model)
    return model


def decoder():
    z = keras.Input((LATENT,))
    image = layers.Reshape(X_SHAPE)(
        layers.Dense(36, activation="sigmoid")(layers.Dense(16, activation="relu")(z))
    )
    model = keras.Model(z, image, name="decoder")
    peak(model)
    return model


def drawn_by(layer):
    """A VAE whose z comes from a layer of (mean, log_var), both named."""
    x = keras.Input(X_SHAPE)
    model = keras.Model(x, decoder()(layer(list(encoder_tensors(x)))))
    peak(model)
    return model


def without_noise(path):
    """What an export computes of X with z = mu."""
    vae = vae_export.load(path)
    return vae.decode(vae.encode(X)[0])
