"""Explain the losses of an artifact of a lower precision: its layers, and its worst samples."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.bundle.reader import Bundle
from vae_export.core.latent import Latent
from vae_export.core.manifest import ArtifactEntry
from vae_export.core.precision import FLOAT32
from vae_export.core.trace import LayerTrace, Values
from vae_export.errors import InputError, MissingDependencyError
from vae_export.explain.layer_errors import LayerError, Layers
from vae_export.formats import FORMATS
from vae_export.runtime.draws import draw_prior
from vae_export.verify.vae_metrics import gaussian_kl, image_peak, mu_error, psnr_db, scaled_logvar

__all__ = ["Explanation", "Sample", "explain_artifact"]

Array = np.ndarray[Any, Any]

# Draws from the prior, beside the golden rows; not the seed of calibration.
PRIOR_ROWS = 64
PRIOR_SEED = 8642
# Rows at a time where a file takes any number.
_ANY = 8


@dataclass(frozen=True)
class Sample:
    """The comparison of a row.

    Attributes:
        source: "golden" or "prior".
        index: row of the golden arrays, or sample of the seed.
        figures: for decoders "psnr", dB, None for equal rows, and "max_absolute_error" of the worst output;
            for encoders "kl", nats, and "mu_error", sigmas.
    """

    source: str
    index: int
    figures: Mapping[str, float | None]


@dataclass(frozen=True, repr=False)
class Explanation:
    """The losses of an artifact, by layer and by sample.

    Attributes:
        artifact, against: the file and its float32 twin.
        role: "encoder" or "decoder".
        rows: number of compared rows.
        golden: number of golden rows among them; the others are draws from the prior.
        prior_seed: seed of the draws from the prior; None if there are none.
        layers: layers, the largest own error first.
        unmatched, unmatched_float: tensors of each file without a counterpart in the other.
        samples: the worst samples first.
        output: name of the decoder's output in the samples' figures; None for encoders.
        images: that output of the worst samples, float and quantised ``[n, ...]``; None for encoders.
        value_range: range of x, black to white; None if not known.
        amplified: amplification of differences in the written picture; None if none was written.
    """

    artifact: str
    against: str
    role: str
    rows: int
    golden: int
    prior_seed: int | None
    layers: tuple[LayerError, ...]
    unmatched: tuple[str, ...]
    unmatched_float: tuple[str, ...]
    samples: tuple[Sample, ...]
    output: str | None = None
    images: tuple[Array, Array] | None = None
    value_range: tuple[float, float] | None = None
    amplified: int | None = None

    def __repr__(self) -> str:
        return f"<Explanation: {self.artifact} against {self.against}, {len(self.layers)} layers>"


def explain_artifact(
    bundle: Bundle, file: str, count: int, progress: Callable[[str], None] = lambda _: None
) -> Explanation:
    """Run an artifact and its float32 twin, and compare all layers and outputs.

    Args:
        bundle: the bundle of both.
        file: name of the artifact.
        count: number of worst samples.
        progress: called with the name of each step.

    Raises:
        InputError: there is no such artifact, it is float32, or its float32 twin is missing.
        MissingDependencyError: a runtime is not installed.
    """
    entry, against = _entries(bundle, file)
    progress(f"loading {file}")
    quantised, exact = (load_trace(bundle, one) for one in (entry, against))
    layers = Layers(quantised, exact)
    latents = bundle.manifest.latents
    inputs, golden = _inputs(bundle, against, latents)
    rows = len(next(iter(inputs.values())))
    kept: list[tuple[dict[str, Array], dict[str, Array]]] = []
    size = exact.batch or _ANY
    for start, batch in _batches(inputs, rows, size):
        progress(f"running {file}, row {start + 1} of {rows}")
        values, expected = quantised.run(batch), exact.run(batch)
        layers.add(values, expected)
        kept.append((_outputs(exact, expected), _outputs(quantised, values)))
    floats, others = (
        {name: np.concatenate([one[side][name] for one in kept])[:rows] for name in kept[0][side]}
        for side in (0, 1)
    )
    made = functools.partial(
        Explanation,
        artifact=file,
        against=against.file,
        role=entry.role,
        rows=rows,
        golden=golden,
        prior_seed=PRIOR_SEED if rows > golden else None,
        layers=tuple(layers.errors),
        unmatched=layers.unmatched,
        unmatched_float=layers.unmatched_float,
        value_range=bundle.x_range,
    )
    if entry.role == "encoder":
        return made(samples=_worst(_posteriors(floats, others, latents), golden, count, "kl"))
    name, figures = _reconstructions(floats, others)
    samples = _worst(figures, golden, count, "psnr")
    chosen = [one.index + (golden if one.source == "prior" else 0) for one in samples]
    images = floats[name][chosen], others[name][chosen]
    return made(samples=samples, output=name, images=images)


def load_trace(bundle: Bundle, entry: ArtifactEntry) -> LayerTrace:
    """The layer trace of a file of a bundle.

    Raises:
        InputError: the format has no layer traces.
        MissingDependencyError: its runtime is not installed.
    """
    format = FORMATS[entry.format]
    try:
        trace = format.trace((bundle.path / entry.file).read_bytes())
    except ImportError as error:
        raise MissingDependencyError(f"{entry.file}: {error.name} is not installed; {format.pip}") from error
    if trace is None:
        raise InputError(
            f"{bundle.path / entry.file}: {format.label} files have no layer trace; explain "
            "a file of another format"
        )
    return trace


def _entries(bundle: Bundle, file: str) -> tuple[ArtifactEntry, ArtifactEntry]:
    """The manifest's entries of an artifact and of its float32 twin."""
    entries = {entry.file: entry for entry in bundle.artifacts}
    lower = [name for name, entry in entries.items() if entry.precision != FLOAT32]
    there = (
        f"expected one of {', '.join(lower)}"
        if lower
        else "and none of a lower precision; export the model again with --precision float32,int8"
    )
    if file not in entries:
        raise InputError(f"{bundle.path}: holds no {file} to explain, {there}")
    entry = entries[file]
    if entry.precision == FLOAT32:
        raise InputError(f"{bundle.path / file}: is float32, which others are compared with, {there}")
    for other in entries.values():
        if (other.role, other.format, other.precision) == (entry.role, entry.format, FLOAT32):
            return entry, other
    raise InputError(
        f"{bundle.path}: holds no float32 {entry.role}.{entry.format} to compare {file} with; "
        f"export the model again with --precision float32,{entry.precision}"
    )


