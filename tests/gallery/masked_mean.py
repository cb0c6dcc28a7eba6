"""Text as a mean over its tokens: a text of padding alone has none, and Keras answers NaN."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling

X_DTYPE = "int32"
SKIPPED = ("zeros, batch of 7",)


def build():
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    h = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8, mask_zero=True)(tokens))
    z = Sampling()([layers.Dense(2)(h), layers.Dense(2)(h)])
    h = layers.Dense(12, activation="relu")(z)
    return keras.Model(tokens, layers.Softmax()(layers.Reshape((6, 20))(layers.Dense(120)(h))))
