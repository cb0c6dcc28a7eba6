"""The types of manifest.json.

They are its specification: `schema` generates the JSON Schema from them, `decode` refuses other JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from vae_export.core.artifact import Quantisation
from vae_export.core.fidelity import DecoderFidelity, EncoderFidelity
from vae_export.core.format_version import FORMAT_VERSION
from vae_export.core.latent import KNOWN_WORDS, Latent

__all__ = [
    "MANIFEST_FILE",
    "ArtifactEntry",
    "CompanionEntry",
    "DecoderBudget",
    "DecoderEntry",
    "ElboChange",
    "EncoderBudget",
    "EncoderEntry",
    "EndToEndEntry",
    "FileEntry",
    "Golden",
    "GoldenEntry",
    "HelperEntry",
    "Manifest",
    "Noise",
    "ParityEntry",
    "TensorEntry",
    "XEntry",
    "decode",
    "decode_version",
    "listed_files",
    "schema",
]

MANIFEST_FILE = "manifest.json"

Name = Annotated[str, Meta(min_length=1)]
Size = Annotated[int, Meta(ge=1)]
Error = Annotated[float, Meta(ge=0)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the bundle: `file` is its path, with "/"."""

    file: Name
    bytes: Annotated[int, Meta(ge=0)]
    sha256: Sha256


class CompanionEntry(FileEntry, frozen=True, kw_only=True):
    """A further file of a format for the whole bundle, such as the configuration of a build."""

    format: Name


class HelperEntry(FileEntry, frozen=True, kw_only=True):
    """A runtime helper."""

    language: Name


class GoldenEntry(FileEntry, frozen=True, kw_only=True):
    """A golden array: raw little-endian float32, row by row."""

    shape: tuple[Size, ...]


class TensorEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An input or output of an artifact; null in `shape` for free sizes."""

    name: str
    shape: tuple[Size | None, ...]
    dtype: str
    quantisation: Quantisation | None

    @property
    def row_shape(self) -> tuple[int | None, ...]:
        """Shape of one row."""
        return self.shape[1:]

    @property
    def given_dtype(self) -> str:
        """The dtype for callers: float32 for quantised tensors."""
        return "float32" if self.quantisation else self.dtype


class ParityEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Absolute errors of an output against the author's model; SQNR is null for equal bits."""

    max_absolute_error: Error
    mean_absolute_error: Error
    max_relative_error: Error
    sqnr_db: float | None
    tolerance: Error


class EndToEndEntry(ParityEntry, frozen=True, kw_only=True):
    """The same for x -> mu, logvar -> z -> reconstruction through two artifacts.

    Errors of float32 are those of z, and of the reconstruction against the author's decoder on the z of the
    artifact; the tolerance adds how far the author's decoder moves when z moves by its tolerance.
    """

    artifacts: str
    output: str


class EncoderBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Largest mean KL divergence, nats; for the worst sample 10 times that."""

    max_kl: float


class DecoderBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lowest PSNR of all images, dB; for the worst image 6 dB less."""

    min_psnr: float


class _Entry(FileEntry, frozen=True, kw_only=True, tag_field="role"):
    format: Name
    precision: Name
    companions: tuple[FileEntry, ...]
    inputs: Annotated[tuple[TensorEntry, ...], Meta(min_length=1)]
    outputs: Annotated[tuple[TensorEntry, ...], Meta(min_length=1)]
    batches: Annotated[tuple[Size, ...], Meta(min_length=1)] | None
    preferred_batch: Size
    operators: tuple[str, ...]
    oldest_runtime: Annotated[str, Meta(pattern=r"^[^ ]+ [0-9]+(\.[0-9A-Za-z]+)+$")]
    details: dict[str, Any]
    quantiser: str | None
    float_tensors: tuple[str, ...]
    parity: dict[str, ParityEntry]

    role: ClassVar[str]

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """All files of the artifact, the main file first."""
        return (self, *self.companions)

    @property
    def size(self) -> int:
        """Bytes of all files of the artifact."""
        return sum(file.bytes for file in self.files)


