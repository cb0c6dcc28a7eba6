"""Text: integer tokens, an embedding with a mask, a bidirectional LSTM, a softmax for each position."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling

X_DTYPE = "int32"


def build():
    tokens = keras.Input((9,), dtype="int32", name="tokens")
    h = layers.Bidirectional(layers.LSTM(6))(layers.Embedding(20, 5, mask_zero=True)(tokens))
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3)(h)])
    h = layers.LSTM(6, return_sequences=True)(layers.RepeatVector(9)(z))
    return keras.Model(tokens, layers.Dense(20, activation="softmax")(h))
