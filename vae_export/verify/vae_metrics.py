"""Differences of two VAEs, as pure NumPy functions; all compute in float64.

===================  =============================================================  ==================
function             formula, a row                                                 equal arrays
===================  =============================================================  ==================
gaussian_kl          KL(N(mu, exp(logvar)) || N(other_mu, exp(other_logvar))), nats  0
mu_error             max over latents of abs(other_mu - mu) / exp(logvar / 2)       0
psnr_db              10 log10(peak^2 / mean (actual - expected)^2)                  inf
prior_kl             KL(N(mu, exp(logvar)) || N(0, 1)), value by value, nats        0 for the prior
elbo                 log p(x | reconstruction) - KL(posterior || N(0, I)), nats     (of one VAE alone)
===================  =============================================================  ==================
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vae_export.verify.metrics import value_scale

__all__ = ["elbo", "gaussian_kl", "image_peak", "mu_error", "prior_kl", "psnr_db", "scaled_logvar"]

Array = np.ndarray[Any, Any]

# Probabilities are clipped to this distance from 0 and 1, half a step of 8 bits: otherwise a single output of
# exactly 0, where x is not, would cost as much as the rest of the picture.
CLIP = 1 / 512


def gaussian_kl(mu: Array, logvar: Array, other_mu: Array, other_logvar: Array) -> Array:
    """KL divergence of two diagonal normal distributions (Kingma & Welling 2013, appendix B).

    Args:
        mu, logvar: of the first distribution, the true one ``[n, ...]``.
        other_mu, other_logvar: of the second, its approximation.

    Returns:
        ``[n]``, nats.
    """
    mu, logvar, other_mu, other_logvar = map(_rows, (mu, logvar, other_mu, other_logvar))
    narrower = logvar - other_logvar
    # In this form it is exactly 0 for equal distributions, and never negative.
    spread, distance = np.expm1(narrower) - narrower, (mu - other_mu) ** 2 * np.exp(-other_logvar)
    kl: Array = 0.5 * (spread + distance).sum(axis=1)
    return kl


def prior_kl(mu: Array, logvar: Array) -> Array:
    """KL divergence of N(mu, exp(logvar)) from the prior N(0, 1), value by value (Kingma & Welling 2013).

    Args:
        mu, logvar: arrays of one shape; logvar includes the scale of epsilon, see `scaled_logvar`.

    Returns:
        float64 of the same shape, nats; never negative.

    Raises:
        ValueError: the shapes differ.
    """
    if mu.shape != logvar.shape:
        raise ValueError(f"logvar: got shape {logvar.shape}, expected {mu.shape} as in mu")
    mu, logvar = mu.astype(np.float64), logvar.astype(np.float64)
    # expm1 keeps the digits that exp(logvar) - 1 - logvar cancels near the prior.
    kl: Array = 0.5 * (mu**2 + np.expm1(logvar) - logvar)
    return kl


def scaled_logvar(logvar: Array, epsilon_scale: float) -> Array:
    """The log-variance of z: that of the posterior with the scale of epsilon."""
    return logvar + 2 * math.log(abs(epsilon_scale))


def image_peak(expected: Array) -> float:
    """The peak of PSNR: the span of the reference's values, or their scale if all are equal.

    Not the largest value: probabilities of a thousand classes are all near 0, temperatures all near 300.
    """
    return float(np.ptp(expected)) or value_scale(expected)


def mu_error(mu: Array, logvar: Array, other_mu: Array) -> Array:
    """Largest error of mu in units of sigma: ``[n]``, for arrays ``[n, ...]``."""
    error: Array = (np.abs(_rows(other_mu) - _rows(mu)) / np.exp(0.5 * _rows(logvar))).max(axis=1)
    return error


def psnr_db(expected: Array, actual: Array, peak: float) -> Array:
    """Peak signal to noise ratio in decibels, infinite for equal rows: ``[n]``, for arrays ``[n, ...]``."""
    noise = np.square(_rows(actual) - _rows(expected)).mean(axis=1)
    with np.errstate(divide="ignore"):
        psnr: Array = 10 * np.log10(peak**2 / noise)
    return psnr


def elbo(x: Array, reconstruction: Array, mu: Array, logvar: Array, *, bernoulli: bool) -> Array:
    """Evidence lower bound with one draw of z, up to a constant: ``[n]``, nats.

    Args:
        x, reconstruction: ``[n, ...]``, of equal shapes.
        mu, logvar: of the posterior ``[n, ...]``.
        bernoulli: whether reconstructions are probabilities; else they are means of normals of variance 1.
    """
    x, reconstruction, mu, logvar = map(_rows, (x, reconstruction, mu, logvar))
    if bernoulli:
        p = np.clip(reconstruction, CLIP, 1 - CLIP)
        likelihood = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum(axis=1)
    else:
        likelihood = -0.5 * np.square(x - reconstruction).sum(axis=1)
    bound: Array = likelihood - prior_kl(mu, logvar).sum(axis=1)
    return bound


def _rows(array: Array) -> Array:
    return array.reshape(len(array), -1).astype(np.float64)
