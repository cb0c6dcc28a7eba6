"""Small VAEs, built in a moment, with weights large enough that every bug shows."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from vae_export.split.graph import flatten
from vae_export.split.graph_model import GraphModel, Target
from vae_export.split.keras_half import KerasHalf
from vae_export.split.sampling_layer import SamplingLayer

X_SHAPE = (6, 6, 1)
LATENT = 3


@keras.saving.register_keras_serializable("tests")
class ListSampler(keras.layers.Layer):
    """A user's sampler: one argument, a pair."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.generator)


@keras.saving.register_keras_serializable("tests")
class TwoArgumentSampler(ListSampler):
    """A user's sampler: two arguments."""

    def call(self, mean, log_var):
        return super().call([mean, log_var])


@keras.saving.register_keras_serializable("tests")
class SwappedSampler(ListSampler):
    """A user's sampler that takes the log-variance first."""

    def call(self, inputs):
        log_var, mean = inputs
        return super().call([mean, log_var])


@keras.saving.register_keras_serializable("tests")
class TrainingOnlySampler(ListSampler):
    """A user's sampler that passes the mean through unless it is training."""

    def call(self, inputs, training=None):
        return super().call(inputs) if training else inputs[0]


@keras.saving.register_keras_serializable("tests")
class FixedSeedSampler(ListSampler):
    """A user's sampler that draws the same noise at every call."""

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=11)


@keras.saving.register_keras_serializable("tests")
class StandardDeviationSampler(ListSampler):
    """A user's sampler that takes a standard deviation."""

    def call(self, inputs):
        mean, sigma = inputs
        return mean + sigma * keras.random.normal(ops.shape(mean), seed=self.generator)


@keras.saving.register_keras_serializable("tests")
class Gate(keras.layers.Layer):
    """Two tensors in, one out, and nothing random."""

    def call(self, inputs):
        return inputs[0] * ops.sigmoid(inputs[1])


def encoder_tensors(x):
    """x -> mu, logvar."""
    features = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="features")(x)
    features = layers.Flatten(name="flat")(features)
    mu = layers.Dense(LATENT, name="mu")(features)
    return mu, layers.Dense(LATENT, name="logvar")(features)


def decoder_tensors(z, activation="relu"):
    """z -> reconstruction."""
    hidden = layers.Dense(8, activation="relu", name="widen")(z)
    hidden = layers.Dense(8, activation=activation, name="square")(hidden)
    pixels = layers.Dense(36, activation="sigmoid", name="pixels")(hidden)
    return layers.Reshape(X_SHAPE, name="image")(pixels)


def randomise(model, seed):
    """Peaked weights: outputs that differ a lot from pixel to pixel."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        scale = 0.5 if "bias" in weight.path else 1.5 / np.sqrt(weight.shape[0])
        weight.assign(rng.normal(0, scale, weight.shape))
    return model


def tiny_vae(seed=1, sampler=None, activation="relu"):
    """Encoder inline, decoder nested, as in the reference models."""
    x = keras.Input(X_SHAPE, name="image_in")
    z = (sampler or SamplingLayer(seed=1, name="sampling"))(list(encoder_tensors(x)))
    latent = keras.Input((LATENT,), name="latent_in")
    decoder = keras.Model(latent, decoder_tensors(latent, activation), name="decoder")
    return randomise(keras.Model(x, decoder(z), name="tiny"), seed)


def samples(count=12, seed=5):
    """Real-looking x: smooth, in [0, 1]."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(0.4, 0.4, (count, *X_SHAPE)), 0, 1).astype(np.float32)


def half_of(model, role="decoder"):
    """A functional model with a dict of outputs, as a half."""
    graph = flatten(model)
    return KerasHalf(
        GraphModel(
            role,
            graph.calls,
            {value.name: value for value in graph.inputs},
            {name: Target(value) for name, value in zip(graph.output_names, graph.outputs, strict=True)},
        )
    )
