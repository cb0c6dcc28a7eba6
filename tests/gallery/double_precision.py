"""A model trained in float64, with augmentation inside."""

import keras
from keras import layers, ops

from tests.gallery.parts.sampling import Sampling


class FlooredSoftplus(Sampling):
    def call(self, inputs):
        mean, v = inputs
        epsilon = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + (1e-3 + ops.softplus(v)) * epsilon


def build():
    keras.config.set_floatx("float64")
    try:
        x = keras.Input((8, 8, 1))
        h = layers.Flatten()(layers.RandomFlip("horizontal")(x) * 2.0 - 1.0)
        h = layers.Dense(16, activation="relu")(h)
        z = FlooredSoftplus()([layers.Dense(2)(h), layers.Dense(2)(h)])
        h = layers.Dense(16, activation="relu")(z)
        return keras.Model(x, layers.Reshape((8, 8, 1))(layers.Dense(64, activation="sigmoid")(h)))
    finally:
        keras.config.set_floatx("float32")


PARAMETRISATION = "softplus"


def original(model, x):
    return model(x, training=False)
