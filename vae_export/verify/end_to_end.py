"""The parity of two files together: x -> mu, logvar -> z -> reconstruction.

End to end is composition: z against the half's z by the tolerance of z, then the decoder's file on the z of
    the
encoder's file, against the half's decoder on the same z, by the decoder's tolerance. A decoder that enlarges
what z may differ by is not at fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from vae_export.core.half import Runner
from vae_export.core.reference import Reference
from vae_export.errors import one_line
from vae_export.runtime.draws import draw_z
from vae_export.verify.cases import Case
from vae_export.verify.judgement import channel_scales
from vae_export.verify.metrics import max_absolute_error
from vae_export.verify.parity import LATER, OutputParity, check_case, check_outputs

__all__ = ["check_end_to_end", "end_to_end_name"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

_SEED = 1906


def end_to_end_name(encoder: str, decoder: str) -> str:
    """The name in reports of x -> reconstruction through two files."""
    return f"{encoder} → {decoder}"


def check_end_to_end(
    where: str,
    encoder: Runner,
    decoder: Runner,
    reference: Reference,
    tolerance: float | None,
    *,
    moving: bool,
) -> list[OutputParity]:
    """Compare two files, one after the other, with the halves.

    For later checks without the halves, which compare the reconstruction with the golden one, the tolerance
    of the decoder's outputs is increased by how far the half's decoder moves when z moves by the tolerance of
    z.

    Args:
        where: `end_to_end_name` of the files.
        encoder, decoder: the files in their runtimes.
        reference: the halves, and their outputs on the samples.
        tolerance: as for `check_graph`; None, for lower precisions, measures the errors of the whole way,
            without failures.
        moving: whether the tolerance is raised where rounding moves the halves further.

    Returns:
        One row for each output of the decoder and each z.
    """
    rows = reference.rows
    try:
        z = draw_z(reference.latents, encoder.run(reference.encoder_inputs), reference.seed)
        outputs = decoder.run({**z, **reference.conditions})
    # The cause was reported for the half already.
    except Exception as error:  # noqa: BLE001  runtimes raise their own types
        inf = float("inf")
        return [
            OutputParity(where, name, inf, inf, inf, None, tolerance or 0.0, (failure,))
            for name in reference.outputs
            for failure in [f"{where}: output {name!r}: the runtime failed: {one_line(error)}"]
        ]
    case = f"batch of {rows}"
    alike = all(z[name].shape == array.shape for name, array in reference.z.items())
    if tolerance is None or not alike:
        return check_case(where, case, {**reference.z, **reference.outputs}, {**z, **outputs}, tolerance)

    def z_moved(inputs: Arrays, seed: int) -> Arrays:
        return draw_z(reference.latents, reference.encoder.run_moved(inputs, seed), reference.seed)

    of_z = check_outputs(
        where, Case(case, reference.encoder_inputs), reference.z, z, tolerance, z_moved if moving else None
    )
    given = {**z, **reference.conditions}
    expected = reference.decoder.run(given)
    run_moved = reference.decoder.run_moved if moving else None
    of_decoder = check_outputs(where, Case(case, given), expected, outputs, tolerance, run_moved)
    margins = _margins(reference, expected, tolerance)
    of_decoder = [replace(row, tolerance=row.tolerance + margins[row.output]) for row in of_decoder]
    return sorted([*of_z, *of_decoder], key=lambda row: row.output)


def _margins(reference: Reference, on_z: Arrays, tolerance: float) -> dict[str, float]:
    """How far the outputs of the half's decoder move when z moves by its tolerance, or by as much as it was
    seen to.

    Args:
        reference: the decoder, and its outputs on its own z.
        on_z: its outputs on the z of the file.
        tolerance: of z.
    """
    rng = np.random.default_rng(_SEED)
    z = {
        name: (array + tolerance * channel_scales(array) * rng.choice([-1.0, 1.0], array.shape)).astype(
            np.float32
        )
        for name, array in reference.z.items()
    }
    drawn = reference.decoder.run({**z, **reference.conditions})
    return {
        name: max(_distance(array, drawn[name]), LATER * _distance(array, on_z[name]))
        for name, array in reference.outputs.items()
    }


def _distance(expected: Array, actual: Array) -> float:
    """The largest finite distance; 0 if there is none."""
    both = np.isfinite(expected) & np.isfinite(actual)
    return max_absolute_error(expected[both], actual[both]) if both.any() else 0.0
