"""Names that are no identifiers: blanks, slashes, other alphabets."""

import keras
import numpy as np
from keras import layers, ops

CONDITIONS = {"größe in cm": np.linspace(0, 1, 12, dtype=np.float32)[:, None]}


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def build():
    x, size = keras.Input((10,), name="my input"), keras.Input((1,), name="größe in cm")
    h = layers.Dense(16, activation="relu", name="erste schicht (é)")(x)
    z = Sampling(name="ziehung №1")([layers.Dense(3, name="µ")(h), layers.Dense(3, name="log σ²")(h)])
    h = layers.Dense(16, activation="relu", name="h 1")(layers.Concatenate()([z, size]))
    return keras.Model([x, size], layers.Dense(10, name="out put")(h))


def original(model, x):
    return model([x, CONDITIONS["größe in cm"][: len(x)]])
