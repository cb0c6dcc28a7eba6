"""A sequence VAE of LSTMs: RepeatVector and TimeDistributed in the decoder."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling


def build(layer=layers.LSTM):
    x = keras.Input((12, 3))
    h = layer(8)(x)
    z = Sampling()([layers.Dense(2)(h), layers.Dense(2)(h)])
    h = layer(8, return_sequences=True)(layers.RepeatVector(12)(z))
    return keras.Model(x, layers.TimeDistributed(layers.Dense(3))(h))