class EncoderEntry(_Entry, frozen=True, kw_only=True, tag_field="role", tag="encoder"):
    """A converted encoder. `fidelity` and `budget` are null in float32."""

    fidelity: EncoderFidelity | None
    budget: EncoderBudget | None

    role: ClassVar[str] = "encoder"


class DecoderEntry(_Entry, frozen=True, kw_only=True, tag_field="role", tag="decoder"):
    """A converted decoder. `fidelity` and `budget` are null in float32."""

    fidelity: DecoderFidelity | None
    budget: DecoderBudget | None

    role: ClassVar[str] = "decoder"


ArtifactEntry = EncoderEntry | DecoderEntry


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """The golden arrays, and the seed of their noise."""

    seed: Annotated[int, Meta(ge=0)]
    start: Annotated[int, Meta(ge=0)]
    arrays: dict[str, GoldenEntry]


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """The noise stream that the helpers draw."""

    algorithm: str
    version: int


class XEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about x: smallest and largest value, null if not known."""

    range: tuple[float, float] | None


class ElboChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mean change of the ELBO in lower precisions; null if x and the outputs differ in shape."""

    artifacts: str
    nats: float | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle: its origin, its files and its verification."""

    format_version: int
    name: Name
    latents: Annotated[tuple[Latent, ...], Meta(min_length=1)]
    x: XEntry
    noise: Noise
    artifacts: Annotated[tuple[ArtifactEntry, ...], Meta(min_length=2)]
    samples: str
    end_to_end: tuple[EndToEndEntry, ...]
    elbo_change: tuple[ElboChange, ...]
    golden: Golden
    runtime: tuple[HelperEntry, ...]
    companions: tuple[CompanionEntry, ...]
    tools: dict[str, str]

    def files(self) -> Iterator[FileEntry]:
        """All files of the bundle except the manifest."""
        for artifact in self.artifacts:
            yield from artifact.files
        yield from self.golden.arrays.values()
        yield from self.runtime
        yield from self.companions

    def artifact(self, file: str) -> ArtifactEntry:
        """The artifact whose main file has this name.

        Raises:
            KeyError: there is none.
        """
        for artifact in self.artifacts:
            if artifact.file == file:
                return artifact
        raise KeyError(file)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return values

    def to_text(self) -> str:
        """The text of manifest.json, with sorted keys: equal manifests have equal bytes."""
        return (
            json.dumps(self.to_dict(), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
        )


def decode_version(data: bytes) -> Any:
    """The format version of a manifest; None if the JSON is no manifest.

    Raises:
        msgspec.DecodeError: `data` is no JSON.
    """
    value = msgspec.json.decode(data)
    return value.get("format_version") if isinstance(value, dict) else None


def listed_files(data: bytes) -> set[str]:
    """The files that a manifest of any version lists.

    Raises:
        msgspec.DecodeError: `data` is no JSON.
        ValueError: it states no format version, so it is no manifest.
    """
    manifest = msgspec.json.decode(data)
    if not isinstance(manifest, dict) or "format_version" not in manifest:
        raise ValueError("no format_version")
    found: set[str] = set()
    waiting: list[Any] = [manifest]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("file"), str) and "sha256" in value:
                found.add(value["file"])
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found


def decode(data: bytes) -> Manifest:
    """Read a manifest of this version.

    Raises:
        msgspec.ValidationError: it does not have the form of a manifest; the message says where.
        msgspec.DecodeError: `data` is no JSON.
    """
    return msgspec.json.decode(data, type=Manifest)


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of manifest.json."""
    found = msgspec.json.schema(Manifest)
    definitions: Mapping[str, Any] = found["$defs"]
    properties = definitions["Manifest"]["properties"]
    properties["format_version"] = {"const": FORMAT_VERSION}
    for key, known in KNOWN_WORDS.items():
        definitions["Latent"]["properties"][key] = {"enum": known()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "manifest.json of a VAE bundle",
        **found,
    }
