"""Latent diffusion's way: a map of 2C channels that the sampler splits, the log-variance clipped."""

import keras
from keras import layers, ops


class DiagonalGaussian(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, moments):
        mean, logvar = ops.split(moments, 2, axis=-1)
        std = ops.exp(0.5 * ops.clip(logvar, -30.0, 20.0))
        return mean + std * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def build():
    x = keras.Input((8, 8, 3))
    h = layers.Conv2D(8, 3, strides=2, padding="same", activation="silu")(x)
    z = DiagonalGaussian()(layers.Conv2D(6, 1)(h))
    h = layers.Conv2D(8, 3, padding="same", activation="silu")(z)
    h = layers.UpSampling2D(2)(h)
    return keras.Model(x, layers.Conv2D(3, 3, padding="same")(h))
