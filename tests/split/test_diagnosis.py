"""Models that are no VAE as it should be are told what they are; the sign of epsilon is kept."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

import vae_export
from tests.gallery.parts.noise import give_noise
from tests.gallery.parts.pieces import LATENT, X_SHAPE, X, decoder, drawn_by, encoder_tensors
from vae_export.errors import SamplingSiteError
from vae_export.split.split_vae import split


class Drawing(layers.Layer):
    """Draws noise of any shape, and adds or subtracts it."""

    def __init__(self, shape=None, sign=1.0, **options):
        super().__init__(**options)
        self.shape, self.sign = shape, sign
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, inputs):
        mean, log_var = inputs
        shape = self.shape(ops.shape(mean)) if self.shape else ops.shape(mean)
        return mean + self.sign * ops.exp(0.5 * log_var) * keras.random.normal(
            shape, seed=self.seed_generator
        )


def in_a_lambda(shape):
    return layers.Lambda(
        lambda t: t[0] + ops.exp(t[1] / 2) * keras.random.normal(shape(ops.shape(t[0]))), name="draw"
    )


SHARED = r"^m: layer 'draw' \(\w+\) draws one epsilon for all rows of a batch, expected one for each row; draw noise of"
SMALLER = (
    rf"^m: layer 'draw' \(\w+\) draws noise of shape \(1,\) for z of shape \({LATENT},\), expected one epsilon for each "
    r"value; draw noise of the shape of mu, keras\.ops\.shape\(mu\)$"
)


@pytest.mark.parametrize(
    "make", [lambda shape: Drawing(shape, name="draw"), in_a_lambda], ids=["layer", "Lambda"]
)
@pytest.mark.parametrize(
    ("shape", "message"),
    [(lambda s: (1, s[1]), SHARED), (lambda s: (s[0], 1), SMALLER)],
    ids=["of one row", "of one value"],
)
def test_noise_that_is_not_of_each_value(make, shape, message):
    with pytest.raises(SamplingSiteError, match=message):
        split(drawn_by(make(shape)), "m")


@pytest.mark.parametrize("rows", ["(1, {})", "(ops.shape(t[0])[0], 1)"])
def test_noise_of_a_lambda_in_a_file(rows, tmp_path):
    source = f"lambda t: t[0] + ops.exp(t[1] / 2) * keras.random.normal({rows.format(LATENT)})"
    drawn_by(layers.Lambda(eval(source, {"ops": ops, "keras": keras}), name="draw")).save(
        tmp_path / "m.keras"
    )
    with pytest.raises(SamplingSiteError, match=SHARED if rows.startswith("(1") else SMALLER):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b")


class VectorQuantizer(layers.Layer):
    def call(self, x):
        return x


class Nearest(layers.Layer):
    """The nearest of four vectors."""

    def call(self, x):
        codes = ops.array([[0.0, 0], [1, 1], [-1, 1], [1, -1]], "float32")
        distances = ops.sum((ops.expand_dims(x, -2) - codes) ** 2, axis=-1)
        return ops.take(codes, ops.argmin(distances, axis=-1), axis=0)


class Smooth(layers.Layer):
    def call(self, x):
        return ops.tanh(x)


def autoencoder(layer):
    x = keras.Input((8, 8, 1))
    h = layers.Conv2D(2, 3, strides=2, padding="same")(x)
    return keras.Model(x, layers.Conv2DTranspose(1, 3, strides=2, padding="same")(layer(h)), name="m")


@pytest.mark.parametrize("layer", [VectorQuantizer, Nearest])
def test_a_vq_vae_is_called_one(layer):
    with pytest.raises(
        SamplingSiteError,
        match=rf"^m: no sampling site; layer 'q' \({layer.__name__}\) replaces vectors by those of a codebook: this is "
        r"a VQ-VAE, which has no posterior to sample from and nothing to cut; convert its encoder and its decoder as",
    ):
        split(autoencoder(layer(name="q")))


def test_another_autoencoder_is_none():
    with pytest.raises(
        SamplingSiteError, match=r"^m: no sampling site; no layer draws noise, not even the custom"
    ):
        split(autoencoder(Smooth(name="q")))


class WithOutputs(layers.Layer):
    """Heads and sampling in one layer."""

    def __init__(self, **options):
        super().__init__(**options)
        self.mean, self.log_var = layers.Dense(LATENT), layers.Dense(LATENT)
        self.seed_generator = keras.random.SeedGenerator(1)

    def build(self, shape):
        self.mean.build(shape)
        self.log_var.build(shape)

    def call(self, h):
        mean, log_var = self.mean(h), self.log_var(h)
        epsilon = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean, log_var, mean - 0.5 * ops.exp(0.5 * log_var) * epsilon


def several_outputs():
    x = keras.Input(X_SHAPE)
    return keras.Model(x, decoder()(WithOutputs()(layers.Flatten()(x))[2]))


def inline():
    x = keras.Input(X_SHAPE)
    mean, log_var = encoder_tensors(x)
    noise = layers.GaussianNoise(1.0)
    epsilon = noise(ops.zeros_like(mean), training=True)
    return keras.Model(x, decoder()(mean - ops.exp(0.5 * log_var) * epsilon))


class InCall(keras.Model):
    def __init__(self):
        super().__init__(name="m")
        x = keras.Input(X_SHAPE)
        self.encoder = keras.Model(x, list(encoder_tensors(x)))
        self.decoder = decoder()

    def call(self, x):
        mean, log_var = self.encoder(x)
        return self.decoder(mean - tf_exp(0.5 * log_var) * keras.random.normal(ops.shape(mean)))


def tf_exp(x):
    import tensorflow as tf

    return tf.exp(x)


def in_call():
    model = InCall()
    model(X)
    return model


@pytest.mark.parametrize(
    ("build", "scale"),
    [
        (lambda: drawn_by(Drawing(sign=-1.0, name="draw")), -1.0),
        (lambda: drawn_by(Drawing(sign=-0.25, name="draw")), -0.25),
        (
            lambda: drawn_by(
                layers.Lambda(lambda t: t[0] - ops.exp(t[1] / 2) * keras.random.normal(ops.shape(t[0])))
            ),
            -1,
        ),
        (several_outputs, -0.5),
        (inline, -1.0),
        (in_call, -1.0),
    ],
    ids=["layer", "scaled", "Lambda", "several outputs", "inline", "call"],
)
def test_one_epsilon_gives_the_picture_of_the_author(build, scale, tmp_path, monkeypatch):
    model = build()
    result = vae_export.export(model, tmp_path / "b", format="onnx", name="m")
    assert result.manifest.latents[0].epsilon_scale == scale
    epsilon = np.random.default_rng(0).standard_normal((len(X), LATENT)).astype(np.float32)
    vae = vae_export.load(tmp_path / "b")
    mu, logvar = vae.encode(X)
    ours = vae.decode(mu + scale * np.exp(0.5 * logvar) * epsilon)
    give_noise(monkeypatch, [epsilon])
    np.testing.assert_allclose(ours, model(X), rtol=0, atol=1e-4)
