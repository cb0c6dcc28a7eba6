"""Fidelity of artifacts of a lower precision."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DecoderFidelity", "EncoderFidelity", "Similarity"]


@dataclass(frozen=True)
class EncoderFidelity:
    """Distance of the posterior from that of the author's model, over real samples.

    Attributes:
        kl_mean, kl_worst: KL divergence of the artifact's posterior from the author's, nats.
        mu_error_mean, mu_error_worst: largest error of mu over the latent values, in units of sigma.
    """

    kl_mean: float
    kl_worst: float
    mu_error_mean: float
    mu_error_worst: float


@dataclass(frozen=True)
class Similarity:
    """Similarity of images to those of the author's model.

    Attributes:
        psnr, psnr_worst: PSNR of all images and of the worst, dB; the peak is the span of the author's
            outputs. None for equal images.
        ssim, ssim_worst: structural similarity, mean and worst image; None for other data than images.
    """

    psnr: float | None
    psnr_worst: float | None
    ssim: float | None
    ssim_worst: float | None


@dataclass(frozen=True)
class DecoderFidelity:
    """Similarity of reconstructions to those of the author's model.

    Attributes:
        posterior: for z of real samples.
        prior: for z of the prior, as in `generate`.
    """

    posterior: Similarity
    prior: Similarity
