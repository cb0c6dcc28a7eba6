"""Stable Diffusion's autoencoder as KerasHub has it, small and with random weights."""

import keras
import numpy as np
import pytest

import vae_export


@pytest.fixture(scope="module")
def backbone():
    pytest.importorskip("keras_hub", reason="keras-hub comes with the test extra")
    from keras_hub.src.models.vae.vae_backbone import VAEBackbone

    keras.utils.set_random_seed(0)
    model = VAEBackbone([32, 32], [1, 1], [32, 32], [1, 1], sample_channels=8)
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        if weight.path.endswith("kernel"):
            continue
        weight.assign(weight + rng.normal(0, 0.1, weight.shape))
    return model


def test_it_is_exported_and_computes_the_same(backbone, tmp_path, monkeypatch):
    x = np.random.default_rng(1).uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    result = vae_export.export(backbone, tmp_path / "bundle", samples=x, input_shape=(32, 32, 3))
    (latent,) = result.manifest.to_dict()["latents"]
    assert latent["shape"] == [16, 16, 4]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == ("log-variance", "probed")
    vae = vae_export.load(result.path)
    epsilon = vae._epsilon(vae.latents[0], 7, 0, 4)
    monkeypatch.setattr(keras.random, "normal", lambda shape, **_: keras.ops.convert_to_tensor(epsilon))
    expected = keras.ops.convert_to_numpy(backbone(x))
    np.testing.assert_allclose(
        vae.reconstruct(x, seed=7), expected, rtol=0, atol=2e-5 * np.abs(expected).max()
    )
    assert expected.std() > 0.01
    assert vae.generate(2, seed=1).shape == (2, 32, 32, 3)
