"""Artifacts: the files of a converted half, in one format and precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vae_export.core.precision import FLOAT32

__all__ = ["Artifact", "Companion", "Quantisation", "TensorSpec", "artifact_file", "pairs"]


@dataclass(frozen=True)
class Quantisation:
    """Quantisation of integers: value = scale * (integer - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a half or of an artifact.

    Attributes:
        name: name in the file.
        shape: None for free sizes.
        dtype: NumPy's name of the dtype.
        quantisation: scale and zero point of integers that stand for floats, else None.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    quantisation: Quantisation | None = None


def artifact_file(role: str, precision: str, suffix: str) -> str:
    """Name of a file in the bundle: ``ROLE.SUFFIX`` in float32, else ``ROLE.PRECISION.SUFFIX``.

    >>> artifact_file("decoder", "int8", ".tflite")
    'decoder.int8.tflite'
    """
    return f"{role}{suffix}" if precision == FLOAT32 else f"{role}.{precision}{suffix}"


@dataclass(frozen=True)
class Artifact:
    """A converted half, in memory.

    Attributes:
        role: "encoder" or "decoder".
        format: name of the format, a key of `formats.FORMATS`.
        precision: a key of `PRECISIONS`.
        files: name in the bundle -> content, the main file first.
        inputs, outputs: in the order of the file; bind them by name.
        batches: the batch sizes of the file, ascending; None for any.
        preferred_batch: the batch size with the least time a row.
        operators: the kinds of operators in the file, sorted.
        oldest_runtime: package and version, such as "onnxruntime 1.15.1".
        details: facts of this format alone, such as the opset; plain JSON values.
        quantiser: name, version and recipe of the quantiser; None for float32.
        float_tensors: names of the layers that compute in float in a file of integers.
    """

    role: str
    format: str
    precision: str
    files: Mapping[str, bytes] = field(repr=False)
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batches: tuple[int, ...] | None
    preferred_batch: int
    operators: tuple[str, ...]
    oldest_runtime: str
    details: Mapping[str, object] = field(default_factory=dict)
    quantiser: str | None = None
    float_tensors: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of the main file, which a runtime loads."""
        return next(iter(self.files))

    @property
    def data(self) -> bytes:
        """Content of `file`."""
        return self.files[self.file]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(map(len, self.files.values()))


@dataclass(frozen=True)
class Companion:
    """A file of a whole bundle that a format adds, such as the configuration of a build.

    Attributes:
        format: the format that adds it.
        file: its name in the bundle.
        data: its content.
    """

    format: str
    file: str
    data: bytes


def pairs(artifacts: Sequence[Artifact]) -> list[tuple[Artifact, Artifact]]:
    """(encoder, decoder) of the same format and precision, or the only ones of a format."""
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
