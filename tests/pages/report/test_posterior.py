import math
import re
from dataclasses import replace

import numpy as np
import pytest

from vae_export.bundle.reader import read_bundle
from vae_export.errors import DataError
from vae_export.pages.report.posterior import (
    AggregatePosterior,
    RealSamples,
    aggregate,
    encode,
    read_samples,
)
from vae_export.runtime.python import vae_runtime


def latent(shape=(2,), scale=1.0):
    return {
        "mu": "mu", "logvar": "logvar", "z": "z", "stream": 0, "shape": shape, "epsilon_scale": scale,
    }  # fmt: skip


class Drawing:
    """Draws as a bundle does."""

    def __init__(self, latents):
        self.latents = latents

    def sample(self, mu, logvar, seed):
        (one,) = self.latents
        scale = one["epsilon_scale"]
        return vae_runtime.sample(mu["mu"], logvar["logvar"], seed=seed, epsilon_scale=scale)


def of(mu, logvar, scale=1.0, seed=5):
    vae = Drawing([latent(np.shape(mu)[1:], scale)])
    return aggregate(vae, {"mu": np.float32(mu)}, {"logvar": np.float32(logvar)}, seed)


def test_figures_by_hand():
    found = of([[1, 0.05], [-1, -0.05]], [[0, 0], [math.log(4), 0]])
    # KL(N(m, s^2) || N(0, 1)) = (m^2 + s^2 - 1 - ln s^2) / 2: of 1, 1 and of 1, 2; of 0.05, 1 twice.
    assert found.kl == pytest.approx([(0.5 + (1 + 4 - 1 - math.log(4)) / 2) / 2, 0.00125], rel=1e-6, abs=0)
    assert found.mu_variance == pytest.approx([1, 0.0025], rel=1e-6, abs=0)
    assert found.active.tolist() == [True, False]
    assert found.order.tolist() == [0, 1]
    assert found.names == ("z[0]", "z[1]")


def test_epsilon_has_a_scale():
    found = of([[0.0]], [[0.0]], scale=0.1)
    assert found.kl == pytest.approx([(0.01 - 1 - math.log(0.01)) / 2], rel=1e-6, abs=0)
    assert found.drawn.std() == pytest.approx(0.1, rel=0.05, abs=0)


def test_draws_are_the_helpers():
    found = of([[3.0], [-3.0]], [[-4.0], [-4.0]])
    assert found.drawn.shape == (4096, 1)
    mu = np.repeat(np.float32([[3.0], [-3.0]]), 2048, axis=0)
    assert (found.drawn == vae_runtime.sample(mu, np.full_like(mu, -4), seed=5)).all()
    assert (np.abs(np.abs(found.drawn) - 3) < 1).all()


@pytest.mark.parametrize(("rows", "draws"), [(2, 4096), (3, 4095), (2000, 4000), (5000, 5000)])
def test_how_many_draws(rows, draws):
    assert len(of(np.zeros((rows, 1)), np.zeros((rows, 1))).drawn) == draws


def test_many_latents_are_drawn_less_often():
    assert of(np.zeros((4, 1 << 17)), np.zeros((4, 1 << 17))).drawn.shape == (32, 1 << 17)


def test_samples_of_a_file(tmp_path, dense_bundle):
    vae = vae_runtime.load(dense_bundle, "onnx")
    x = np.random.default_rng(0).integers(0, 256, (2500, 28, 28, 1), np.uint8)
    np.save(tmp_path / "x.npy", x)
    found = read_samples(tmp_path / "x.npy", vae, (0.0, 1.0))
    assert (found.rows, found.total, found.from_file) == (2000, 2500, True)
    assert (found.inputs["x"] == x[:2000] / np.float32(255)).all()
    mu, logvar = encode(vae, found)
    assert (mu["mu"].shape, list(logvar)) == ((2000, 2), ["logvar"])


def test_conditions_come_with_x(tmp_path, bundle_of):
    vae = vae_runtime.load(bundle_of("conditions"), "onnx")
    x, label = np.zeros((5, 6, 6, 1), np.float32), np.arange(5)
    np.savez(tmp_path / "x.npz", x=x, label=label)
    assert read_samples(tmp_path / "x.npz", vae, None).inputs["label"].dtype == np.int32
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(DataError, match=re.escape("x.npy: holds x, expected 'label' too, which the encoder")):
        read_samples(tmp_path / "x.npy", vae, None)
    np.savez(tmp_path / "few.npz", x=x, label=label[:3])
    with pytest.raises(
        DataError, match=re.escape("few.npz: got 3 rows of 'label', expected 5 as of x; give")
    ):
        read_samples(tmp_path / "few.npz", vae, None)
    np.savez(tmp_path / "half.npz", x=x, label=label + 0.5)
    with pytest.raises(
        DataError, match=re.escape("half.npz: label: got dtype float64, expected values that")
    ):
        read_samples(tmp_path / "half.npz", vae, None)


def test_what_is_not_finite_is_an_error(dense_bundle, monkeypatch):
    vae = vae_runtime.load(dense_bundle, "onnx")
    bad = np.float32([[0, np.nan]])
    monkeypatch.setattr(vae, "encode", lambda _: (bad, bad))
    samples = RealSamples({"x": np.zeros((1, 28, 28, 1), np.float32)}, "x.npy", 1, 1, True)
    with pytest.raises(
        DataError, match=r"^x\.npy: encoder\.onnx makes mu of it that is not finite, expected"
    ):
        encode(vae, samples)


def test_a_value_that_is_constant_off_the_prior_has_not_collapsed():
    mu = np.zeros((4, 3))
    mu[:, 0], mu[:, 2] = (-1, 1, -1, 1), 3
    found = AggregatePosterior(
        ("a", "b", "c"), mu, np.array([1, 0.01, 4.5]), mu.var(axis=0), mu.var(axis=0) > 0.01, mu, 0
    )
    assert found.states == ("active", "collapsed", "constant")
    assert replace(found, mu=mu[:1]).states == ("unknown",) * 3


def test_rows_that_the_encoder_refuses(bundle_of):
    bundle = bundle_of("conditions")
    vae = vae_runtime.load(bundle)
    golden = read_bundle(bundle).golden("x")
    labels = {
        name: np.full(len(golden), 999, np.dtype(vae.inputs[name][1])) for name in vae.conditions["encoder"]
    }
    expected = r"^mine\.npz: encoder\.onnx refuses its rows of x, \w+ \(.*\); look at their values$"
    with pytest.raises(DataError, match=expected):
        encode(vae, RealSamples({"x": golden, **labels}, "mine.npz", len(golden), len(golden), True))
