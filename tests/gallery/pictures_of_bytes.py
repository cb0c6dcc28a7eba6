"""uint8 pictures: Rescaling and Normalization inside, ZeroPadding, UpSampling and Cropping."""

import keras
from keras import layers

from tests.gallery.parts.sampling import Sampling

X_DTYPE = "uint8"


def build():
    x = keras.Input((7, 7, 3), dtype="uint8")
    h = layers.Rescaling(1 / 255)(x)
    h = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.05, 0.06, 0.07])(h)
    h = layers.ZeroPadding2D(((0, 1), (0, 1)))(h)
    h = layers.MaxPooling2D()(layers.Conv2D(6, 3, padding="same", activation="relu")(h))
    h = layers.Flatten()(h)
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3)(h)])
    h = layers.UpSampling2D(2)(layers.Reshape((4, 4, 4))(layers.Dense(64, activation="relu")(z)))
    h = layers.Conv2D(3, 3, padding="same", activation="sigmoid")(h)
    return keras.Model(x, layers.Cropping2D(((0, 1), (1, 0)))(h))
