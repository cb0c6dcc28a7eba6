"""Keras' old example: epsilon with a standard deviation of its own."""

import keras
from keras import layers, ops

EPSILON_SCALE = 0.1


class Sampling(layers.Layer):
    def __init__(self, epsilon_std=0.1, **options):
        super().__init__(**options)
        self.epsilon_std = epsilon_std
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(ops.shape(z_mean), 0.0, self.epsilon_std, seed=self.seed_generator)
        return z_mean + ops.exp(z_log_var / 2) * epsilon


def build():
    x = keras.Input((6, 6, 1))
    h = layers.Dense(16, activation="tanh")(layers.Flatten()(x))
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3)(h)])
    return keras.Model(x, layers.Reshape((6, 6, 1))(layers.Dense(36, activation="sigmoid")(z)))
