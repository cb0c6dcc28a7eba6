"""How good the noise is: against the exact distribution function, and as statistics of 10^7 values."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats

from vae_export.runtime.python import vae_runtime

COUNT = 10_000_000


def exact(word):
    """The inverse normal distribution function of (word + 0.5) / 2^32, to 40 digits."""
    with mpmath.workdps(40):
        u = (mpmath.mpf(int(word)) + mpmath.mpf(1) / 2) / 2**32
        # Newton's method from a good start: the error is squared at each step.
        x = mpmath.mpf(float(stats.norm.ppf(float(u))))
        for _ in range(3):
            x -= (mpmath.ncdf(x) - u) / mpmath.npdf(x)
        return x


def test_values_are_within_one_unit_in_the_last_place():
    grid = np.linspace(0, 2**32 - 1, 2001).astype(np.uint64)
    tails = 2 ** np.arange(32, dtype=np.uint64)
    edge = np.uint64(0.075 * 2**32) + np.arange(8, dtype=np.uint64)
    middle = np.uint64(2**31 - 4) + np.arange(8, dtype=np.uint64)
    words = np.unique(np.concatenate([grid, tails - 1, tails, 2**32 - tails, edge, 2**32 - edge, middle]))
    words = words.astype(np.uint32)
    values = vae_runtime._inverse_normal(words)
    worst = max(
        abs(float((mpmath.mpf(float(value)) - exact(word)) / float(np.spacing(np.abs(value)))))
        for word, value in zip(words, values, strict=True)
    )
    assert 0.4 < worst <= 0.51


@pytest.fixture(scope="module")
def values():
    return vae_runtime.normal(2024, 0, 0, COUNT).astype(np.float64)


def test_moments(values):
    for power, expected, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)]:
        assert abs((values**power).mean() - expected) < 5 * (variance / COUNT) ** 0.5


def test_kolmogorov_smirnov(values):
    assert stats.kstest(values, "norm").pvalue > 1e-4


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 5, 8, 16, 64, 784])
def test_no_serial_correlation(values, lag):
    for transform in (lambda v: v, np.square):
        one, other = transform(values[:-lag]), transform(values[lag:])
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / COUNT**0.5


@pytest.mark.parametrize(("seed", "stream"), [(2024, 1), (2024, 2**31), (2025, 0), (2024 + 2**32, 0)])
def test_no_correlation_across_streams_and_seeds(values, seed, stream):
    other = vae_runtime.normal(seed, stream, 0, COUNT)
    assert abs(np.corrcoef(values, other)[0, 1]) < 5 / COUNT**0.5
