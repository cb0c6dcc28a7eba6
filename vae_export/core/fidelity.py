"""What an artifact of a lower precision keeps of the VAE."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DecoderFidelity", "EncoderFidelity", "Similarity"]


@dataclass(frozen=True)
class EncoderFidelity:
    """How far the posterior is from that of the author's model, over real samples.

    Attributes:
        kl_mean, kl_worst: KL divergence of the artifact's posterior from the true one, nats.
        mu_error_mean, mu_error_worst: of mu, in units of sigma, of the latent value where it is largest.
    """

    kl_mean: float
    kl_worst: float
    mu_error_mean: float
    mu_error_worst: float


@dataclass(frozen=True)
class Similarity:
    """How like the author's the images are.

    Attributes:
        psnr, psnr_worst: dB, of all and of the worst image, the peak being what the author's outputs span;
            None where all are equal.
        ssim, ssim_worst: structural similarity, mean and worst image; None for what is no image.
    """

    psnr: float | None
    psnr_worst: float | None
    ssim: float | None
    ssim_worst: float | None


@dataclass(frozen=True)
class DecoderFidelity:
    """How like the author's the reconstructions are.

    Attributes:
        posterior: for z of real samples.
        prior: for z of the prior, as in `generate`.
    """

    posterior: Similarity
    prior: Similarity
