"""Files of both formats in lower precisions, each by the quantiser that was measured to lose least."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from vae_export.core.artifact import Artifact
from vae_export.io.quiet import quiet

__all__ = ["Quantiser"]

Array = np.ndarray[Any, Any]


class Quantiser:
    """Makes lower precisions of the float32 files of an export.

    Args:
        halves: role -> Keras model.
        inputs: role -> calibration rows by input ``[n, ...]``.
        batches: the signatures of .tflite files, None for any batch.
        integer_io: int8 .tflite files take and give int8.
    """

    def __init__(
        self,
        halves: Mapping[str, Any],
        inputs: Mapping[str, Mapping[str, Array]],
        batches: tuple[int, ...] | None,
        integer_io: bool = False,
    ) -> None:
        self._halves, self._inputs, self._batches = halves, inputs, batches
        self._integer_io = integer_io
        self._for_integers: dict[str, Artifact] = {}

    def quantise(self, artifact: Artifact, precision: str, keep_float: Collection[str] = ()) -> Artifact:
        """A float32 file in a lower precision.

        Args:
            artifact: of a format that has the precision.
            precision: a key of `PRECISIONS` but float32.
            keep_float: of what `quantisable` names.

        Raises:
            ConversionError: it cannot be quantised.
        """
        inputs = self._inputs[artifact.role]
        with quiet():
            # Imported when they are needed: each takes seconds.
            if artifact.format == "onnx":
                from vae_export.formats.onnx.quantise.quantiser import quantise_onnx

                return quantise_onnx(artifact, precision, inputs, keep_float=keep_float)
            from vae_export.formats.tflite.quantise.quantiser import quantise_tflite

        return quantise_tflite(
            self._source(artifact, precision),
            precision,
            inputs,
            integer_io=self._integer_io and precision == "int8",
            keep_float=keep_float,
        )

    def quantisable(self, artifact: Artifact, precision: str) -> tuple[str, ...]:
        """The tensors of a float32 file that may be kept in float, in the order of the graph."""
        source = self._source(artifact, precision)
        with quiet():
            if artifact.format == "onnx":
                from vae_export.formats.onnx.quantise import quantiser as onnx_quantiser

                return onnx_quantiser.quantisable_tensors(source)
            from vae_export.formats.tflite.quantise import layers as tflite_layers

            return tflite_layers.quantisable_tensors(source)

    def _source(self, artifact: Artifact, precision: str) -> Artifact:
        """The float32 file to quantise: for activations of 8 bits it is lowered in another way."""
        if artifact.format == "onnx" or precision != "int8":
            return artifact
        role = artifact.role
        if role not in self._for_integers:
            with quiet():
                from vae_export.formats.tflite.convert import convert_to_tflite
            self._for_integers[role] = convert_to_tflite(
                self._halves[role], batches=self._batches, for_integers=True
            )
        return self._for_integers[role]
