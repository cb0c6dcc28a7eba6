import numpy as np
import pytest
from scipy.stats import chi2

from tests.tiny_models import LATENT, samples
from vae_export.formats.calibration import calibration_inputs, tail_radius
from vae_export.verify.references import compute_reference


@pytest.fixture(scope="module")
def reference(tiny_split):
    halves = (tiny_split.encoder, tiny_split.decoder)
    return compute_reference(*halves, tiny_split.latents, {"x": samples(20)}, {}, 7)


@pytest.mark.parametrize("dimensions", [1, 2, 16, 256])
def test_the_radius_is_that_of_rare_draws(dimensions):
    exact = np.sqrt(chi2.ppf(1 - 6.3e-5, dimensions))
    assert tail_radius(dimensions) == pytest.approx(exact, rel=0.04, abs=0)


def test_encoders_see_the_samples(reference):
    np.testing.assert_array_equal(calibration_inputs(reference)["encoder"]["x"], samples(20))


def test_decoders_see_posterior_prior_and_tails(reference):
    z = calibration_inputs(reference)["decoder"]["z"]
    assert (z.dtype, z.shape) == (np.float32, (20 + 256 + 256 + 2, LATENT))
    np.testing.assert_array_equal(z[:20], reference.z["z"])
    prior, shell, ends = z[20:276], z[276:532], z[532:]
    assert abs(prior.std() - 1) < 0.1
    np.testing.assert_allclose(np.linalg.norm(shell, axis=1), tail_radius(LATENT), rtol=1e-5, atol=0)
    # In all directions.
    assert np.abs(shell.mean(axis=0)).max() < 0.5
    np.testing.assert_array_equal(ends, [[4, 0, 0], [-4, 0, 0]])


def test_conditions_are_repeated(tiny_split):
    """As many rows of each input, in the dtype of the condition."""
    halves = (tiny_split.encoder, tiny_split.decoder)
    reference = compute_reference(*halves, tiny_split.latents, {"x": samples(3)}, {}, 7)
    object.__setattr__(reference, "conditions", {"label": np.array([[1], [2], [3]], np.int32)})
    inputs = calibration_inputs(reference)["decoder"]
    assert (inputs["label"].dtype, inputs["label"].shape) == (np.int32, (len(inputs["z"]), 1))
    assert inputs["label"][:5, 0].tolist() == [1, 2, 3, 1, 2]
