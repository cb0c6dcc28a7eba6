"""manifest.json: what a bundle says of itself. Its form is manifest.schema.json, beside this file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import jsonschema
import numpy as np

from vae_export.bundle.format_version import FORMAT_VERSION
from vae_export.bundle.golden import golden_file, to_bytes
from vae_export.core.artifact import Artifact, Companion, TensorSpec
from vae_export.core.figures import round_figure
from vae_export.core.latent import Latent
from vae_export.errors import one_line
from vae_export.runtime.python.vae_runtime import NOISE_VERSION
from vae_export.verify.fidelity import PrecisionCost
from vae_export.verify.parity import OutputParity, ParityReport

__all__ = [
    "MANIFEST_FILE",
    "Source",
    "build_manifest",
    "check_manifest",
    "file_entries",
    "manifest_schema",
    "to_text",
]

MANIFEST_FILE = "manifest.json"
NOISE_ALGORITHM = "philox4x32-10, inverse normal CDF AS 241"

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Source:
    """What a bundle was made from.

    Attributes:
        name: of the model.
        latents: its latents.
        value_range: smallest and largest value of x; None if not known.
        samples: where the inputs of the comparison came from.
        tools: name -> version.
    """

    name: str
    latents: Sequence[Latent]
    value_range: tuple[float, float] | None
    samples: str
    tools: Mapping[str, str]


def build_manifest(
    source: Source,
    artifacts: Sequence[Artifact],
    report: ParityReport,
    cost: PrecisionCost,
    golden: Mapping[str, Array],
    golden_seed: int,
    runtime_files: Mapping[str, tuple[str, bytes]],
    companions: Sequence[Companion],
) -> dict[str, Any]:
    """Describe a bundle.

    Args:
        source: the model and how it was compared.
        artifacts: the converted halves.
        report: their parity.
        cost: what lower precisions cost.
        golden: name -> float32 array.
        golden_seed: seed of the golden epsilon and the golden generated images.
        runtime_files: language -> (file name, content).
        companions: files that formats add to the whole bundle.
    """
    names = {artifact.file for artifact in artifacts}
    return {
        "format_version": FORMAT_VERSION,
        "name": source.name,
        "latents": [{**asdict(latent), "shape": list(latent.shape)} for latent in source.latents],
        "x": {"range": list(source.value_range) if source.value_range else None},
        "noise": {"algorithm": NOISE_ALGORITHM, "version": NOISE_VERSION},
        "artifacts": [_artifact_entry(artifact, report, cost) for artifact in artifacts],
        "samples": source.samples,
        "end_to_end": [
            {"artifacts": row.artifact, "output": row.output, **_parity_entry(row)}
            for row in report.rows
            if row.artifact not in names
        ],
        "elbo_change": [
            {"artifacts": name, "nats": None if change is None else round_figure(change)}
            for name, change in cost.elbo_change.items()
        ],
        "golden": {
            "seed": golden_seed,
            "start": 0,
            "arrays": {
                name: {
                    "file": golden_file(name),
                    "shape": list(array.shape),
                    **_file_entry(to_bytes(array)),
                }
                for name, array in golden.items()
            },
        },
        "runtime": [
            {"language": language, "file": file, **_file_entry(data)}
            for language, (file, data) in sorted(runtime_files.items())
        ],
        "companions": [
            {"format": one.format, "file": one.file, **_file_entry(one.data)} for one in companions
        ],
        "tools": dict(source.tools),
    }


def file_entries(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every entry of a manifest that describes a file."""
    return [
        *manifest["artifacts"],
        *(file for entry in manifest["artifacts"] for file in entry["companions"]),
        *manifest["golden"]["arrays"].values(),
        *manifest["runtime"],
        *manifest["companions"],
    ]


def check_manifest(manifest: Mapping[str, Any]) -> str | None:
    """What in a manifest is against its schema, as one line; None if it is right."""
    validator = jsonschema.Draft202012Validator(manifest_schema())
    violation = jsonschema.exceptions.best_match(validator.iter_errors(manifest))
    return violation and f"{violation.json_path}: {one_line(violation.message, limit=200)}"


def to_text(manifest: Mapping[str, Any]) -> str:
    """The text of manifest.json: sorted keys, so that equal manifests are equal bytes."""
    return json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of manifest.json."""
    text = resources.files("vae_export.bundle").joinpath("manifest.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _artifact_entry(artifact: Artifact, report: ParityReport, cost: PrecisionCost) -> dict[str, Any]:
    fidelity = cost.fidelity.get(artifact.file)
    return {
        "role": artifact.role,
        "format": artifact.format,
        "precision": artifact.precision,
        "file": artifact.file,
        **_file_entry(artifact.data),
        "companions": [
            {"file": file, **_file_entry(data)}
            for file, data in artifact.files.items()
            if file != artifact.file
        ],
        "inputs": [_tensor_entry(tensor) for tensor in artifact.inputs],
        "outputs": [_tensor_entry(tensor) for tensor in artifact.outputs],
        "batches": None if artifact.batches is None else list(artifact.batches),
        "preferred_batch": artifact.preferred_batch,
        "details": dict(artifact.details),
        "operators": list(artifact.operators),
        "oldest_runtime": artifact.oldest_runtime,
        "quantiser": artifact.quantiser,
        "float_tensors": list(artifact.float_tensors),
        "fidelity": None if fidelity is None else _figures(asdict(fidelity)),
        "budget": None if fidelity is None else _budget(artifact, cost),
        "parity": {name: _parity_entry(row) for name, row in report.of(artifact.file).items()},
    }


def _tensor_entry(tensor: TensorSpec) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "quantisation": None if tensor.quantisation is None else asdict(tensor.quantisation),
    }


def _budget(artifact: Artifact, cost: PrecisionCost) -> dict[str, float]:
    budget = cost.budgets[artifact.precision]
    return {"max_kl": budget.max_kl} if artifact.role == "encoder" else {"min_psnr": budget.min_psnr}


def _figures(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _figures(value)
        if isinstance(value, Mapping)
        else None
        if value is None
        else round_figure(value)
        for name, value in values.items()
    }


def _parity_entry(row: OutputParity) -> dict[str, Any]:
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


def _file_entry(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
