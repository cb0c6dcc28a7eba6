"""A convolutional VAE for colour pictures, larger than the reference models."""

import keras
from keras import layers

from vae_export.split.sampling_layer import SamplingLayer


def picture_vae():
    """Untrained, of 4.5 million parameters, for pictures of 64x64x3 in [0, 1]; latent 256."""
    keras.utils.set_random_seed(0)
    x = keras.Input((64, 64, 3), name="x")
    features = x
    for filters in (32, 64, 128, 256):
        features = layers.Conv2D(filters, 4, strides=2, padding="same", activation="relu")(features)
    features = layers.Flatten()(features)
    mu, logvar = layers.Dense(256, name="mu")(features), layers.Dense(256, name="logvar")(features)
    latent = keras.Input((256,), name="z")
    features = layers.Reshape((4, 4, 256))(layers.Dense(4096, activation="relu")(latent))
    for filters in (128, 64, 32):
        features = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", activation="relu")(features)
    pixels = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="sigmoid")(features)
    decoder = keras.Model(latent, pixels, name="decoder")
    return keras.Model(x, decoder(SamplingLayer(name="sampling")([mu, logvar])), name="pictures")
