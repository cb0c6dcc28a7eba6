"""Good artifacts whose errors are rounding: none is refused, and faults beside them are caught."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import vae_export
from tests.gallery.parts.sampling import Sampling
from vae_export.core.rounding import DRAWS
from vae_export.errors import ModelError
from vae_export.formats.loading import load_artifact
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.runtime.draws import draw_z
from vae_export.split import call_check
from vae_export.split.split_vae import split
from vae_export.verify.gate import verify_artifacts
from vae_export.verify.metrics import value_scale
from vae_export.verify.references import compute_reference


def with_weights(model, spread, seed):
    """Normal weights; `spread` is that of the sum of a kernel's terms."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        fan = np.prod(weight.shape[:-1])
        scale = 0.3 if len(weight.shape) == 1 else spread / np.sqrt(fan)
        weight.assign(rng.normal(0, scale, weight.shape) + weight.path.endswith("gamma"))
    return model


def normalised():
    """Convolutions and normalisations of each channel, as in Stable Diffusion's VAE."""
    x = h = keras.Input((16, 16, 3))
    for filters in (8, 12):
        h = layers.Conv2D(filters, 3, strides=2, padding="same")(h)
        h = layers.Activation("silu")(layers.GroupNormalization(-1, epsilon=1e-6)(h))
    h = layers.Flatten()(h)
    z = Sampling()([layers.Dense(4)(h), layers.Dense(4)(h)])
    return with_weights(keras.Model(x, layers.Reshape((16, 16, 3))(layers.Dense(768)(z))), 1.3, seed=3)


def steep():
    """Large weights in both halves."""
    x = keras.Input((12,))
    h = layers.Dense(24, activation="tanh")(x)
    h = Sampling()([layers.Dense(4)(h), layers.Dense(4)(h)])
    for _ in range(10):
        h = layers.Dense(24, activation="tanh")(h)
    return with_weights(keras.Model(x, layers.Dense(12)(h)), 5.0, seed=3)


def exported(model, shape):
    """The halves of a model, its reference, and its files."""
    halves = split(model, "m")
    x = np.random.default_rng(0).random((12, *shape), np.float32)
    reference = compute_reference(halves.encoder, halves.decoder, halves.latents, {"x": x}, {}, seed=7)
    return halves, reference, [convert_to_onnx(half, name="m") for half in (halves.encoder, halves.decoder)]


def verify(artifacts, reference, tolerance=1e-5):
    report, _ = verify_artifacts(
        artifacts, reference, value_range=(0.0, 1.0), tolerance=tolerance, progress=lambda _: None
    )
    return report


@pytest.fixture(scope="module")
def constant_pictures():
    return exported(normalised(), (16, 16, 3))


def test_a_constant_picture_before_a_normalisation_is_no_alarm(constant_pictures):
    halves, reference, artifacts = constant_pictures
    zeros = {"x": np.zeros((7, 16, 16, 3), np.float32)}
    expected, exact = halves.encoder.run(zeros)["mu"], halves.encoder.run_exact(zeros)["mu"]
    error = np.abs(load_artifact(artifacts[0]).run(zeros)["mu"] - expected).max()
    # Beyond the tolerance, and beyond ten times what Keras itself differs from float64.
    assert error > 1e-5 * value_scale(expected)
    assert error > 10 * np.abs(expected - exact).max()
    report = verify(artifacts, reference)
    assert report.failures == ()
    assert report.of("encoder.onnx")["mu"].tolerance > error


def test_a_tolerance_that_is_told_is_not_raised(constant_pictures):
    _, reference, artifacts = constant_pictures
    failures = verify(artifacts, reference, tolerance=1.1e-5).failures
    assert any("output 'mu', zeros, batch of 7: largest error" in failure for failure in failures)


