"""The loss of a VAE: reconstruction and KL, and two ways to add them up.

Both parts follow Kingma & Welling 2013. For one image x with posterior q(z|x) = N(mu, exp(logvar)):

    reconstruction = sum over pixels of the binary cross-entropy of x and the decoder's output   (nats)
    KL             = -0.5 * sum over latents of (1 + logvar - mu^2 - exp(logvar))                 (nats)

``elbo``      mean over the batch of (reconstruction + beta * KL): the negative ELBO where beta is 1.
``tutorial``  mean over the batch *and the pixels* of the cross-entropy, plus the KL *summed over the
              batch*, as older tutorials write it. Times the number of pixels it is the ELBO with
              beta = pixels * batch size (50,176 for 28x28 images and batches of 64), so the KL wins
              and the posterior collapses onto the prior. Kept to reproduce such models.
"""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["LOSSES", "kl_per_sample", "reconstruction_per_sample", "total_loss"]

LOSSES = ("elbo", "tutorial")


def reconstruction_per_sample(x: Any, reconstruction: Any) -> Any:
    """Binary cross-entropy summed over all but the first axis: ``[batch]``, nats."""
    pixelwise = ops.binary_crossentropy(x, reconstruction)
    return ops.sum(ops.reshape(pixelwise, (ops.shape(pixelwise)[0], -1)), axis=-1)


def kl_per_sample(mu: Any, logvar: Any) -> Any:
    """KL(N(mu, exp(logvar)) || N(0, I)) of ``[batch, latent_dim]`` inputs: ``[batch]``, nats."""
    return -0.5 * ops.sum(1.0 + logvar - ops.square(mu) - ops.exp(logvar), axis=-1)


def total_loss(kind: str, reconstruction: Any, kl: Any, *, pixels: int, beta: float) -> Any:
    """Add per-sample parts (each ``[batch]``) to the scalar that is minimised.

    Raises:
        ValueError: kind is not in `LOSSES`.
    """
    if kind == "elbo":
        return ops.mean(reconstruction + beta * kl)
    if kind == "tutorial":
        return ops.mean(reconstruction) / pixels + beta * ops.sum(kl)
    raise ValueError(f"loss: got {kind!r}, expected one of {', '.join(LOSSES)}")
