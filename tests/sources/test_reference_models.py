"""The trained models that are shipped: real data, real bundles, real pixels."""

from __future__ import annotations

import numpy as np
import pytest

import vae_export
from vae_export.sources.reference_models import reference_models

NAMES = ["fashion-mnist-conv", "fashion-mnist-dense"]


def test_which_there_are(root):
    assert sorted(reference_models()) == NAMES
    assert all(file.is_relative_to(root) for file in reference_models().values())


@pytest.mark.parametrize("name", NAMES)
def test_each_has_what_belongs_to_it(root, name):
    folder = root / "models" / name
    files = {path.name for path in folder.iterdir()}
    assert files == {
        "README.md",
        "history.csv",
        "model.keras",
        "recipe.json",
        "reconstructions.png",
        "samples.npz",
        "samples.png",
    }
    x = np.load(folder / "samples.npz")["x"]
    assert x.dtype == np.uint8
    assert x.shape == (256, 28, 28, 1)
    # Real images: no two alike, dark corners, bright middles.
    assert len(np.unique(x.reshape(256, -1), axis=0)) == 256
    assert x[:, :2, :2].mean() < 5
    assert x[:, 10:18, 10:18].mean() > 80


@pytest.mark.parametrize("backend", ["onnx", "tflite"])
def test_bundles_generate_the_golden_pixels(reference_result, backend):
    vae = vae_export.load(reference_result.path, backend)
    recipe = vae.manifest["golden"]
    entry = recipe["arrays"]["generated"]
    golden = np.fromfile(reference_result.path / entry["file"], "<f4").reshape(entry["shape"])
    images = vae.generate(8, seed=recipe["seed"])
    np.testing.assert_allclose(images, golden, rtol=0, atol=1e-5)
    # As pixels: the same to the last bit of eight.
    assert np.abs(np.rint(images * 255) - np.rint(golden * 255)).max() <= 1
    # Pictures, not gray noise: both black and white in them.
    assert golden.min() < 0.01
    assert golden.max() > 0.9


def test_every_row_of_the_gate_passed(reference_result):
    report = reference_result.report
    assert len(report.rows) == 10
    assert report.ok


def test_the_bundle_reconstructs_what_it_is_shown(reference_result, root):
    x = np.load(root / "models" / reference_result.manifest.to_dict()["name"] / "samples.npz")[
        "x"
    ] / np.float32(255)
    images = vae_export.load(reference_result.path).reconstruct(x, seed=1)
    error = np.abs(images - x).mean()
    shuffled = np.abs(images[::-1] - x).mean()
    assert error < 0.11
    assert error < 0.6 * shuffled
