"""A sampling layer that adds the KL divergence as its loss."""

import keras
from keras import layers, ops


class SamplingWithKl(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        self.add_loss(-0.5 * ops.mean(1 + log_var - ops.square(mean) - ops.exp(log_var)))
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def build():
    x = keras.Input((6, 6, 1))
    h = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    z = SamplingWithKl()([layers.Dense(2)(h), layers.Dense(2)(h)])
    return keras.Model(x, layers.Reshape((6, 6, 1))(layers.Dense(36, activation="sigmoid")(z)))
