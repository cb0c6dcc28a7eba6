import numpy as np
import pytest

from vae_export.bundle.reader import read_bundle
from vae_export.errors import InputError
from vae_export.pages.report import measurements
from vae_export.pages.report.manifold import interpolate
from vae_export.runtime.python import vae_runtime


def test_samples_are_those_of_generate(dense_measured, dense_bundle):
    expected = vae_runtime.load(dense_bundle).generate(32, 7)
    assert (dense_measured.generated["reconstruction"] == expected).all()
    assert dense_measured.files == {"encoder": "encoder.onnx", "decoder": "decoder.onnx"}


def test_two_latents_have_a_grid_and_no_interpolations(dense_measured, dense_bundle):
    found, vae = dense_measured, vae_runtime.load(dense_bundle)
    assert found.manifold["reconstruction"].shape == (15, 15, 28, 28, 1)
    expected = vae.decode(found.grid.z.reshape(-1, 2).astype(np.float32))
    np.testing.assert_array_equal(found.manifold["reconstruction"].reshape(-1, 28, 28, 1), expected)
    assert found.interpolations == ()


def test_golden_samples_are_as_keras_encoded_them(dense_measured):
    found = dense_measured
    assert (found.samples.rows, found.samples.total, found.samples.from_file) == (8, 8, False)
    assert (found.posterior.mu == found.golden["mu"]).all()


def test_more_latents_have_interpolations_too(measured, conv_result):
    found = measured(conv_result.path)
    assert (found.grid.kind, found.grid.z.shape) == ("axes", (15, 15, 16))
    assert [(one.start, one.end) for one in found.interpolations] == [(0, 1), (2, 3), (4, 5), (6, 7)]
    mu = found.golden["mu"].astype(np.float64)
    z = interpolate(mu[2], mu[3], 8).astype(np.float32)
    expected = vae_runtime.load(conv_result.path).decode(z)
    np.testing.assert_array_equal(found.interpolations[1].outputs["reconstruction"], expected)


def test_conditions_are_held(measured, bundle_of):
    path = bundle_of("conditions")
    found, vae = measured(path), vae_runtime.load(path)
    label = found.golden["label"].astype(np.int32)
    assert found.conditions == {"encoder": ["label"], "decoder": ["label"]}
    in_turn = {"label": label[np.arange(32) % 8]}
    np.testing.assert_array_equal(found.generated["reconstruction"], vae.generate(32, 7, conditions=in_turn))
    z = found.grid.z.reshape(-1, 3).astype(np.float32)
    expected = vae.decode({"z": z, "label": label[:1]})
    np.testing.assert_array_equal(found.manifold["reconstruction"].reshape(expected.shape), expected)
    way = found.interpolations[2]
    mu = found.golden["mu"].astype(np.float64)
    z = interpolate(mu[4], mu[5], 8).astype(np.float32)
    np.testing.assert_array_equal(way.outputs["reconstruction"], vae.decode({"z": z, "label": label[4:5]}))


def test_large_outputs_are_fewer(dense_bundle, monkeypatch):
    monkeypatch.setattr(measurements, "MOST_VALUES", 10 * 784)
    found = measurements.measure(
        read_bundle(dense_bundle), samples=None, seed=0, rounds=2, progress=lambda _: None
    )
    assert len(found.generated["reconstruction"]) == 10
    assert found.manifold["reconstruction"].shape[:2] == (3, 3)


def test_every_step_is_told(dense_bundle):
    steps = []
    measurements.measure(read_bundle(dense_bundle), samples=None, seed=0, rounds=2, progress=steps.append)
    assert steps[:4] == [
        "the prior",
        "the latent space",
        "encoder.onnx and decoder.onnx",
        "encoder.tflite and decoder.tflite",
    ]
    assert steps[-1] == "round 2 of 2"


def test_too_few_rounds(dense_bundle):
    with pytest.raises(InputError, match=r"^rounds: got 1, expected at least 2$"):
        measurements.measure(
            read_bundle(dense_bundle), samples=None, seed=0, rounds=1, progress=lambda _: None
        )
