"""The two reference architectures, as functional Keras models."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from vae_export.errors import InputError
from vae_export.split.sampling_layer import SamplingLayer

__all__ = ["ARCHITECTURES", "ReferenceVae", "build_vae"]


@dataclass(frozen=True)
class ReferenceVae:
    """A VAE as three models that share their weights.

    Attributes:
        encoder: x ``[batch, height, width, channels]`` -> ``[mu, logvar, z]``, each ``[batch, latent_dim]``.
        decoder: z ``[batch, latent_dim]`` -> reconstruction, shaped like x, in [0, 1].
        vae: x -> reconstruction, through the encoder's z.
    """

    encoder: Any
    decoder: Any
    vae: Any


def build_vae(
    architecture: str, image_shape: tuple[int, int, int], latent_dim: int, seed: int | None = None
) -> ReferenceVae:
    """Build an untrained reference VAE.

    Args:
        architecture: a key of `ARCHITECTURES`.
        image_shape: (height, width, channels).
        latent_dim: number of latent values, at least 1.
        seed: seed of the sampling layer.

    Raises:
        InputError: unknown architecture, or an image shape it cannot take.
    """
    if architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise InputError(f"architecture: got {architecture!r}, expected one of {known}")
    if latent_dim < 1:
        raise InputError(f"latent_dim: got {latent_dim}, expected at least 1")
    body, decode = ARCHITECTURES[architecture]
    x = keras.Input(image_shape, name="x")
    features = body(x)
    mu = layers.Dense(latent_dim, name="mu")(features)
    logvar = layers.Dense(latent_dim, name="logvar")(features)
    z = SamplingLayer(seed=seed, name="sampling")([mu, logvar])
    encoder = keras.Model(x, [mu, logvar, z], name="encoder")
    latent = keras.Input((latent_dim,), name="z")
    decoder = keras.Model(latent, decode(latent, image_shape), name="decoder")
    return ReferenceVae(encoder, decoder, keras.Model(x, decoder(z), name="vae"))


def _dense_body(x: Any) -> Any:
    return layers.Dense(128, activation="relu", name="encoder_hidden")(layers.Flatten()(x))


def _dense_decode(z: Any, image_shape: tuple[int, int, int]) -> Any:
    hidden = layers.Dense(128, activation="relu", name="decoder_hidden")(z)
    pixels = layers.Dense(math.prod(image_shape), activation="sigmoid", name="pixels")(hidden)
    return layers.Reshape(image_shape)(pixels)


def _conv_body(x: Any) -> Any:
    features = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(x)
    features = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(features)
    return layers.Flatten()(features)


def _conv_decode(z: Any, image_shape: tuple[int, int, int]) -> Any:
    height, width, channels = image_shape
    if height % 4 or width % 4:
        raise InputError(
            f"architecture 'conv': got images of {height}x{width}, expected height and width "
            "divisible by 4; resize them, or use 'dense'"
        )
    features = layers.Dense(height // 4 * (width // 4) * 64, activation="relu")(z)
    features = layers.Reshape((height // 4, width // 4, 64))(features)
    features = layers.Conv2DTranspose(64, 3, strides=2, padding="same", activation="relu")(features)
    features = layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu")(features)
    return layers.Conv2DTranspose(channels, 3, padding="same", activation="sigmoid", name="pixels")(features)


_Body = Callable[[Any], Any]
_Decode = Callable[[Any, tuple[int, int, int]], Any]

# name -> (x -> features, (z, image shape) -> reconstruction)
ARCHITECTURES: dict[str, tuple[_Body, _Decode]] = {
    "conv": (_conv_body, _conv_decode),
    "dense": (_dense_body, _dense_decode),
}
