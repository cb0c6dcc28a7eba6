"""What is no VAE, or none that can be cut, gets one line that says what was found and what to do."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import vae_export
from tests.gallery.parts.sampling import Sampling
from vae_export.cli.main import main
from vae_export.errors import VaeExportError

X_SHAPE, LATENT = (6, 6, 1), 3


def features():
    x = keras.Input(X_SHAPE, name="image")
    return x, layers.Dense(16, activation="relu", name="hidden")(layers.Flatten(name="flat")(x))


def picture(z):
    return layers.Reshape(X_SHAPE, name="picture")(layers.Dense(36, activation="sigmoid", name="pixels")(z))


def autoencoder():
    x, h = features()
    return keras.Model(x, picture(layers.Dense(LATENT, name="code")(h)))


class VectorQuantizer(layers.Layer):
    def build(self, shape):
        self.codebook = self.add_weight(shape=(shape[-1], 8), initializer="random_normal")

    def call(self, x):
        distances = ops.sum(x**2, -1, keepdims=True) - 2 * ops.matmul(x, self.codebook)
        nearest = ops.one_hot(ops.argmin(distances, -1), 8)
        return ops.matmul(nearest, ops.transpose(self.codebook))


def vq_vae():
    x, h = features()
    return keras.Model(x, picture(VectorQuantizer(name="quantise")(layers.Dense(LATENT, name="code")(h))))


def generator_of_a_gan():
    z = keras.Input((LATENT,), name="noise")
    return keras.Model(z, picture(z))


def classifier():
    x, h = features()
    return keras.Model(x, layers.Dense(10, activation="softmax", name="classes")(layers.Dropout(0.5)(h)))


def hierarchical():
    x, h = features()
    high = Sampling(name="high")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
    low = Sampling(name="low")([layers.Dense(LATENT)(high), layers.Dense(LATENT)(high)])
    return keras.Model(x, picture(low))


def lambda_elsewhere():
    x, h = features()
    h = layers.Lambda(lambda t: t * 2 if t is not None else t, name="double")(h)
    z = Sampling(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
    return keras.Model(x, picture(z))


def without_draws():
    """The code of the Lambdas is read, and draws nothing."""
    x, h = features()
    mean, log_var = layers.Dense(LATENT, name="mean")(h), layers.Dense(LATENT, name="log_var")(h)
    gated = layers.Lambda(lambda t: t[0] * t[1], name="gate")([mean, log_var])
    return keras.Model(x, picture(layers.Lambda(lambda t: t[0] + t[1], name="draw")([gated, log_var])))


def uniform_noise():
    class Uniform(Sampling):
        def call(self, inputs):
            mean, width = inputs
            return mean + width * keras.random.uniform(ops.shape(mean), seed=self.seed_generator)

    x, h = features()
    return keras.Model(x, picture(Uniform(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])))


class Branching(layers.Layer):
    """Python control flow on data, which runs eagerly and cannot be traced."""

    def call(self, x):
        return x * 2 if bool(ops.sum(x) > 0) else x

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


def control_flow():
    x, h = features()
    h = Branching(name="branch")(h)
    z = Sampling(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
    return keras.Model(x, picture(z))


def encoder_alone():
    x, h = features()
    return keras.Model(x, Sampling(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)]))


def batch_statistics():
    x, h = features()
    h = layers.BatchNormalization(name="norm")(h, training=True)
    return keras.Model(x, picture(Sampling(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])))


def batch_statistics_in_the_decoder():
    x, h = features()
    z = Sampling(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
    h = layers.BatchNormalization(name="norm")(layers.Dense(16)(z), training=True)
    return keras.Model(x, picture(h))


def stateful():
    x = keras.Input(batch_shape=(8, 4, 3), name="x")
    h = layers.LSTM(5, stateful=True, name="memory")(x)
    return keras.Model(x, layers.Dense(12)(Sampling()([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])))


SAVE_IT = "save the full VAE with its sampling layer"
REFUSED = [
    (autoencoder, f"m: no sampling site; found only Dense, Flatten, Reshape; expected a layer that takes [mu, logvar] and returns z: {SAVE_IT}"),
    (vq_vae, "m: no sampling site; layer 'quantise' (VectorQuantizer) replaces vectors by those of a codebook: this is a VQ-VAE, which has no posterior"),
    (generator_of_a_gan, f"m: no sampling site; found only Dense, Reshape; expected a layer that takes [mu, logvar] and returns z: {SAVE_IT}"),
    (classifier, f"m: no sampling site; found only Dense, Dropout, Flatten; expected a layer that takes [mu, logvar] and returns z: {SAVE_IT}"),
    (hierarchical, "m: the latent of layer 'low' depends on that of layer 'high' (a hierarchical VAE, or a decoder that draws what it returns), expected latents that depend on x alone; export each level as a VAE of its own, and a decoder without its last draw"),
    (uniform_noise, "m: layer 'draw' (Uniform) gave "),
    (control_flow, "encoder.onnx: tf2onnx cannot convert it (layer 'branch' (Branching) cannot be called: "),
    (batch_statistics, "encoder: 'mu' of a sample differs by "),
    (batch_statistics_in_the_decoder, "decoder: 'reconstruction' of a sample differs by "),
    (stateful, "m: layer 'memory' (LSTM) is stateful, expected layers that begin anew with every batch; build it with stateful=False, the weights fit"),
    (encoder_alone, "m: nothing is computed from z, this is an encoder alone; export the full VAE, decoder(encoder(x))"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "message"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_it_is_refused_in_one_line(build, message, tmp_path):
    with pytest.raises(VaeExportError) as caught:
        vae_export.export(build(), tmp_path / "b", name="m", format="onnx")
    text = str(caught.value)
    assert text.startswith(message), text
    assert "\n" not in text
    assert not (tmp_path / "b").exists()


REFUSED_FILES = [
    (lambda_elsewhere, "layer 'double': its code in the file is not understood: a branch or a loop (POP_JUMP"),
    (without_draws, "no sampling site; no layer draws noise, not even the custom ones: 'gate' (Lambda), 'draw' (Lambda); expected"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "message"), REFUSED_FILES, ids=lambda value: getattr(value, "__name__", "")
)
def test_files_are_refused_in_one_line(build, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    build().save("m.keras")
    assert main(["m.keras"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"vae-export: m: {message}"), error
    assert error.count("\n") == 1


def test_nothing_is_written_for_them(tmp_path):
    with pytest.raises(VaeExportError):
        vae_export.export(autoencoder(), tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
    assert np.isfinite(autoencoder()(np.zeros((1, *X_SHAPE), np.float32))).all()
