"""The figures of a trained VAE: ELBO, reconstruction and KL on given images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.core.latent import active_units
from vae_export.runtime.python import vae_runtime
from vae_export.train.architectures import ReferenceVae
from vae_export.verify.vae_metrics import prior_kl

__all__ = ["VaeFigures", "measure"]

# Keras clips probabilities to this distance from 0 and 1 before it takes a logarithm.
CLIP = 1e-7


@dataclass(frozen=True)
class VaeFigures:
    """Means per image, in nats.

    Attributes:
        elbo: -(reconstruction + kl): a lower bound of the log-likelihood.
        reconstruction: binary cross-entropy summed over the pixels, with one draw of z an image.
        kl: KL of the posterior from the prior, summed over the latents.
        active_latents: how many have not collapsed onto the prior; see `active_units`.
        images: how many images were measured.
    """

    elbo: float
    reconstruction: float
    kl: float
    active_latents: int
    images: int


def measure(
    vae: ReferenceVae, x: np.ndarray[Any, Any], *, seed: int = 0, batch_size: int = 500
) -> VaeFigures:
    """Measure a VAE on images x, float32 ``[n, ...]`` in [0, 1], with the noise of `seed`."""
    mu, logvar, _ = vae.encoder.predict(x, batch_size=batch_size, verbose=0)
    z = vae_runtime.sample(mu, logvar, seed=seed)
    reconstruction = vae.decoder.predict(z, batch_size=batch_size, verbose=0)
    p = np.clip(reconstruction.astype(np.float64), CLIP, 1 - CLIP)
    cross_entropy = -(x * np.log(p) + (1 - x) * np.log1p(-p)).reshape(len(x), -1).sum(axis=1).mean()
    kl = prior_kl(mu, logvar).sum(axis=1).mean()
    return VaeFigures(
        elbo=float(-(cross_entropy + kl)),
        reconstruction=float(cross_entropy),
        kl=float(kl),
        active_latents=int(active_units(mu).sum()),
        images=len(x),
    )
