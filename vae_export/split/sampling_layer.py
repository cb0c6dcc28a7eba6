"""The sampling layer: the random node of a VAE, as a Keras 3 layer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["SamplingLayer"]


@keras.saving.register_keras_serializable(package="vae_export")
class SamplingLayer(keras.layers.Layer):  # type: ignore[misc]  # keras has no type stubs
    """Draw z = mu + exp(0.5 * logvar) * epsilon, epsilon ~ N(0, I).

    The reparameterisation trick of Kingma & Welling 2013 ("Auto-Encoding Variational Bayes", 2.4):
    the noise is an input of a deterministic function, so that gradients reach mu and logvar.

    Args:
        seed: int or None. Seed of the layer's own generator; None takes Keras' global seed.

    Call arguments:
        inputs: pair ``[mu, logvar]`` of floats, equal shapes ``[batch, ...]``.

    Returns:
        z, with the shape of mu and the layer's compute dtype. The exponential is taken in float32
        at least, because exp(0.5 * logvar) leaves the range of float16 long before it is unusual.

    Raises:
        ValueError: inputs are not two tensors of one shape.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Check the shapes of ``[mu, logvar]``."""
        if len(input_shape) != 2 or tuple(input_shape[0]) != tuple(input_shape[1]):
            raise ValueError(
                f"SamplingLayer {self.name!r}: got input shapes {input_shape}, "
                "expected a pair [mu, logvar] of one shape"
            )
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Draw z."""
        mu, logvar = inputs
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        mu = ops.cast(mu, dtype)
        logvar = ops.cast(logvar, dtype)
        epsilon = keras.random.normal(ops.shape(mu), dtype=dtype, seed=self.seed_generator)
        return ops.cast(mu + ops.exp(0.5 * logvar) * epsilon, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of mu."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "seed": self.seed}
