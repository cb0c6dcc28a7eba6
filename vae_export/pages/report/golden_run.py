"""Run the golden arrays in all artifacts of a bundle, on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.core.manifest import Manifest
from vae_export.formats import FORMATS
from vae_export.runtime.python.vae_runtime import Vae
from vae_export.verify.golden_parity import check_computed
from vae_export.verify.parity import OutputParity

__all__ = ["GoldenRun", "errors_by_output", "run_golden"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class GoldenRun:
    """The results of an encoder and a decoder on the golden arrays.

    Attributes:
        runtime: name of the runtime.
        precision: precision of both, or "ENCODER'S/DECODER'S".
        files: role -> file.
        rows: comparisons with the golden arrays.
        outputs: file -> output -> array, from golden inputs.
        reconstructions: output of the decoder -> array, from golden x and epsilon.
    """

    runtime: str
    precision: str
    files: Mapping[str, str]
    rows: tuple[OutputParity, ...]
    outputs: Mapping[str, Mapping[str, Array]]
    reconstructions: Mapping[str, Array]

    @property
    def name(self) -> str:
        """Runtime and precision."""
        return f"{self.runtime}, {self.precision}"


def run_golden(
    manifest: Manifest, loaded: Sequence[Vae], golden: Mapping[str, Array], progress: Callable[[str], None]
) -> tuple[GoldenRun, ...]:
    """Run the golden arrays in every pair of encoder and decoder.

    Args:
        manifest: the manifest of the bundle.
        loaded: the result of `bench.load_pairs`.
        golden: name -> array.
        progress: called with the name of each step.
    """
    return tuple(_run(manifest, vae, golden, progress) for vae in loaded)


def _run(
    manifest: Manifest, vae: Vae, golden: Mapping[str, Array], progress: Callable[[str], None]
) -> GoldenRun:
    files = {role: entry["file"] for role, entry in vae.artifacts.items()}
    progress(" and ".join(files.values()))
    computed = vae.run_golden(golden)
    z = {latent["z"] for latent in vae.latents}
    precisions = dict.fromkeys(entry["precision"] for entry in vae.artifacts.values())
    return GoldenRun(
        FORMATS[vae.backend].runtime,
        " and ".join(precisions),
        files,
        tuple(check_computed(manifest, vae, golden, computed)),
        {
            file: {name: array for stage, name, output, array in computed if (stage, name) == (role, output)}
            for role, file in files.items()
        },
        {name: array for stage, name, _, array in computed if stage == "end to end" and name not in z},
    )


def errors_by_output(runs: Sequence[GoldenRun], golden: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """Absolute differences from Keras, float64: output -> file -> ``[n, ...]``."""
    errors: dict[str, dict[str, Array]] = {}
    for run in runs:
        for file, outputs in run.outputs.items():
            for name, array in outputs.items():
                difference = np.abs(array.astype(np.float64) - golden[name])
                errors.setdefault(name, {})[file] = difference
    return errors
