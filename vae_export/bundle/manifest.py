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
from vae_export.core.artifact import Artifact, TensorSpec
from vae_export.core.firmware import Firmware
from vae_export.core.latent import Latent
from vae_export.errors import one_line
from vae_export.runtime.python.vae_runtime import NOISE_VERSION
from vae_export.verify.fidelity import Loss
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
    loss: Loss,
    golden: Mapping[str, Array],
    golden_seed: int,
    runtime_files: Mapping[str, tuple[str, bytes]],
    reduced_build: Mapping[str, bytes],
    firmware: Sequence[Firmware] | None = None,
) -> dict[str, Any]:
    """Describe a bundle.

    Args:
        source: the model and how it was compared.
        artifacts: the converted halves.
        report: their parity.
        loss: what lower precisions cost.
        golden: name -> float32 array.
        golden_seed: seed of the golden epsilon and the golden generated images.
        runtime_files: language -> (file name, content).
        reduced_build: what reduced builds of the runtimes are configured with: file name -> content.
        firmware: the artifacts for microcontrollers; None if the bundle is not for them.
    """
    names = {artifact.file for artifact in artifacts}
    return {
        "format_version": FORMAT_VERSION,
        "name": source.name,
        "latents": [{**asdict(latent), "shape": list(latent.shape)} for latent in source.latents],
        "x": {"range": list(source.value_range) if source.value_range else None},
        "noise": {"algorithm": NOISE_ALGORITHM, "version": NOISE_VERSION},
        "artifacts": [_artifact_entry(artifact, report, loss) for artifact in artifacts],
        "samples": source.samples,
        "end_to_end": [
            {"artifacts": row.artifact, "output": row.output, **_parity_entry(row)}
            for row in report.rows
            if row.artifact not in names
        ],
        "elbo_change": [
            {"artifacts": name, "nats": None if change is None else _rounded(change)}
            for name, change in loss.elbo_change.items()
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
        "reduced_build": [{"file": file, **_file_entry(data)} for file, data in reduced_build.items()],
        "microcontroller": None if firmware is None else [_firmware_entry(entry) for entry in firmware],
        "tools": dict(source.tools),
    }


def file_entries(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every entry of a manifest that describes a file."""
    return [
        *manifest["artifacts"],
        *manifest["golden"]["arrays"].values(),
        *manifest["runtime"],
        *manifest["reduced_build"],
        # Not in bundles of before there was such a target.
        *(file for entry in manifest.get("microcontroller") or () for file in entry["files"]),
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


def _artifact_entry(artifact: Artifact, report: ParityReport, loss: Loss) -> dict[str, Any]:
    fidelity = loss.fidelity.get(artifact.file)
    return {
        "role": artifact.role,
        "format": artifact.format,
        "precision": artifact.precision,
        "file": artifact.file,
        **_file_entry(artifact.data),
        "inputs": [_tensor_entry(tensor) for tensor in artifact.inputs],
        "outputs": [_tensor_entry(tensor) for tensor in artifact.outputs],
        "batches": None if artifact.batches is None else list(artifact.batches),
        "preferred_batch": artifact.preferred_batch,
        "opset": artifact.opset,
        "ir_version": artifact.ir_version,
        "operators": list(artifact.operators),
        "oldest_runtime": artifact.oldest_runtime,
        "quantiser": artifact.quantiser,
        "float_tensors": list(artifact.float_tensors),
        "fidelity": None if fidelity is None else _figures(asdict(fidelity)),
        "budget": None if fidelity is None else _budget(artifact, loss),
        "parity": {name: _parity_entry(row) for name, row in report.of(artifact.file).items()},
    }


def _firmware_entry(firmware: Firmware) -> dict[str, Any]:
    return {
        "role": firmware.artifact.role,
        "artifact": firmware.artifact.file,
        "files": [{"file": file, **_file_entry(data)} for file, data in firmware.files.items()],
        "inputs": list(firmware.inputs),
        "outputs": list(firmware.outputs),
        "operators": list(firmware.operators),
        "arena_bytes": firmware.arena_bytes,
        "interpreter": firmware.interpreter,
        "rows": firmware.rows,
        "difference": {name: _figures(asdict(one)) for name, one in firmware.differences.items()},
    }


def _tensor_entry(tensor: TensorSpec) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "quantisation": None if tensor.quantisation is None else asdict(tensor.quantisation),
    }


def _budget(artifact: Artifact, loss: Loss) -> dict[str, float]:
    budget = loss.budgets[artifact.precision]
    return {"max_kl": budget.max_kl} if artifact.role == "encoder" else {"min_psnr": budget.min_psnr}


def _figures(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _figures(value) if isinstance(value, Mapping) else None if value is None else _rounded(value)
        for name, value in values.items()
    }


def _rounded(value: float) -> float:
    """Six digits say all there is to say."""
    return float(f"{value:.6g}")


def _parity_entry(row: OutputParity) -> dict[str, Any]:
    figures = {
        "max_absolute_error": row.max_absolute_error,
        "mean_absolute_error": row.mean_absolute_error,
        "max_relative_error": row.max_relative_error,
        "sqnr_db": row.sqnr_db,
        "tolerance": row.tolerance,
    }
    return {
        name: None if value is None or not math.isfinite(value) else _rounded(value)
        for name, value in figures.items()
    }


def _file_entry(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
