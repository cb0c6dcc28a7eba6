"""A model that returns [reconstruction, mu, logvar, z], from a nested encoder with three outputs."""

import keras
from keras import layers, ops


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


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
