"""Fidelity of lower precisions, and their budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.core.fidelity import DecoderFidelity, EncoderFidelity, Similarity
from vae_export.core.half import Runner
from vae_export.core.precision import Budget
from vae_export.core.reference import PriorReference, Reference
from vae_export.runtime.draws import draw_z
from vae_export.verify.vae_metrics import (
    elbo,
    gaussian_kl,
    image_peak,
    mu_error,
    psnr_db,
    scaled_logvar,
)

__all__ = [
    "PrecisionCost",
    "budget_failures",
    "elbo_change",
    "measure_decoder",
    "measure_encoder",
    "measure_fidelity",
]

Array = np.ndarray[Any, Any]
# (expected, actual) images ``[n, height, width, channels]`` and their peak -> SSIM of each ``[n]``.
Ssim = Callable[[Array, Array, float], Array]

# The worst image may be this much below the budget, and the worst posterior this many times beyond it.
WORST_DB = 6.0
WORST_KL = 10.0


@dataclass(frozen=True)
class PrecisionCost:
    """The cost of the lower precisions of an export.

    Attributes:
        fidelity: file -> fidelity.
        elbo_change: `end_to_end_name` of encoder and decoder -> mean change of the ELBO, nats; None if
            reconstructions and x differ in shape.
        budgets: precision -> budget.
    """

    fidelity: dict[str, EncoderFidelity | DecoderFidelity]
    elbo_change: dict[str, float | None]
    budgets: Mapping[str, Budget]


def measure_fidelity(
    role: str, runner: Runner, reference: Reference, prior: PriorReference
) -> EncoderFidelity | DecoderFidelity:
    """Fidelity of a half: of an encoder on samples, of a decoder on their z and on z of the prior."""
    if role == "encoder":
        return measure_encoder(runner, reference)
    from vae_export.verify.keras_similarity import ssim

    return measure_decoder(runner, reference, prior, ssim)


def measure_encoder(runner: Runner, reference: Reference) -> EncoderFidelity:
    """Fidelity of an encoder on the samples of a reference."""
    posterior = runner.run(reference.encoder_inputs)
    kl, errors = [], []
    for latent in reference.latents:
        mu, other = reference.posterior[latent.mu], posterior[latent.mu]
        logvar, other_logvar = (
            scaled_logvar(values[latent.logvar], latent.epsilon_scale)
            for values in (reference.posterior, posterior)
        )
        kl.append(gaussian_kl(mu, logvar, other, other_logvar))
        errors.append(mu_error(mu, logvar, other))
    # The divergences of independent latents add up.
    total, largest = np.sum(kl, axis=0), np.max(errors, axis=0)
    return EncoderFidelity(
        float(total.mean()), float(total.max()), float(largest.mean()), float(largest.max())
    )


def measure_decoder(
    runner: Runner, reference: Reference, prior: PriorReference, ssim: Ssim
) -> DecoderFidelity:
    """Fidelity of a decoder on z of the samples, and on z of the prior."""
    return DecoderFidelity(
        _similarity(reference.outputs, runner.run(reference.inputs("decoder")), ssim),
        _similarity(prior.outputs, runner.run(prior.inputs), ssim),
    )


def _similarity(expected: Mapping[str, Array], actual: Mapping[str, Array], ssim: Ssim) -> Similarity:
    """The lowest figures over all outputs."""
    found = [_similarity_of(array, actual[name], ssim) for name, array in expected.items()]

    def lowest(figure: str) -> float | None:
        values = [getattr(one, figure) for one in found if getattr(one, figure) is not None]
        # NaN is the lowest.
        return math.nan if any(map(math.isnan, values)) else min(values, default=None)

    return Similarity(*map(lowest, ("psnr", "psnr_worst", "ssim", "ssim_worst")))


def _similarity_of(expected: Array, actual: Array, ssim: Ssim) -> Similarity:
    peak = image_peak(expected)
    psnr = psnr_db(expected, actual, peak)
    # PSNR of the mean squared error of all images.
    whole = -10 * math.log10(noise) if (noise := float(np.mean(10 ** (-psnr / 10)))) else None
    pictures = expected.ndim == 4 and expected.shape[3] in (1, 3)
    alike = ssim(expected, actual, peak) if pictures else None
    return Similarity(
        whole,
        None if psnr.min() == math.inf else float(psnr.min()),
        None if alike is None else float(alike.mean()),
        None if alike is None else float(alike.min()),
    )


def elbo_change(encoder: Runner, decoder: Runner, reference: Reference) -> float | None:
    """Mean change of the ELBO on the samples with the same epsilon, nats.

    None if outputs and x differ in shape.
    """
    x = reference.encoder_inputs["x"]
    expected = next(iter(reference.outputs.values()))
    if len(reference.outputs) > 1 or expected.shape != x.shape:
        return None
    posterior = encoder.run(reference.encoder_inputs)
    z = draw_z(reference.latents, posterior, reference.seed)
    (actual,) = decoder.run({**z, **reference.conditions}).values()
    bernoulli = all(array.min() >= 0 and array.max() <= 1 for array in (x, expected))
    before, after = (
        elbo(
            x,
            reconstruction,
            *(
                np.concatenate([given[name].reshape(len(x), -1) for name in names], axis=1)
                for names in zip(*((latent.mu, latent.logvar) for latent in reference.latents), strict=True)
            ),
            bernoulli=bernoulli,
        )
        for reconstruction, given in ((expected, reference.posterior), (actual, posterior))
    )
    return float((after - before).mean())


def budget_failures(file: str, fidelity: EncoderFidelity | DecoderFidelity, budget: Budget) -> list[str]:
    """The figures of an artifact that are beyond its budget: one line each."""
    if isinstance(fidelity, EncoderFidelity):
        figures = (
            ("mean", fidelity.kl_mean, budget.max_kl),
            ("worst", fidelity.kl_worst, WORST_KL * budget.max_kl),
        )
        # Written so that NaN fails.
        return [
            f"{file}: {which} KL from the posterior {kl:.3g} nats, expected at most {limit:g}; "
            "choose a higher precision, or allow more with --max-kl"
            for which, kl, limit in figures
            if not kl <= limit
        ]
    failures = []
    for where, similarity in (("posterior", fidelity.posterior), ("prior", fidelity.prior)):
        for which, psnr, limit in (
            ("", similarity.psnr, budget.min_psnr),
            (", worst image", similarity.psnr_worst, budget.min_psnr - WORST_DB),
        ):
            if psnr is not None and not psnr >= limit:
                failures.append(
                    f"{file}: PSNR {psnr:.1f} dB on z of the {where}{which}, expected at least {limit:g}; "
                    "choose a higher precision, or allow less with --min-psnr"
                )
    return failures
