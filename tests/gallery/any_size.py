"""A fully convolutional VAE for pictures of any size, exported for one."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling

OPTIONS = {"input_shape": (8, 12, 1)}
X_SHAPE = (8, 12, 1)


def build():
    x = keras.Input((None, None, 1))
    h = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu")(x)
    z = Sampling()([layers.Conv2D(2, 1)(h), layers.Conv2D(2, 1)(h)])
    h = layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu")(z)
    return keras.Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h))
