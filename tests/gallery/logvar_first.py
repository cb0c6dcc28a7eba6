"""A sampler with two arguments, the log-variance first."""

import keras
from keras import layers, ops


class Reparameterize(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, log_var, mean):
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def build():
    x = keras.Input((12,))
    h = layers.Dense(16, activation="elu")(x)
    z = Reparameterize()(layers.Dense(4)(h), layers.Dense(4)(h))
    return keras.Model(x, layers.Dense(12)(layers.Dense(16, activation="elu")(z)))
