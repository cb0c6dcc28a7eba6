import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny_models import samples
from vae_export.core.fidelity import DecoderFidelity, EncoderFidelity, Similarity
from vae_export.core.precision import PRECISIONS, Budget
from vae_export.core.reference import PriorReference, Reference
from vae_export.runtime.draws import draw_prior
from vae_export.verify.fidelity import (
    _similarity,
    budget_failures,
    elbo_change,
    measure_decoder,
    measure_encoder,
)
from vae_export.verify.keras_similarity import ssim
from vae_export.verify.references import compute_reference


class Altered:
    """A half whose outputs are changed."""

    def __init__(self, half, **changes):
        self.half, self.changes = half, changes

    def run(self, inputs):
        outputs = self.half.run(inputs)
        return {name: self.changes.get(name, lambda a: a)(array) for name, array in outputs.items()}


def prior_of(reference, rows=256):
    """The reference's decoder on draws from the prior."""
    z = draw_prior(reference.latents, rows, 4321)
    return PriorReference(z, reference.decoder.run(z))


@pytest.fixture(scope="module")
def reference(tiny_split):
    halves = (tiny_split.encoder, tiny_split.decoder)
    return compute_reference(*halves, tiny_split.latents, {"x": samples(20)}, {}, 7)


def test_an_encoder_that_is_the_same(reference):
    assert measure_encoder(reference.encoder, reference) == EncoderFidelity(0.0, 0.0, 0.0, 0.0)


def test_an_encoder_whose_mu_is_off(reference):
    sigma = np.exp(0.5 * reference.posterior["logvar"])

    def shift(mu):
        shifted = mu.copy()
        shifted[3, 1] += 2 * sigma[3, 1]
        return shifted

    found = measure_encoder(Altered(reference.encoder, mu=shift), reference)
    assert found.kl_worst == pytest.approx(2.0, rel=1e-4, abs=0)
    assert found.kl_mean == pytest.approx(2.0 / 20, rel=1e-4, abs=0)
    assert found.mu_error_worst == pytest.approx(2.0, rel=1e-4, abs=0)
    assert found.mu_error_mean == pytest.approx(2.0 / 20, rel=1e-4, abs=0)


def test_a_decoder_that_is_the_same(reference):
    same = Similarity(None, None, pytest.approx(1.0), pytest.approx(1.0))
    assert measure_decoder(reference.decoder, reference, prior_of(reference), ssim) == DecoderFidelity(
        same, same
    )


def test_a_decoder_that_is_off(reference):
    """The worst image is named beside the whole; z of the posterior and of the prior are told apart."""

    def first_off(images):
        changed = images.copy()
        changed[0] += 0.1
        return changed

    found = measure_decoder(
        Altered(reference.decoder, reconstruction=first_off), reference, prior_of(reference), ssim
    )
    # The peak is what the outputs span: nearly 1.
    worst = 20 * math.log10(np.ptp(reference.outputs["reconstruction"]) / 0.1)
    assert worst == pytest.approx(20, rel=0, abs=0.1)
    assert found.posterior.psnr_worst == pytest.approx(worst, rel=1e-4, abs=0)
    assert found.posterior.psnr == pytest.approx(worst + 10 * math.log10(20), rel=1e-4, abs=0)
    assert found.prior.psnr == pytest.approx(20 + 10 * math.log10(256), rel=0, abs=0.1)
    assert found.posterior.ssim_worst < found.posterior.ssim < 1


@pytest.mark.parametrize(("factor", "offset"), [(0.001, 0.0), (5.0, 280.0)])
def test_the_figures_are_those_of_what_outputs_span(reference, factor, offset):
    """Small values, or values far from 0, that are all lost are not within a budget."""

    def scaled(images):
        return images * factor + offset

    decoder = Altered(reference.decoder, reconstruction=scaled)
    span = Reference(**{**vars(reference), "decoder": decoder, "outputs": decoder.run(reference.z)})
    constant = Altered(decoder, reconstruction=lambda a: np.full_like(a, 0.5 * factor + offset))
    assert measure_decoder(constant, span, prior_of(span), ssim).prior.psnr < 15
    same = measure_decoder(decoder, span, prior_of(span), ssim)
    assert same.prior.psnr is None


def test_of_several_outputs_the_worst_of_each_figure_counts(reference):
    outputs = {name: np.zeros((4, 6, 6, 1), np.float32) for name in "ab"}
    for array in outputs.values():
        array[:, 0] = 1
    off = {"a": outputs["a"] + np.float32(0.05), "b": outputs["b"].copy()}
    off["b"][0] += np.float32(0.5)
    found = _similarity(outputs, off, ssim)
    assert found.psnr == pytest.approx(20 * math.log10(2) + 10 * math.log10(4), rel=1e-4, abs=0)
    assert found.psnr_worst == pytest.approx(20 * math.log10(2), rel=1e-4, abs=0)
    off["b"][1] = np.nan
    assert math.isnan(_similarity(outputs, off, ssim).psnr)


