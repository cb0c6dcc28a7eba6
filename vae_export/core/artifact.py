"""What a conversion makes: the files of one half of the VAE, in one format and precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vae_export.core.precision import FLOAT32

__all__ = ["Artifact", "Companion", "Quantisation", "TensorSpec", "artifact_file", "pairs"]


@dataclass(frozen=True)
class Quantisation:
    """What integers stand for: value = scale * (integer - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a half or of an artifact.

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
        files: name in the bundle -> content; the first is the one that a runtime is given.
        inputs, outputs: in the order of the file; bind them by name.
        batches: the batch sizes that it takes, ascending; None for any.
        preferred_batch: how many rows a runtime is best given at a time.
        operators: the kinds of operators in the file, sorted.
        oldest_runtime: package and version, as in "onnxruntime 1.15.1".
        details: what only this format has to say, such as the opset; plain JSON values.
        quantiser: what made the precision, with its version and recipe; None for float32.
        float_tensors: names of tensors that were kept in float in a file of integers.
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
        """Name of the file that a runtime is given."""
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
