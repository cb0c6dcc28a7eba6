"""Compare the artifacts of a bundle with its golden arrays.

The halves are not at hand, so nothing can be moved: outputs are held, as a whole, to the tolerances that the
export wrote down. End to end the golden arrays are what the author's model computes of its own z, and the
tolerance holds how far its decoder moves when z moves by the tolerance of z.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.core.half import ROLES
from vae_export.core.manifest import Manifest
from vae_export.runtime.python import vae_runtime
from vae_export.verify.end_to_end import end_to_end_name
from vae_export.verify.parity import OutputParity, check_case

__all__ = ["Computed", "check_computed", "check_golden"]

Array = np.ndarray[Any, Any]
# The result of `Vae.run_golden`.
Computed = Sequence[tuple[str, str, str, Array]]


def check_golden(manifest: Manifest, vae: vae_runtime.Vae, golden: Mapping[str, Array]) -> list[OutputParity]:
    """Run both halves on the golden arrays, with the tolerances of the manifest.

    Args:
        manifest: the manifest of the bundle.
        vae: the bundle, loaded with one backend.
        golden: name -> array, see the bundle format.

    Returns:
        Rows of the encoder, of the decoder and end to end.
    """
    return check_computed(manifest, vae, golden, vae.run_golden(golden))


def check_computed(
    manifest: Manifest, vae: vae_runtime.Vae, golden: Mapping[str, Array], computed: Computed
) -> list[OutputParity]:
    """See `check_golden`; `computed` is the result of `Vae.run_golden`."""
    encoder, decoder = (manifest.artifact(vae.artifacts[role]["file"]) for role in ROLES)
    whole = end_to_end_name(encoder.file, decoder.file)
    alone = {name: row.tolerance for entry in (encoder, decoder) for name, row in entry.parity.items()}
    end_to_end = {row.output: row.tolerance for row in manifest.end_to_end if row.artifacts == whole}
    artifacts = {"noise": "noise stream", "encoder": encoder.file, "decoder": decoder.file}
    rows = []
    for stage, name, output, actual in computed:
        # z from golden mu and logvar is computed by the helper; its self test checks it.
        if stage == "sample":
            continue
        # The noise has the same bits everywhere.
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
