"""Text: integer tokens, an embedding with a mask, a bidirectional LSTM, a softmax for each position."""

import keras
from keras import layers, ops

X_DTYPE = "int32"


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def build():
    tokens = keras.Input((9,), dtype="int32", name="tokens")
    h = layers.Bidirectional(layers.LSTM(6))(layers.Embedding(20, 5, mask_zero=True)(tokens))
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3)(h)])
    h = layers.LSTM(6, return_sequences=True)(layers.RepeatVector(9)(z))
    return keras.Model(tokens, layers.Dense(20, activation="softmax")(h))
