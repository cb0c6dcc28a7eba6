import numpy as np
import pytest

from vae_export.pages.report.manifold import grid_of, interpolate

QUARTILE = 0.6744897501960817


def test_two_latents_at_quantiles_of_the_prior():
    grid = grid_of(np.array([[5.0, 5.0], [6.0, 6.0]]), 2)
    assert (grid.kind, grid.z.shape, grid.extent) == ("prior", (2, 2, 2), pytest.approx(QUARTILE))
    # To the right the first, upwards the second.
    signs = [[(-1, 1), (1, 1)], [(-1, -1), (1, -1)]]
    np.testing.assert_allclose(grid.z, QUARTILE * np.array(signs), rtol=1e-12, atol=0)


def test_one_latent_makes_a_strip():
    grid = grid_of(np.array([[5.0], [6.0]]), 3)
    assert grid.z.shape == (1, 3, 1)
    np.testing.assert_allclose(grid.z[0, :, 0], [-0.967421566, 0, 0.967421566], rtol=0, atol=1e-9)


def test_more_latents_along_principal_axes():
    # Twice as far along the second value as along the third; none along the first.
    mu = np.array([[1, 4, 0], [1, -4, 0], [1, 0, 2], [1, 0, -2.0]])
    grid = grid_of(mu, 3)
    assert grid.kind == "axes"
    np.testing.assert_allclose(grid.axes, [[0, 1, 0], [0, 0, 1]], rtol=0, atol=1e-12)
    np.testing.assert_allclose(grid.deviations, [8**0.5, 2**0.5], rtol=1e-12, atol=0)
    np.testing.assert_allclose(grid.shares, [0.8, 0.2], rtol=1e-12, atol=0)
    np.testing.assert_allclose(grid.z[1, 1], [1, 0, 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(grid.z[0, 2], [1, 2 * 8**0.5, 2 * 2**0.5], rtol=1e-12, atol=0)
    np.testing.assert_allclose(grid.z[2, 2], [1, 2 * 8**0.5, -2 * 2**0.5], rtol=1e-12, atol=0)


def test_the_sign_of_an_axis_does_not_depend_on_the_samples_order():
    mu = np.random.default_rng(1).normal(size=(9, 4))
    np.testing.assert_allclose(grid_of(mu, 3).axes, grid_of(mu[::-1], 3).axes, rtol=0, atol=1e-9)


def test_samples_on_a_line_make_a_strip():
    grid = grid_of(np.outer([-1, 0, 1], [1.0, 2, 2]), 5)
    assert (grid.z.shape, len(grid.axes), grid.shares) == ((1, 5, 3), 1, (pytest.approx(1.0),))


def test_samples_of_one_mu_make_none():
    assert grid_of(np.ones((4, 3)), 5) is None


def test_interpolation():
    steps = interpolate(np.array([0.0, 2.0]), np.array([3.0, -1.0]), 4)
    np.testing.assert_allclose(steps, [[0, 2], [1, 1], [2, 0], [3, -1]], rtol=0, atol=1e-12)
