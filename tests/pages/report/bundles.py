"""Bundles of other kinds of VAEs than the reference models."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

import vae_export
from tests.gallery.parts.sampling import Sampling
from tests.gallery.parts.styles import peak

# What a report has to show in different ways -> the file of the gallery that has it; of what none has, "".
KINDS = {
    "neither": "",
    "conditions": "conditional_label",
    "several outputs": "conditional_decoder",
    "several latents": "content_and_style",
    "signals": "conv1d_gelu",
    "flat": "keras_blog_2016",
    "tokens": "bidirectional_tokens",
}


def export_two_channels(path):
    """The export of a VAE of pictures that are neither grey nor colour."""
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(2).random((12, 6, 6, 2), np.float32)
    return vae_export.export(two_channels(), path, samples=x, name="neither")


def two_channels():
    """Pictures of two channels, and a latent that is a picture itself."""
    x = keras.Input((6, 6, 2))
    h = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    z = Sampling()([layers.Conv2D(2, 1)(h), layers.Conv2D(2, 1)(h)])
    model = keras.Model(x, layers.Conv2DTranspose(2, 3, strides=2, padding="same", activation="sigmoid")(z))
    peak(model)
    return model
