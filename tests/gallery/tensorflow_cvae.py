"""TensorFlow's CVAE tutorial: Sequential halves, one tensor of mean and logvar, a method that draws."""

import keras
import tensorflow as tf
from keras import layers

# The code that splits the tensor stands in a training loop.
OPTIONS = {"mu": "moments:first", "logvar": "moments:second"}


class CVAE(keras.Model):
    def __init__(self, latent_dim):
        super().__init__()
        self.encoder = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(4, 3, strides=2, activation="relu"),
                layers.Flatten(),
                layers.Dense(latent_dim + latent_dim, name="moments"),
            ]
        )
        self.decoder = keras.Sequential(
            [
                keras.Input((latent_dim,)),
                layers.Dense(4 * 4 * 2, activation="relu"),
                layers.Reshape((4, 4, 2)),
                layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
            ]
        )

    def reparameterize(self, mean, logvar):
        eps = tf.random.normal(shape=tf.shape(mean))
        return eps * tf.exp(logvar * 0.5) + mean


def build():
    return CVAE(3)


def original(model, x):
    mean, logvar = tf.split(model.encoder(x), num_or_size_splits=2, axis=1)
    return model.decoder(model.reparameterize(mean, logvar))