def _inputs(bundle: Bundle, entry: ArtifactEntry, latents: Sequence[Latent]) -> tuple[dict[str, Array], int]:
    """(inputs by name, number of golden rows); further rows are draws from the prior."""
    dtypes = {tensor.name: tensor.dtype for tensor in entry.inputs}
    arrays = {name: bundle.golden(name).astype(dtype) for name, dtype in dtypes.items()}
    golden = len(next(iter(arrays.values())))
    if entry.role == "encoder":
        return arrays, golden
    prior = draw_prior(latents, PRIOR_ROWS, PRIOR_SEED)
    for name, array in arrays.items():
        more = prior[name] if name in prior else np.resize(array, (PRIOR_ROWS, *array.shape[1:]))
        arrays[name] = np.concatenate([array, more])
    return arrays, golden


def _batches(inputs: Mapping[str, Array], rows: int, size: int) -> Iterator[tuple[int, dict[str, Array]]]:
    """(first row, rows by input) of each batch; the last one is filled with the first rows."""
    for start in range(0, rows, size):
        indices = np.arange(start, start + size) % rows
        yield start, {name: np.ascontiguousarray(array[indices]) for name, array in inputs.items()}


def _outputs(graph: LayerTrace, values: Values) -> dict[str, Array]:
    return {name: values[key] for name, key in graph.outline.outputs.items()}


def _posteriors(
    floats: Mapping[str, Array], others: Mapping[str, Array], latents: Sequence[Latent]
) -> list[dict[str, float | None]]:
    kl, off = [], []
    for latent in latents:
        mu, other = floats[latent.mu], others[latent.mu]
        logvar, other_logvar = (
            scaled_logvar(values[latent.logvar], latent.epsilon_scale) for values in (floats, others)
        )
        kl.append(gaussian_kl(mu, logvar, other, other_logvar))
        off.append(mu_error(mu, logvar, other))
    return [
        {"kl": float(a), "mu_error": float(b)}
        for a, b in zip(np.sum(kl, axis=0), np.max(off, axis=0), strict=True)
    ]


def _reconstructions(
    floats: Mapping[str, Array], others: Mapping[str, Array]
) -> tuple[str, list[dict[str, float | None]]]:
    """The worst output, and the figures of its rows."""
    psnr = {name: psnr_db(array, others[name], image_peak(array)) for name, array in floats.items()}
    name = min(psnr, key=lambda one: float(psnr[one].min()))
    errors = np.abs(others[name].astype(np.float64) - floats[name]).reshape(len(floats[name]), -1).max(axis=1)
    return name, [
        {"psnr": None if a == math.inf else float(a), "max_absolute_error": float(b)}
        for a, b in zip(psnr[name], errors, strict=True)
    ]


def _worst(
    figures: Sequence[Mapping[str, float | None]], golden: int, count: int, by: str
) -> tuple[Sample, ...]:
    """The worst samples first: largest KL, or smallest PSNR."""

    def badness(row: int) -> float:
        value = figures[row][by]
        if value is None:
            return -math.inf
        # NaN is the worst.
        return math.inf if math.isnan(value) else value if by == "kl" else -value

    order = sorted(range(len(figures)), key=badness, reverse=True)[:count]
    return tuple(
        Sample("golden", row, figures[row]) if row < golden else Sample("prior", row - golden, figures[row])
        for row in order
    )
