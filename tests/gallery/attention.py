"""GroupNormalization, LayerNormalization, self-attention over a spatial map."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling


def attend(h):
    size, channels = h.shape[1], h.shape[-1]
    rows = layers.Reshape((size * size, channels))(layers.GroupNormalization(2)(h))
    rows = layers.LayerNormalization()(rows + layers.MultiHeadAttention(2, 4)(rows, rows))
    return h + layers.Reshape((size, size, channels))(rows)


def build():
    x = keras.Input((8, 8, 1))
    h = attend(layers.Conv2D(8, 3, strides=2, padding="same", activation="silu")(x))
    z = Sampling()([layers.Conv2D(2, 1)(h), layers.Conv2D(2, 1)(h)])
    h = attend(layers.Conv2D(8, 3, padding="same", activation="silu")(z))
    h = layers.UpSampling2D(2, interpolation="bilinear")(h)
    return keras.Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h))