def test_sigma_is_what_z_is_drawn_with(reference):
    """An encoder whose mu is off by as much is worse where epsilon has a small scale."""
    tenth = Reference(
        **{
            **vars(reference),
            "latents": tuple(replace(latent, epsilon_scale=0.1) for latent in reference.latents),
        }
    )
    off = Altered(reference.encoder, mu=lambda a: a + np.float32(0.01))
    whole, narrow = measure_encoder(off, reference), measure_encoder(off, tenth)
    assert narrow.kl_mean == pytest.approx(100 * whole.kl_mean, rel=1e-3, abs=0)
    assert narrow.mu_error_worst == pytest.approx(10 * whole.mu_error_worst, rel=1e-3, abs=0)


def test_values_that_are_not_finite_are_not_called_equal(reference):
    broken = measure_decoder(
        Altered(reference.decoder, reconstruction=lambda a: a * np.nan), reference, prior_of(reference), ssim
    )
    assert math.isnan(broken.prior.psnr)
    assert math.isnan(broken.prior.psnr_worst)
    assert len(budget_failures("decoder.int8.onnx", broken, PRECISIONS["int8"].budget)) == 4


def test_what_is_no_image_has_no_structure(reference):
    flat = Altered(reference.decoder, reconstruction=lambda a: a.reshape(len(a), -1))
    object.__setattr__(flat, "half", reference.decoder)
    object.__setattr__(changed := Reference(**vars(reference)), "decoder", flat)
    object.__setattr__(changed, "outputs", flat.run(reference.z))
    assert measure_decoder(flat, changed, prior_of(changed), ssim).posterior == Similarity(
        None, None, None, None
    )


def test_small_images_have_a_smaller_window():
    image = np.random.default_rng(0).random((2, 6, 6, 1), np.float32)
    other = np.clip(image + 0.1, 0, 1)
    expected = tf.image.ssim(image, other, 1.0, filter_size=6).numpy()
    np.testing.assert_array_equal(ssim(image, other, 1.0), expected)


def test_elbo_change(reference):
    assert elbo_change(reference.encoder, reference.decoder, reference) == 0.0
    opposite = Altered(reference.decoder, reconstruction=lambda _: 1 - samples(20))
    assert elbo_change(reference.encoder, opposite, reference) < -1
    # A posterior that is further from the prior costs as well.
    far = Altered(reference.encoder, mu=lambda a: a + 10)
    assert elbo_change(far, reference.decoder, reference) < -100


def test_elbo_needs_reconstructions_like_x(reference):
    other = Reference(**{**vars(reference), "outputs": {"reconstruction": np.zeros((20, 2), np.float32)}})
    assert elbo_change(reference.encoder, reference.decoder, other) is None


ENCODER = EncoderFidelity(kl_mean=0.05, kl_worst=0.5, mu_error_mean=0.1, mu_error_worst=1.0)
GOOD = Similarity(40.0, 36.0, 0.99, 0.98)


@pytest.mark.parametrize(
    ("fidelity", "budget", "failures"),
    [
        (ENCODER, Budget(30, 0.05), []),
        (
            ENCODER,
            Budget(30, 0.04),
            [
                "a.tflite: mean KL from the posterior 0.05 nats, expected at most 0.04; choose a higher "
                "precision, or allow more with --max-kl",
                "a.tflite: worst KL from the posterior 0.5 nats, expected at most 0.4; choose a higher "
                "precision, or allow more with --max-kl",
            ],
        ),
        (DecoderFidelity(GOOD, GOOD), Budget(40, 1), []),
        (DecoderFidelity(GOOD, Similarity(None, None, None, None)), Budget(40, 1), []),
        (
            DecoderFidelity(Similarity(39.9, 36.0, None, None), Similarity(40.0, 33.9, None, None)),
            Budget(40, 1),
            [
                "a.tflite: PSNR 39.9 dB on z of the posterior, expected at least 40; choose a higher precision, "
                "or allow less with --min-psnr",
                "a.tflite: PSNR 33.9 dB on z of the prior, worst image, expected at least 34; choose a higher "
                "precision, or allow less with --min-psnr",
            ],
        ),
    ],
)
def test_budgets(fidelity, budget, failures):
    assert budget_failures("a.tflite", fidelity, budget) == failures
