"""A conditional VAE: an integer label, embedded once, goes to both halves."""

import keras
import numpy as np
from keras import layers

from tests.gallery.parts.sampling import Sampling

CONDITIONS = {"label": np.arange(12, dtype=np.int32) % 10}


def build():
    x, label = keras.Input((6, 6, 1), name="image"), keras.Input((), dtype="int32", name="label")
    embedded = layers.Embedding(10, 4)(label)
    h = layers.Dense(16, activation="relu")(layers.Concatenate()([layers.Flatten()(x), embedded]))
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3)(h)])
    h = layers.Dense(16, activation="relu")(layers.Concatenate()([z, embedded]))
    return keras.Model([x, label], layers.Reshape((6, 6, 1))(layers.Dense(36, activation="sigmoid")(h)))


def original(model, x):
    return model([x, CONDITIONS["label"][: len(x)]])
