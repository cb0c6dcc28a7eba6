"""A standard deviation made positive by the activation of its Dense layer."""

import keras
from keras import layers, ops

PARAMETRISATION = "std"


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mu, sigma = inputs
        return mu + sigma * keras.random.normal(ops.shape(mu), seed=self.seed_generator)


def build():
    x = keras.Input((10,))
    h = layers.Dense(16, activation="relu")(x)
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3, activation="softplus")(h)])
    return keras.Model(x, layers.Dense(10)(layers.Dense(16, activation="relu")(z)))
