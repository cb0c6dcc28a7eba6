"""Two independent latents, of which the decoder takes both."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling

LATENTS = ("content", "style")


def build():
    x = keras.Input((6, 6, 1))
    h = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    content = Sampling(name="content")([layers.Dense(4)(h), layers.Dense(4)(h)])
    style = Sampling(name="style")([layers.Dense(2)(h), layers.Dense(2)(h)])
    h = layers.Dense(16, activation="relu")(layers.Concatenate()([content, style]))
    return keras.Model(x, layers.Reshape((6, 6, 1))(layers.Dense(36, activation="sigmoid")(h)))
