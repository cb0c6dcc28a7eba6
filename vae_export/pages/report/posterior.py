"""The aggregate posterior, q(z) = 1/N sum of the posteriors of N samples, beside the prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.core.latent import active_units
from vae_export.errors import DataError, one_line
from vae_export.io.arrays import check_condition, check_x_rows, open_arrays
from vae_export.io.quiet import quiet
from vae_export.pages.report.flat_latents import FlatLatents
from vae_export.runtime.python.vae_runtime import Vae
from vae_export.verify.vae_metrics import prior_kl

__all__ = ["MOST_ROWS", "AggregatePosterior", "RealSamples", "aggregate", "encode", "read_samples"]

Array = np.ndarray[Any, Any]

MOST_ROWS = 2_000
DRAWS = 4_096
# Nats: a value that is constant and that far from the prior has not collapsed onto it.
COLLAPSED_KL = 0.1
# Of all latents together.
MOST_DRAWN_VALUES = 1 << 22


@dataclass(frozen=True)
class RealSamples:
    """Real samples.

    Attributes:
        inputs: inputs of the encoder by name ``[n, ...]``.
        source: their origin.
        rows: number of samples, the first of the source.
        total: number of samples in the source.
        from_file: whether the user gave them; else they are the golden rows, encoded by Keras.
    """

    inputs: Mapping[str, Array]
    source: str
    rows: int
    total: int
    from_file: bool


@dataclass(frozen=True)
class AggregatePosterior:
    """The aggregate posterior, by value of all latents.

    Attributes:
        names: names of the values.
        mu: mu of the samples, float64 ``[n, size]``.
        kl: KL divergence from the prior, nats, mean over the samples ``[size]``.
        mu_variance: variance of mu over the samples ``[size]``.
        active: whether a value is active, by Burda et al. 2015 ``[size]``.
        drawn: draws of z, equally many for each sample, some thousands together ``[draws, size]``.
        seed: seed of the draws.
    """

    names: tuple[str, ...]
    mu: Array
    kl: Array
    mu_variance: Array
    active: Array
    drawn: Array
    seed: int

    @property
    def states(self) -> tuple[str, ...]:
        """The state of each value: "active"; "collapsed" onto the prior; "constant", but off the prior.

        All are "unknown" for a single sample, which has no variance.
        """
        if len(self.mu) < 2:
            return ("unknown",) * len(self.names)
        rest = np.where(self.kl <= COLLAPSED_KL, "collapsed", "constant")
        return tuple(np.where(self.active, "active", rest).tolist())

    @property
    def order(self) -> Array:
        """Indices of the values, the largest KL first."""
        return np.argsort(-self.kl, kind="stable")


def read_samples(path: Path, vae: Vae, x_range: tuple[float, float] | None) -> RealSamples:
    """Read real samples for an encoder.

    Args:
        path: an .npy, an image or a folder of images; or an .npz, which also has the further inputs of a
            conditional encoder.
        vae: the bundle.
        x_range: smallest and largest value of x.

    Raises:
        DataError: the file cannot be read, has arrays that are no inputs of the encoder, or lacks an input.
    """
    arrays = open_arrays(path, "x")
    shape, dtype = vae.inputs["x"]
    x = check_x_rows(arrays["x"], shape, dtype, x_range, str(path))
    rows = min(len(x), MOST_ROWS)
    inputs = {"x": x[slice(0, rows)]}
    for name in vae.conditions["encoder"]:
        if name not in arrays:
            raise DataError(
                f"{path}: holds {', '.join(sorted(arrays))}, expected {name!r} too, which the encoder takes "
                "beside x; put both into one .npz"
            )
        if arrays[name].shape[0] < rows:
            raise DataError(
                f"{path}: got {arrays[name].shape[0]} rows of {name!r}, expected {rows} as of x; "
                "give one for each"
            )
        condition_shape, condition_dtype = vae.inputs[name]
        inputs[name] = check_condition(
            np.asarray(arrays[name][slice(0, rows)]),
            condition_shape,
            np.dtype(condition_dtype).name,
            f"{path}: {name}",
        )
    return RealSamples(inputs, path.name, rows, len(x), from_file=True)


def encode(vae: Vae, samples: RealSamples) -> tuple[dict[str, Array], dict[str, Array]]:
    """mu and logvar of samples, by name.

    Raises:
        DataError: the encoder refuses the samples, or its outputs are not finite.
    """
    results = []
    file = vae.artifacts["encoder"]["file"]
    try:
        with quiet():
            encoded = vae.encode(samples.inputs)
    # Runtimes raise their own types, for example for a label without a row in an embedding.
    except Exception as error:
        inputs = ", ".join(samples.inputs)
        raise DataError(
            f"{samples.source}: {file} refuses its rows of {inputs} ({one_line(error)}); look at their values"
        ) from error
    for key, values in zip(("mu", "logvar"), encoded, strict=True):
        named = values if isinstance(values, Mapping) else {vae.latents[0][key]: values}
        for name, array in named.items():
            if not np.isfinite(array).all():
                raise DataError(
                    f"{samples.source}: {file} makes {name} of it that is not "
                    "finite, expected numbers; look at the samples with these rows left out"
                )
        results.append(dict(named))
    return results[0], results[1]


def aggregate(
    vae: Vae, mu: Mapping[str, Array], logvar: Mapping[str, Array], seed: int
) -> AggregatePosterior:
    """The aggregate posterior of samples.

    Args:
        vae: the bundle, for its noise.
        mu, logvar: posteriors of the samples by name ``[n, *shape]``.
        seed: seed of the draws.
    """
    flat = FlatLatents(vae.latents)
    means, spreads = flat.join(mu, "mu"), flat.join(logvar, "logvar")
    repeat = max(1, min(DRAWS // len(means), MOST_DRAWN_VALUES // means.size))
    drawn = vae.sample(
        flat.split(np.repeat(means, repeat, axis=0), "mu"),
        flat.split(np.repeat(spreads, repeat, axis=0), "logvar"),
        seed,
    )
    means = means.astype(np.float64)
    # Of the distribution of z, with the scale of epsilon.
    spreads = spreads.astype(np.float64) + 2 * np.log(flat.sigma_scale)
    kl = prior_kl(means, spreads).mean(axis=0)
    return AggregatePosterior(
        flat.names, means, kl, means.var(axis=0), active_units(means), flat.join(drawn, "z"), seed
    )
