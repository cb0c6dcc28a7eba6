"""A sequence VAE of LSTMs: RepeatVector and TimeDistributed in the decoder."""

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
    x = keras.Input((12, 3))
    h = layers.LSTM(8)(x)
    z = Sampling()([layers.Dense(2)(h), layers.Dense(2)(h)])
    h = layers.LSTM(8, return_sequences=True)(layers.RepeatVector(12)(z))
    return keras.Model(x, layers.TimeDistributed(layers.Dense(3))(h))
