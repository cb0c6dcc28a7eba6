"""The parity of two files together: x -> mu, logvar -> z -> reconstruction.

End to end is composition: z against the half's z by the tolerance of z, then the decoder's file on the z of
the encoder's file, against the half's decoder on the same z, by the decoder's tolerance. A decoder that
enlarges what z may differ by is not at fault.
"""

from __future__ import annotations

import functools
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

__all__ = ["EndToEnd", "end_to_end_name"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

_SEED = 1906


def end_to_end_name(encoder: str, decoder: str) -> str:
    """The name in reports of x -> reconstruction through two files."""
    return f"{encoder} → {decoder}"


class EndToEnd:
    """Compares two files, one after the other, with the halves.

    Args:
        reference: the halves, and their outputs on the samples.
        tolerance: as for `check_graph`.
        moving: whether the tolerance is raised where rounding moves the halves further.
    """

    def __init__(self, reference: Reference, tolerance: float, *, moving: bool) -> None:
        self._reference, self._tolerance, self._moving = reference, tolerance, moving

    def check(self, where: str, encoder: Runner, decoder: Runner, *, exact: bool) -> list[OutputParity]:
        """Compare two files.

        For later checks without the halves, which compare reconstructions with golden ones, the tolerance of
        the decoder's outputs is increased by how far the half's decoder moves when z moves by its tolerance.

        Args:
            where: `end_to_end_name` of the files.
            encoder, decoder: the files in their runtimes.
            exact: False, for lower precisions, measures the errors of the whole way, without failures.

        Returns:
            One row for each output of the decoder and each z.
        """
        reference, tolerance = self._reference, self._tolerance if exact else None
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
        case = f"batch of {reference.rows}"
        alike = all(z[name].shape == array.shape for name, array in reference.z.items())
        if tolerance is None or not alike:
            return check_case(where, case, {**reference.z, **reference.outputs}, {**z, **outputs}, tolerance)
        of_z = check_outputs(
            where,
            Case(case, reference.encoder_inputs),
            reference.z,
            z,
            tolerance,
            self._z_moved if self._moving else None,
        )
        given = {**z, **reference.conditions}
        expected = reference.decoder.run(given)
        run_moved = reference.decoder.run_moved if self._moving else None
        of_decoder = check_outputs(where, Case(case, given), expected, outputs, tolerance, run_moved)
        of_decoder = [
            replace(row, tolerance=row.tolerance + self._margin(row.output, expected)) for row in of_decoder
        ]
        return sorted([*of_z, *of_decoder], key=lambda row: row.output)

    def _z_moved(self, inputs: Arrays, seed: int) -> Arrays:
        reference = self._reference
        return draw_z(reference.latents, reference.encoder.run_moved(inputs, seed), reference.seed)

    def _margin(self, output: str, on_z: Arrays) -> float:
        """How far an output of the half's decoder moves with z: by the tolerance of z, or as seen.

        Args:
            output: its name.
            on_z: the outputs on the z of the file.
        """
        expected = self._reference.outputs[output]
        seen = _distance(expected, on_z[output])
        return max(_distance(expected, self._with_z_moved[output]), LATER * seen)

    @functools.cached_property
    def _with_z_moved(self) -> Arrays:
        """The outputs of the half's decoder on z moved by its tolerance, up or down at random."""
        reference, rng = self._reference, np.random.default_rng(_SEED)
        z = {
            name: array + self._tolerance * channel_scales(array) * rng.choice([-1.0, 1.0], array.shape)
            for name, array in reference.z.items()
        }
        z = {name: array.astype(np.float32) for name, array in z.items()}
        return reference.decoder.run({**z, **reference.conditions})


def _distance(expected: Array, actual: Array) -> float:
    """The largest finite distance; 0 if there is none."""
    both = np.isfinite(expected) & np.isfinite(actual)
    return max_absolute_error(expected[both], actual[both]) if both.any() else 0.0
