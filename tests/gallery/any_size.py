"""A fully convolutional VAE for pictures of any size, exported for one."""

import keras
from keras import layers, ops

OPTIONS = {"input_shape": (8, 12, 1)}
X_SHAPE = (8, 12, 1)


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def build():
    x = keras.Input((None, None, 1))
    h = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu")(x)
    z = Sampling()([layers.Conv2D(2, 1)(h), layers.Conv2D(2, 1)(h)])
    h = layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu")(z)
    return keras.Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h))
