"""Subclassed models of several tests."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.gallery.parts.sampling import Sampling
from tests.gallery.parts.styles import peak

SIZE, LATENT, LABELS = 12, 3, 4


RNG = np.random.default_rng(0)


X = RNG.random((8, SIZE), np.float32)


class Vae(keras.Model):
    """Encoder and decoder whose tensors have names that tell nothing."""

    def __init__(self, swapped=False, size=SIZE, latent=LATENT):
        super().__init__(name="m")
        x, z = keras.Input((size,)), keras.Input((latent,))
        h = layers.Dense(16, activation="relu")(x)
        moments = [layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)]
        self.encoder = keras.Model(x, moments[::-1] if swapped else moments)
        self.decoder = keras.Model(z, layers.Dense(SIZE)(layers.Dense(16, activation="tanh")(z)))
        peak(self.encoder)
        peak(self.decoder)


class Method(Vae):
    def reparameterize(self, mean, log_var):
        return mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))


class WithoutHalves(keras.Model):
    def __init__(self):
        super().__init__(name="m")
        self.hidden, self.mean, self.log_var = layers.Dense(16), layers.Dense(LATENT), layers.Dense(LATENT)
        self.sampling, self.out = Sampling(name="draw"), layers.Dense(SIZE, activation="sigmoid")

    def call(self, x):
        h = ops.relu(self.hidden(x))
        return self.out(self.sampling([self.mean(h), self.log_var(h)]))


def called(build):
    # Peaked weights of some seeds make values overflow.
    keras.utils.set_random_seed(3)
    model = build()
    model(X)
    if not hasattr(model, "encoder"):
        peak(model)
    return model
