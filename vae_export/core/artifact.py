"""What a conversion makes: one file for one half of the VAE.

Names of files: ``ROLE.FORMAT`` in float32, else ``ROLE.PRECISION.FORMAT``, as in ``decoder.int8.tflite``.

============  ==================================================================  ============
precision     weights, and arithmetic                                             formats
============  ==================================================================  ============
float32       32 bits, float                                                      all
float16       16-bit float, computed in float32                                   all
dynamic-int8  8-bit integers; activations are quantised as they come             all
int8          8-bit integers, activations too, by ranges from calibration         all
int16x8       8-bit integers, activations 16 bits, by ranges from calibration     tflite
============  ==================================================================  ============
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = [
    "DEFAULT_BATCHES",
    "FORMATS",
    "ORT_PRECISIONS",
    "PRECISIONS",
    "Artifact",
    "Quantisation",
    "TensorSpec",
    "pairs",
]

# The formats that Keras models are converted to, in the order in which files are made and shown.
FORMATS = ("onnx", "tflite")
# Precision -> the formats that have it.
PRECISIONS = {
    "float32": FORMATS,
    "float16": FORMATS,
    "dynamic-int8": FORMATS,
    "int8": FORMATS,
    "int16x8": ("tflite",),
}
# Of .ort files: in the others weights are cast at load, which the converter does beforehand, so that they
# would be of float32 in the file.
ORT_PRECISIONS = ("float32", "int8")
# Batch sizes that a .tflite file has a signature for: its delegates take static shapes alone.
DEFAULT_BATCHES = (1, 16, 64)


@dataclass(frozen=True)
class Quantisation:
    """What integers stand for: value = scale * (integer - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of an artifact.

    Attributes:
        name: as in the file.
        shape: with None where the size is free.
        dtype: NumPy's name.
        quantisation: what its integers stand for; None if they are values themselves.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    quantisation: Quantisation | None = None


@dataclass(frozen=True)
class Artifact:
    """A converted half, in memory.

    Attributes:
        role: "encoder" or "decoder".
        format: a member of `FORMATS`, or "ort".
        precision: a key of `PRECISIONS`.
        data: the bytes of the file.
        inputs, outputs: in the order of the file; bind them by name.
        batches: the batch sizes that it takes, ascending; None for any.
        preferred_batch: how many rows a runtime is best given at a time.
        operators: the kinds of operators in the file, sorted.
        oldest_runtime: package and version; see `convert.oldest_runtimes`.
        opset, ir_version: of ONNX files.
        quantiser: what made the precision, with its version and recipe; None for float32.
        float_tensors: names of tensors that were kept in float in a file of integers.
    """

    role: str
    format: str
    precision: str
    data: bytes = field(repr=False)
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batches: tuple[int, ...] | None
    preferred_batch: int
    operators: tuple[str, ...]
    oldest_runtime: str
    opset: int | None = None
    ir_version: int | None = None
    quantiser: str | None = None
    float_tensors: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Its name in the bundle."""
        precision = "" if self.precision == "float32" else f".{self.precision}"
        return f"{self.role}{precision}.{self.format}"


def pairs(artifacts: Sequence[Artifact]) -> list[tuple[Artifact, Artifact]]:
    """(encoder, decoder) that belong together: of one format and precision, or the only ones of a format."""
    found: list[tuple[Artifact, Artifact]] = []
    for format in dict.fromkeys(artifact.format for artifact in artifacts):
        encoders, decoders = (
            {
                artifact.precision: artifact
                for artifact in artifacts
                if (artifact.format, artifact.role) == (format, role)
            }
            for role in ("encoder", "decoder")
        )
        if len(encoders) == len(decoders) == 1:
            found += zip(encoders.values(), decoders.values(), strict=True)
        else:
            found += [(encoders[precision], decoders[precision]) for precision in encoders]
    return found
