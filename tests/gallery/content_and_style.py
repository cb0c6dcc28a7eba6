"""Two independent latents, of which the decoder takes both."""

import keras
from keras import layers, ops

LATENTS = ("content", "style")


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def build():
    x = keras.Input((6, 6, 1))
    h = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    content = Sampling(name="content")([layers.Dense(4)(h), layers.Dense(4)(h)])
    style = Sampling(name="style")([layers.Dense(2)(h), layers.Dense(2)(h)])
    h = layers.Dense(16, activation="relu")(layers.Concatenate()([content, style]))
    return keras.Model(x, layers.Reshape((6, 6, 1))(layers.Dense(36, activation="sigmoid")(h)))