@pytest.mark.parametrize("fault", ["epsilon", "bias"])
def test_faults_beside_a_constant_picture_are_caught(constant_pictures, fault):
    halves, reference, artifacts = constant_pictures
    (norm, _) = [
        one for one in halves.encoder.model.used_layers if hasattr(one, "groups") and hasattr(one, "epsilon")
    ]
    bias, before = norm.beta, norm.beta.numpy()
    try:
        if fault == "epsilon":
            norm.epsilon = 1e-3
        else:
            bias.assign(before * np.where(np.arange(8) == np.abs(before).argmax(), 1.001, 1))
        broken = convert_to_onnx(halves.encoder, name="m")
    finally:
        norm.epsilon = 1e-6
        bias.assign(before)
    assert "encoder.onnx: output 'mu'" in " ".join(verify([broken, artifacts[1]], reference).failures)


def test_large_weights_end_to_end_are_no_alarm():
    _, reference, artifacts = exported(steep(), (12,))
    encoder, decoder = map(load_artifact, artifacts)
    z = draw_z(reference.latents, encoder.run(reference.encoder_inputs), reference.seed)
    expected = reference.outputs["reconstruction"]
    whole = np.abs(decoder.run(z)["reconstruction"] - expected).max()
    # The way as a whole is beyond the tolerance.
    assert whole > 1e-5 * value_scale(expected)
    report = verify(artifacts, reference)
    assert report.failures == ()
    assert report.of("encoder.onnx → decoder.onnx")["reconstruction"].tolerance > whole


def test_a_bundle_of_a_steep_decoder_is_verified_later(tmp_path):
    x = np.random.default_rng(0).random((12, 12), np.float32)
    result = vae_export.export(steep(), tmp_path / "b", format="onnx", samples=x)
    assert vae_export.verify(result.path).ok
    vae_export.load(result.path).self_test()


def test_the_half_is_moved_only_where_the_plain_tolerance_is_exceeded(constant_pictures, monkeypatch):
    halves, reference, artifacts = constant_pictures
    moved = []
    run_moved = type(halves.encoder).run_moved

    def counted(half, inputs, seed):
        moved.append((half.role, len(next(iter(inputs.values()))), bool(np.ptp(inputs["x"]))))
        return run_moved(half, inputs, seed)

    monkeypatch.setattr(type(halves.encoder), "run_moved", counted)
    assert verify(artifacts, reference).ok
    assert set(moved) == {("encoder", 7, False)}
    # Once for both outputs.
    assert len(moved) == DRAWS


class Ill(keras.Model):
    """A decoder whose large intermediate values cancel: rounding shows, more on inputs in +-30."""

    def __init__(self, slope=1.0):
        super().__init__(name="m")
        x, z = keras.Input((12,)), keras.Input((3,))
        self.encoder = keras.Model(x, [layers.Dense(3)(x), layers.Dense(3)(x)])
        self.decoder = keras.Model(z, layers.Dense(12)(layers.Dense(16)(z)))
        with_weights(self.encoder, 0.1, seed=2)
        rng = np.random.default_rng(0)
        first, second = rng.normal(0, 30, (3, 16)), rng.normal(0, 30, (16, 12))
        second -= np.linalg.pinv(first) @ first @ second
        self.decoder.set_weights([first, np.zeros(16), second + rng.normal(0, 3e-3, (16, 12)), np.zeros(12)])
        self.slope = slope

    def call(self, x):
        mean, log_var = self.encoder(x)
        z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
        # The same sums in another order.
        h = tf.matmul(z, self.decoder.layers[1].kernel)
        parts = zip(tf.split(h, 4, 1), tf.split(self.decoder.layers[2].kernel, 4, 0), strict=True)
        return self.slope * sum(tf.matmul(part, kernel) for part, kernel in parts)


def test_call_with_its_sums_in_another_order_is_no_alarm(monkeypatch):
    seen = []
    comparison = call_check._comparison

    def recorded(*args, **kwargs):
        found = comparison(*args, **kwargs)
        seen.append(found.difference)
        return found

    monkeypatch.setattr(call_check, "_comparison", recorded)
    assert split(Ill(), "m").sites
    # Beyond the tolerance of before, 1e-4 of the largest value.
    assert max(seen) > 1e-4 > call_check.TOLERANCE


def test_call_that_computes_something_else_is_refused_beside_rounding():
    with pytest.raises(ModelError, match=r"it differs by 0\.1\d* of the largest value"):
        split(Ill(slope=1.1), "m")
