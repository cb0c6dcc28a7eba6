"""Names that are no identifiers: blanks, slashes, other alphabets."""

import keras
import numpy as np
from keras import layers

from tests.gallery.parts.sampling import Sampling

CONDITIONS = {"größe in cm": np.linspace(0, 1, 12, dtype=np.float32)[:, None]}


def build():
    x, size = keras.Input((10,), name="my input"), keras.Input((1,), name="größe in cm")
    h = layers.Dense(16, activation="relu", name="erste schicht (é)")(x)
    z = Sampling(name="ziehung №1")([layers.Dense(3, name="µ")(h), layers.Dense(3, name="log σ²")(h)])
    h = layers.Dense(16, activation="relu", name="h 1")(layers.Concatenate()([z, size]))
    return keras.Model([x, size], layers.Dense(10, name="out put")(h))


def original(model, x):
    return model([x, CONDITIONS["größe in cm"][: len(x)]])
