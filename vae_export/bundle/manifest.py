"""Build the manifest of a bundle."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.bundle.golden import golden_file, to_bytes
from vae_export.core.artifact import Artifact, Companion, TensorSpec
from vae_export.core.fidelity import DecoderFidelity, EncoderFidelity, Similarity
from vae_export.core.figures import round_figure
from vae_export.core.format_version import FORMAT_VERSION
from vae_export.core.latent import Latent
from vae_export.core.manifest import (
    ArtifactEntry,
    CompanionEntry,
    DecoderBudget,
    DecoderEntry,
    ElboChange,
    EncoderBudget,
    EncoderEntry,
    EndToEndEntry,
    FileEntry,
    Golden,
    GoldenEntry,
    HelperEntry,
    Manifest,
    Noise,
    ParityEntry,
    TensorEntry,
    XEntry,
)
from vae_export.runtime.python.vae_runtime import NOISE_VERSION
from vae_export.verify.fidelity import PrecisionCost
from vae_export.verify.parity import OutputParity, ParityReport

__all__ = ["Described", "build_manifest"]

NOISE_ALGORITHM = "philox4x32-10, inverse normal CDF AS 241"

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Described:
    """Facts about the model and the export, for the manifest.

    Attributes:
        name: name of the model.
        latents: the latents of the model.
        value_range: smallest and largest value of x; None if not known.
        samples: origin of the samples.
        tools: distribution -> version.
    """

    name: str
    latents: Sequence[Latent]
    value_range: tuple[float, float] | None
    samples: str
    tools: Mapping[str, str]


def build_manifest(
    described: Described,
    artifacts: Sequence[Artifact],
    report: ParityReport,
    cost: PrecisionCost,
    golden: Mapping[str, Array],
    golden_seed: int,
    helpers: Mapping[str, tuple[str, bytes]],
    companions: Sequence[Companion],
) -> Manifest:
    """Build the manifest of a bundle.

    Args:
        described: facts about the model and the export.
        artifacts: the artifacts of the bundle.
        report: their parity.
        cost: the cost of lower precisions.
        golden: name -> float32 array.
        golden_seed: seed of the golden epsilon and the golden generated images.
        helpers: language -> (file name, content).
        companions: further files of formats for the whole bundle.
    """
    names = {artifact.file for artifact in artifacts}
    return Manifest(
        format_version=FORMAT_VERSION,
        name=described.name,
        latents=tuple(described.latents),
        x=XEntry(range=described.value_range),
        noise=Noise(algorithm=NOISE_ALGORITHM, version=NOISE_VERSION),
        artifacts=tuple(_artifact(artifact, report, cost) for artifact in artifacts),
        samples=described.samples,
        end_to_end=tuple(
            EndToEndEntry(artifacts=row.artifact, output=row.output, **_parity(row))
            for row in report.rows
            if row.artifact not in names
        ),
        elbo_change=tuple(
            ElboChange(artifacts=name, nats=_rounded(change)) for name, change in cost.elbo_change.items()
        ),
        golden=Golden(
            seed=golden_seed,
            start=0,
            arrays={
                name: GoldenEntry(shape=array.shape, **_file(golden_file(name), to_bytes(array)))
                for name, array in golden.items()
            },
        ),
        runtime=tuple(
            HelperEntry(language=language, **_file(file, data))
            for language, (file, data) in sorted(helpers.items())
        ),
        companions=tuple(
            CompanionEntry(format=one.format, **_file(one.file, one.data)) for one in companions
        ),
        tools=dict(described.tools),
    )


def _artifact(artifact: Artifact, report: ParityReport, cost: PrecisionCost) -> ArtifactEntry:
    fidelity = cost.fidelity.get(artifact.file)
    common: dict[str, Any] = {
        **_file(artifact.file, artifact.data),
        "format": artifact.format,
        "precision": artifact.precision,
        "companions": tuple(
            FileEntry(**_file(file, data)) for file, data in artifact.files.items() if file != artifact.file
        ),
        "inputs": tuple(map(_tensor, artifact.inputs)),
        "outputs": tuple(map(_tensor, artifact.outputs)),
        "batches": artifact.batches,
        "preferred_batch": artifact.preferred_batch,
        "operators": artifact.operators,
        "oldest_runtime": artifact.oldest_runtime,
        "details": dict(artifact.details),
        "quantiser": artifact.quantiser,
        "float_tensors": artifact.float_tensors,
        "parity": {name: ParityEntry(**_parity(row)) for name, row in report.of(artifact.file).items()},
    }
    if artifact.role == EncoderEntry.role:
        assert not isinstance(fidelity, DecoderFidelity)
        return EncoderEntry(
            **common,
            fidelity=fidelity and _encoder_figures(fidelity),
            budget=EncoderBudget(max_kl=cost.budgets[artifact.precision].max_kl) if fidelity else None,
        )
    assert not isinstance(fidelity, EncoderFidelity)
    return DecoderEntry(
        **common,
        fidelity=fidelity and DecoderFidelity(*map(_likeness, (fidelity.posterior, fidelity.prior))),
        budget=DecoderBudget(min_psnr=cost.budgets[artifact.precision].min_psnr) if fidelity else None,
    )


def _encoder_figures(fidelity: EncoderFidelity) -> EncoderFidelity:
    return EncoderFidelity(**{name: round_figure(value) for name, value in vars(fidelity).items()})


def _likeness(similarity: Similarity) -> Similarity:
    return Similarity(**{name: _rounded(value) for name, value in vars(similarity).items()})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round_figure(value)


def _tensor(tensor: TensorSpec) -> TensorEntry:
    return TensorEntry(
        name=tensor.name, shape=tensor.shape, dtype=tensor.dtype, quantisation=tensor.quantisation
    )


def _parity(row: OutputParity) -> dict[str, Any]:
    figures = {
        "max_absolute_error": row.max_absolute_error,
        "mean_absolute_error": row.mean_absolute_error,
        "max_relative_error": row.max_relative_error,
        "sqnr_db": row.sqnr_db,
        "tolerance": row.tolerance,
    }
    return {
        name: None if value is None or not math.isfinite(value) else round_figure(value)
        for name, value in figures.items()
    }


def _file(file: str, data: bytes) -> dict[str, Any]:
    return {"file": file, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
