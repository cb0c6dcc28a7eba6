"""A standard deviation made by softplus inside the sampling layer."""

import keras
from keras import layers, ops

PARAMETRISATION = "softplus"


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        loc, rho = inputs
        return loc + ops.softplus(rho) * keras.random.normal(ops.shape(loc), seed=self.seed_generator)


def build():
    x = keras.Input((10,))
    h = layers.Dense(16, activation="relu")(x)
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3)(h)])
    return keras.Model(x, layers.Dense(10)(layers.Dense(16, activation="relu")(z)))
