import math

import numpy as np
import pytest

from vae_export.train.figures import measure
from vae_export.verify.vae_metrics import elbo, gaussian_kl, image_peak, mu_error, prior_kl, psnr_db

LOG4 = math.log(4.0)


@pytest.mark.parametrize(
    ("mu", "logvar", "other_mu", "other_logvar", "nats"),
    [
        ([0.0, 3.0], [0.0, LOG4], [0.0, 3.0], [0.0, LOG4], 0.0),
        # (difference / sigma)^2 / 2
        ([0.0], [0.0], [1.0], [0.0], 0.5),
        ([0.0], [LOG4], [2.0], [LOG4], 0.5),
        # A sigma of 1 where 2 is used: log 2 + 1/8 - 1/2; and of 2 where 1 is used.
        ([0.0], [0.0], [0.0], [LOG4], math.log(2) + 1 / 8 - 1 / 2),
        ([0.0], [LOG4], [0.0], [0.0], -math.log(2) + 2 - 1 / 2),
        # Latents add up.
        ([0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0], 1.0),
    ],
)
def test_gaussian_kl(mu, logvar, other_mu, other_logvar, nats):
    arrays = (np.float32([values]) for values in (mu, logvar, other_mu, other_logvar))
    assert gaussian_kl(*arrays) == pytest.approx([nats], rel=1e-6, abs=1e-7)


def test_gaussian_kl_against_an_integral():
    z = np.linspace(-30, 30, 200001)

    def log_density(mean, log_variance):
        return -0.5 * (np.log(2 * np.pi) + log_variance + (z - mean) ** 2 / np.exp(log_variance))

    p, q = log_density(0.3, 0.4), log_density(-0.5, 1.1)
    integral = (
        np.trapezoid(np.exp(p) * (p - q), z) if hasattr(np, "trapezoid") else np.trapz(np.exp(p) * (p - q), z)
    )
    got = gaussian_kl(*(np.array([[value]]) for value in (0.3, 0.4, -0.5, 1.1)))
    assert got == pytest.approx([integral], rel=1e-6, abs=0)


def test_mu_error_is_in_units_of_sigma():
    mu, logvar = np.zeros((2, 2)), np.array([[0.0, LOG4], [0.0, 0.0]])
    assert mu_error(mu, logvar, np.array([[0.1, 1.0], [-0.2, 0.1]])).tolist() == [0.5, 0.2]


@pytest.mark.parametrize(
    ("error", "peak", "db"), [(0.1, 1.0, 20.0), (0.01, 1.0, 40.0), (0.2, 2.0, 20.0), (0.0, 1.0, math.inf)]
)
def test_psnr(error, peak, db):
    expected = np.full((2, 3, 3, 1), 0.25)
    actual = expected.copy()
    actual[1] += error
    assert psnr_db(expected, actual, peak) == pytest.approx([math.inf, db], rel=1e-9, abs=0)


def test_elbo_is_that_of_the_training():
    """In nats, with the noise of one seed; but for the clip of probabilities."""
    rng = np.random.default_rng(0)
    x, p = rng.random((5, 4, 4, 1)), rng.uniform(0.01, 0.99, (5, 4, 4, 1))
    mu, logvar = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))

    class Half:
        def __init__(self, outputs):
            self.outputs = outputs

        def predict(self, *_, **__):
            return self.outputs

    class Vae:
        encoder, decoder = Half([mu, logvar, mu]), Half(p)

    assert elbo(x, p, mu, logvar, bernoulli=True).mean() == pytest.approx(
        measure(Vae, x).elbo, rel=1e-12, abs=0
    )


def test_elbo_of_normal_distributions():
    x, mean = np.zeros((1, 2)), np.array([[3.0, 4.0]])
    assert elbo(x, mean, np.array([[2.0]]), np.array([[0.0]]), bernoulli=False).tolist() == [-12.5 - 2.0]


def test_an_output_of_zero_costs_no_more_than_half_a_step():
    x, zero = np.ones((1, 1)), np.zeros((1, 1))
    assert elbo(x, zero, zero, zero, bernoulli=True) == pytest.approx([-math.log(512)], rel=1e-12, abs=0)


def test_prior_kl_is_the_divergence_from_the_standard_normal():
    rng = np.random.default_rng(0)
    mu, logvar = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    zeros = np.zeros((5, 3))
    np.testing.assert_allclose(
        prior_kl(mu, logvar).sum(axis=1), gaussian_kl(mu, logvar, zeros, zeros), rtol=1e-12, atol=0
    )
    assert (prior_kl(np.zeros(3), np.float64([1e-9, -1e-9, 0])) >= 0).all()
    with pytest.raises(ValueError, match=r"^logvar: got shape \(2,\), expected \(3,\) as in mu$"):
        prior_kl(np.zeros(3), np.zeros(2))


def test_the_peak_is_what_the_values_span():
    assert image_peak(np.float32([300, 301])) == 1.0
    assert image_peak(np.float32([300, 300])) == 300.0
    assert image_peak(np.float32([0.5, 0.5])) == 1.0
