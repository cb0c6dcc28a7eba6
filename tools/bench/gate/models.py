"""Random VAEs: the styles of the gallery, and families with latents of several sizes."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.gallery.parts.sampling import Sampling
from tests.gallery.parts.styles import STYLES, inputs
from vae_export.core.told import Told
from vae_export.split.pair import pair_in

LATENTS = (2, 16, 96)
WEIGHTS = ("initial", "peaked", "heavy-tailed", "tiny", "huge")
NORMS = {
    "batch-norm": layers.BatchNormalization,
    "group-norm": lambda: layers.GroupNormalization(groups=2, epsilon=1e-6),
    "instance-norm": lambda: layers.GroupNormalization(groups=-1, epsilon=1e-6),
}


@dataclass(frozen=True)
class RandomVae:
    """A VAE to be exported.

    Attributes:
        name: a style of the gallery, or "family/latent size".
        weights: how its weights were drawn, one of WEIGHTS.
        model: the Keras model.
        x: samples ``[n, ...]``.
        conditions: further inputs by name ``[n, ...]``.
        options: of `split`.
    """

    name: str
    weights: str
    model: Any
    x: np.ndarray
    conditions: dict[str, np.ndarray] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def samples(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"x": x, **self.conditions}


def drawn(h, latent):
    return Sampling()([layers.Dense(latent, name="mu")(h), layers.Dense(latent, name="logvar")(h)])


def dense(latent):
    x = keras.Input((8, 8, 1))
    h = layers.Flatten()(x)
    for _ in range(3):
        h = layers.Dense(24, activation="relu")(h)
    h = drawn(h, latent)
    for _ in range(3):
        h = layers.Dense(24, activation="relu")(h)
    return keras.Model(x, layers.Reshape((8, 8, 1))(layers.Dense(64)(h)))


def recurrent(latent):
    x = keras.Input((10, 5))
    z = drawn(layers.LSTM(12)(layers.GRU(12, return_sequences=True)(x)), latent)
    h = layers.GRU(12, return_sequences=True)(layers.RepeatVector(10)(z))
    return keras.Model(x, layers.Dense(5)(h))


def attend(h):
    size, channels = h.shape[1], h.shape[-1]
    rows = layers.Reshape((size * size, channels))(layers.GroupNormalization(2)(h))
    rows = layers.LayerNormalization()(rows + layers.MultiHeadAttention(2, 4)(rows, rows))
    return h + layers.Reshape((size, size, channels))(rows)


def convolutions(latent, norm=None, attention=False):
    activation = "relu" if norm in (None, "batch-norm") else "silu"

    def block(layer, h, filters):
        h = layer(filters, 3, strides=2, padding="same")(h)
        return layers.Activation(activation)(NORMS[norm]()(h) if norm else h)

    x = keras.Input((16, 16, 3))
    h = block(layers.Conv2D, block(layers.Conv2D, x, 8), 12)
    z = drawn(layers.Flatten()(attend(h) if attention else h), latent)
    h = layers.Reshape((4, 4, 12))(layers.Dense(192)(z))
    h = attend(h) if attention else h
    h = block(layers.Conv2DTranspose, block(layers.Conv2DTranspose, h, 12), 8)
    return keras.Model(x, layers.Conv2D(3, 3, padding="same", activation="sigmoid")(h))


class Subclassed(keras.Model):
    """Its call() is compared with its halves."""

    def __init__(self, latent):
        super().__init__(name="m")
        x, z = keras.Input((12,)), keras.Input((latent,))
        h = layers.Dense(16, activation="relu")(x)
        self.encoder = keras.Model(x, [layers.Dense(latent)(h), layers.Dense(latent)(h)])
        self.decoder = keras.Model(z, layers.Dense(12)(layers.Dense(16, activation="tanh")(z)))

    def call(self, x):
        mean, log_var = self.encoder(x)
        return self.decoder(mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean)))


def subclassed(latent):
    model = Subclassed(latent)
    model(np.zeros((1, 12), np.float32))
    return model


FAMILIES = {
    "dense": dense,
    "recurrent": recurrent,
    "subclassed": subclassed,
    "convolutions": convolutions,
    "attention": lambda latent: convolutions(latent, "group-norm", attention=True),
    **{norm: lambda latent, norm=norm: convolutions(latent, norm) for norm in NORMS},
}
NAMES = (*STYLES, *(f"{family}/{latent}" for family in FAMILIES for latent in LATENTS))


def build(name: str, weights: str, seed: int) -> RandomVae:
    """A VAE by name, with weights drawn with a seed."""
    rng = np.random.default_rng([seed, *map(ord, name + weights)])
    keras.utils.set_random_seed(seed)
    family, _, latent = name.partition("/")
    module = ModuleType(name) if latent else importlib.import_module(f"tests.gallery.{name}")
    model = FAMILIES[family](int(latent)) if latent else module.build()
    draw_weights(model, weights, rng)
    conditions = dict(getattr(module, "CONDITIONS", {}))
    told = getattr(module, "OPTIONS", {})
    names = {key: told[key] for key in ("mu", "logvar") if key in told}
    options = {"x_shape": getattr(module, "X_SHAPE", None), "told": Told(**names)}
    return RandomVae(name, weights, model, inputs(module, model), conditions, options)


def variables_of(model):
    """The floating weights of a model and of its halves, each once."""
    pair = pair_in(model)
    parts = [model, *filter(None, vars(pair).values())] if pair else [model]
    layers_of = [part for part in parts if isinstance(part, keras.Layer) and part.built]
    found = {id(weight): weight for part in layers_of for weight in part.weights}
    return [
        w for w in found.values() if keras.backend.is_float_dtype(keras.backend.standardize_dtype(w.dtype))
    ]


def draw_weights(model, how, rng):
    """Draw all weights anew; "initial" keeps those of Keras, but for the statistics of BatchNormalization.

    "trained" is for faults: biases and statistics that matter, and no values far out.
    """
    wild = how not in ("initial", "trained")
    for weight in variables_of(model):
        kind, shape = weight.path.rsplit("/", 1)[-1], tuple(weight.shape)
        fan = max(1.0, float(np.prod(shape[:-1])))
        if how == "trained" and kind == "moving_variance":
            value = rng.uniform(0.3, 3, shape)
        elif kind == "moving_variance":
            value = np.exp(rng.normal(0, 3 if wild else 0.3, shape))
        elif kind == "moving_mean":
            value = rng.normal(0, 5 if wild else 0.3, shape)
        elif kind == "gamma":
            value = (1 + 0.3 * rng.normal(0, 1, shape)) * (0.01 if how == "tiny" else 1)
        elif how == "trained":
            value = rng.normal(0, 0.3 if len(shape) == 1 else 1.2 / np.sqrt(fan), shape)
        elif how == "peaked":
            value = rng.normal(0, 0.3 if len(shape) == 1 else 1.3 / np.sqrt(fan), shape)
        elif how == "heavy-tailed":
            value = rng.standard_t(2, shape) * (0.3 if len(shape) == 1 else 0.7 / np.sqrt(fan))
        elif how == "tiny":
            value = rng.normal(0, 1e-3, shape)
        elif how == "huge":
            value = rng.normal(0, 3.0 if len(shape) == 1 else 4.0 / np.sqrt(fan), shape)
        else:
            continue
        weight.assign(np.asarray(value, "float32"))


def calm(model):
    """Halve all weights but the statistics: of a model whose own outputs overflow."""
    for weight in variables_of(model):
        if not weight.path.endswith(("moving_variance", "moving_mean")):
            weight.assign(0.5 * weight.numpy())


def inputs_of(vae: RandomVae) -> dict[str, np.ndarray]:
    """Samples by kind: as they are, constant, zeros, and extreme."""
    found = {"usual": vae.x, "constant": np.full_like(vae.x, vae.x.flat[3]), "zeros": np.zeros_like(vae.x)}
    if vae.x.dtype == np.float32:
        rng = np.random.default_rng(5)
        found["extreme"] = rng.uniform(-30, 30, vae.x.shape).astype(np.float32)
    return found
