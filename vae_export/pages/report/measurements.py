"""The measurements of a report: the contents of a bundle, and its results on this machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.bench.bundle_bench import BenchReport, bench_bundle, load_pairs
from vae_export.bundle.reader import Bundle
from vae_export.errors import InputError
from vae_export.io.quiet import quiet
from vae_export.pages.report.flat_latents import FlatLatents
from vae_export.pages.report.golden_run import GoldenRun, run_golden
from vae_export.pages.report.manifold import LatentGrid, grid_of, interpolate
from vae_export.pages.report.posterior import (
    AggregatePosterior,
    RealSamples,
    aggregate,
    encode,
    read_samples,
)
from vae_export.runtime.python import vae_runtime

__all__ = ["Interpolation", "Measurements", "measure"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
Progress = Callable[[str], None]

BATCHES = (1, 64)
GENERATED = 32
SIDE = 15
STEPS = 8
INTERPOLATIONS = 4
# The most generated values of an output, so that reports of large pictures can be opened.
MOST_VALUES = 1 << 20


@dataclass(frozen=True)
class Interpolation:
    """The line between the mu of two golden samples.

    Attributes:
        start, end: numbers of the samples.
        outputs: outputs of the decoder by name ``[steps, ...]``.
    """

    start: int
    end: int
    outputs: Arrays


@dataclass(frozen=True)
class Measurements:
    """The contents of a report.

    Attributes:
        bundle: the bundle.
        golden: its golden arrays by name.
        runs: results on the golden arrays, for each runtime and precision.
        files: role -> file of `generated`, `posterior`, `manifold` and `interpolations`, the defaults of
            `load`.
        conditions: role -> names of its inputs beside x and z.
        samples: the samples of the posterior.
        posterior: the aggregate posterior.
        generated: decoded draws from the prior, by output ``[n, ...]``.
        seed: seed of these draws and of those of the posterior.
        grid: grid over the latent space; None if all samples have the same mu.
        manifold: the decoded grid, by output ``[rows, columns, ...]``; empty without a grid.
        interpolations: lines between golden samples; none if the grid covers the whole latent space.
        times: benchmark of every file.
    """

    bundle: Bundle
    golden: Arrays
    runs: tuple[GoldenRun, ...]
    files: Mapping[str, str]
    conditions: Mapping[str, list[str]]
    samples: RealSamples
    posterior: AggregatePosterior
    generated: Arrays
    seed: int
    grid: LatentGrid | None
    manifold: Arrays
    interpolations: tuple[Interpolation, ...]
    times: BenchReport


def measure(
    bundle: Bundle, *, samples: Path | None, seed: int, rounds: int, progress: Progress
) -> Measurements:
    """Run a bundle.

    Args:
        bundle: the bundle, read and checked.
        samples: a file of real samples, see `read_samples`; None for the golden rows.
        seed: seed of all draws.
        rounds: number of timed blocks of calls, at least 2.
        progress: called with the name of each step.

    Raises:
        InputError: fewer rounds.
        DataError: the samples do not fit the model.
        VaeRuntimeError: a runtime is not installed, or the seed is out of range.
    """
    if rounds < 2:
        raise InputError(f"rounds: got {rounds}, expected at least 2")
    loaded = load_pairs(bundle, None)
    # LiteRT announces its delegates on standard error.
    with quiet():
        vae = vae_runtime.load(bundle.path)
        for one in (vae, *loaded):
            one.prepare("encoder", "decoder")
    golden = bundle.golden_arrays()
    found, mu, logvar = _samples(vae, bundle, golden, samples)
    progress("the prior")
    conditions = _decoder_conditions(vae, golden)
    values = max(
        math.prod(golden[tensor["name"]].shape[1:]) for tensor in vae.artifacts["decoder"]["outputs"]
    )
    count = max(4, min(GENERATED, MOST_VALUES // values))
    generated = vae.generate(count, seed, conditions=_rows(conditions, np.arange(count)))
    progress("the latent space")
    posterior = aggregate(vae, mu, logvar, seed)
    side = max(3, min(SIDE, math.isqrt(MOST_VALUES // values)))
    grid = grid_of(posterior.mu, side)
    manifold = {} if grid is None else _decode_grid(vae, grid, _rows(conditions, np.zeros(1, int)))
    interpolations = (
        () if grid is not None and grid.kind == "prior" else _interpolations(vae, golden, conditions)
    )
    runs = run_golden(bundle.manifest, loaded, golden, progress)
    times = bench_bundle(bundle, loaded, batches=BATCHES, rounds=rounds, progress=progress)
    return Measurements(
        bundle,
        golden,
        runs,
        {role: entry["file"] for role, entry in vae.artifacts.items()},
        vae.conditions,
        found,
        posterior,
        _named(vae, generated),
        seed,
        grid,
        manifold,
        interpolations,
        times,
    )


def _samples(
    vae: vae_runtime.Vae, bundle: Bundle, golden: Arrays, path: Path | None
) -> tuple[RealSamples, Arrays, Arrays]:
    """The samples with their mu and logvar; those of golden rows are Keras'."""
    if path is not None:
        samples = read_samples(path, vae, bundle.x_range)
        return samples, *encode(vae, samples)
    inputs = {name: golden[name] for name in ("x", *vae.conditions["encoder"])}
    rows = len(golden["x"])
    mu, logvar = ({latent[key]: golden[latent[key]] for latent in vae.latents} for key in ("mu", "logvar"))
    return RealSamples(inputs, "the bundle's golden rows", rows, rows, False), mu, logvar


def _decoder_conditions(vae: vae_runtime.Vae, golden: Arrays) -> dict[str, Array]:
    return {name: golden[name].astype(vae.inputs[name][1]) for name in vae.conditions["decoder"]}


def _rows(arrays: Arrays, rows: Array) -> dict[str, Array]:
    """Rows of cyclic arrays."""
    return {name: array[rows % len(array)] for name, array in arrays.items()}


def _named(vae: vae_runtime.Vae, outputs: Any) -> dict[str, Array]:
    """Outputs of the decoder by name."""
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return {vae.artifacts["decoder"]["outputs"][0]["name"]: outputs}


def _decode_grid(vae: vae_runtime.Vae, grid: LatentGrid, conditions: Arrays) -> dict[str, Array]:
    rows, columns, size = grid.z.shape
    z = FlatLatents(vae.latents).split(grid.z.reshape(-1, size))
    outputs = _named(vae, vae.decode({**z, **conditions}))
    return {name: array.reshape(rows, columns, *array.shape[1:]) for name, array in outputs.items()}


def _interpolations(vae: vae_runtime.Vae, golden: Arrays, conditions: Arrays) -> tuple[Interpolation, ...]:
    flat = FlatLatents(vae.latents)
    mu = flat.join({latent["mu"]: golden[latent["mu"]] for latent in vae.latents}, "mu").astype(np.float64)
    found = []
    for start in range(0, min(len(mu) - 1, 2 * INTERPOLATIONS), 2):
        z = flat.split(interpolate(mu[start], mu[start + 1], STEPS))
        outputs = vae.decode({**z, **_rows(conditions, np.array([start]))})
        found.append(Interpolation(start, start + 1, _named(vae, outputs)))
    return tuple(found)
