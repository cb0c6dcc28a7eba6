"""Hold a bundle's artifacts against the golden arrays that were made by Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.core.half import ROLES
from vae_export.core.manifest import Manifest
from vae_export.runtime.python import vae_runtime
from vae_export.verify.gate import end_to_end_name
from vae_export.verify.parity import OutputParity, check_case

__all__ = ["Computed", "check_computed", "check_golden"]

Array = np.ndarray[Any, Any]
# What `Vae.run_golden` returns.
Computed = Sequence[tuple[str, str, str, Array]]


def check_golden(manifest: Manifest, vae: vae_runtime.Vae, golden: Mapping[str, Array]) -> list[OutputParity]:
    """Run everything the golden arrays cover, to the tolerances in the manifest.

    Args:
        manifest: of the bundle.
        vae: the bundle, loaded with one backend.
        golden: name -> array, see the bundle format.

    Returns:
        Rows for encoder, decoder and the way end to end.
    """
    return check_computed(manifest, vae, golden, vae.run_golden(golden))


def check_computed(
    manifest: Manifest, vae: vae_runtime.Vae, golden: Mapping[str, Array], computed: Computed
) -> list[OutputParity]:
    """See `check_golden`; `computed` is what the bundle made of the golden arrays."""
    encoder, decoder = (manifest.artifact(vae.artifacts[role]["file"]) for role in ROLES)
    whole = end_to_end_name(encoder.file, decoder.file)
    alone = {name: row.tolerance for entry in (encoder, decoder) for name, row in entry.parity.items()}
    end_to_end = {row.output: row.tolerance for row in manifest.end_to_end if row.artifacts == whole}
    artifacts = {"noise": "noise stream", "encoder": encoder.file, "decoder": decoder.file}
    rows = []
    for stage, name, output, actual in computed:
        # From golden mu and logvar z is the helper's own affair; its self test checks it.
        if stage == "sample":
            continue
        # The noise is the same bits everywhere.
        tolerance = 0.0 if stage == "noise" else (end_to_end if stage == "end to end" else alone)[output]
        rows += check_case(
            artifacts.get(stage, whole),
            "golden",
            {name: golden[name]},
            {name: actual},
            tolerance,
            scaled=False,
        )
    return rows
