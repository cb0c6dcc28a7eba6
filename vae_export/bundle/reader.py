"""Read and check a bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vae_export.core.format_version import FORMAT_VERSION
from vae_export.core.half import ROLES
from vae_export.core.manifest import (
    MANIFEST_FILE,
    ArtifactEntry,
    FileEntry,
    Manifest,
    decode,
    decode_version,
)
from vae_export.errors import BundleError
from vae_export.runtime.python import vae_runtime

__all__ = ["Bundle", "is_bundle", "read_bundle", "unlisted_files"]

Array = np.ndarray[Any, Any]

AGAIN = "export the bundle again"
# Python writes it when vae_runtime.py is imported from the bundle.
CACHE_FOLDER = "__pycache__"


@dataclass(frozen=True, repr=False)
class Bundle:
    """A bundle whose manifest and files have been checked.

    Attributes:
        path: the directory.
        manifest: the content of manifest.json.
    """

    path: Path
    manifest: Manifest

    def __repr__(self) -> str:
        return f"<Bundle: {self.path}, {', '.join(entry.file for entry in self.artifacts)}>"

    @property
    def artifacts(self) -> tuple[ArtifactEntry, ...]:
        """The manifest's entries of the converted halves."""
        return self.manifest.artifacts

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        """(format, precision) of each pair of encoder and decoder; precision None for different ones."""
        formats = dict.fromkeys(artifact.format for artifact in self.artifacts)
        return [(format, precision) for format in formats for precision in self.precisions(format)]

    def precisions(self, format: str) -> list[str | None]:
        """The precisions that both halves have in a format, or [None] if they share none."""
        encoders, decoders = (
            [entry.precision for entry in self.artifacts if (entry.role, entry.format) == (role, format)]
            for role in ROLES
        )
        return [precision for precision in encoders if precision in decoders] or [None]

    @property
    def x_range(self) -> tuple[float, float] | None:
        """Smallest and largest value of x; None if not known."""
        return self.manifest.x.range

    def golden(self, name: str) -> Array:
        """A golden array, float32 in its shape."""
        entry = self.manifest.golden.arrays[name]
        return np.fromfile(self.path / entry.file, "<f4").reshape(entry.shape)

    def golden_arrays(self) -> dict[str, Array]:
        """All golden arrays by name."""
        return {name: self.golden(name) for name in self.manifest.golden.arrays}


def is_bundle(path: Path) -> bool:
    """Whether a path looks like a bundle: a directory with a manifest."""
    return (path / MANIFEST_FILE).is_file()


def read_bundle(path: Path) -> Bundle:
    """Read and check a bundle.

    Raises:
        BundleError: the bundle is missing; the manifest is unreadable, of an unknown version or malformed; a
            path is absolute, leaves the bundle or is a link; a file is missing, altered, or not in the
            manifest.
    """
    if not path.is_dir():
        raise BundleError(f"{path}: no such bundle; make one with vae-export --format all -o {path}")
    file = path / MANIFEST_FILE
    if not file.is_file() or file.is_symlink():
        raise BundleError(
            f"{path}: no bundle, {MANIFEST_FILE} is missing; expected the directory that holds it"
        )
    manifest = _read_manifest(file)
    listed = {MANIFEST_FILE}
    for entry in manifest.files():
        _check_file(path, entry)
        listed.add(entry.file)
    for name in unlisted_files(path, listed):
        raise BundleError(
            f"{path / name}: not in {MANIFEST_FILE}, expected only the bundle's files; move it out"
        )
    return Bundle(path, manifest)


def _read_manifest(file: Path) -> Manifest:
    try:
        data = file.read_bytes()
        version = decode_version(data)
        if version != FORMAT_VERSION:
            raise BundleError(
                f"{file}: got format_version {version}, expected {FORMAT_VERSION}; use a version of "
                "vae-export that knows it"
            )
        manifest = decode(data)
    except msgspec.ValidationError as error:
        what, _, where = str(error).rpartition(" - at ")
        raise BundleError(f"{file}: {where.strip('`') or '$'}: {what or error}; {AGAIN}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{file}: cannot be read as JSON ({error}); {AGAIN}") from error
    _check_consistency(file, manifest)
    return manifest


def _check_consistency(file: Path, manifest: Manifest) -> None:
    """Check what types cannot express: versions, and relations of artifacts, outputs and latents."""
    noise = manifest.noise.version
    if noise != vae_runtime.NOISE_VERSION:
        raise BundleError(
            f"{file}: got noise version {noise}, expected {vae_runtime.NOISE_VERSION}; use a version of "
            "vae-export that knows it"
        )
    if "x" not in manifest.golden.arrays:
        raise BundleError(f"{file}: $.golden.arrays: expected x among them; {AGAIN}")
    if not max(manifest.golden.seed, manifest.golden.start) < 1 << 64:
        raise BundleError(f"{file}: $.golden: expected seed and start below 2**64; {AGAIN}")
    for format in dict.fromkeys(entry.format for entry in manifest.artifacts):
        encoders, decoders = (
            sorted(
                entry.precision
                for entry in manifest.artifacts
                if (entry.format, entry.role) == (format, role)
            )
            for role in ROLES
        )
        one_of_each = len(encoders) == len(decoders) == 1
        if not one_of_each and (encoders != decoders or len(set(encoders)) < len(encoders)):
            raise BundleError(
                f"{file}: $.artifacts: expected one encoder and one decoder of each precision in {format}, "
                f"or one of each; {AGAIN}"
            )
    for entry in manifest.artifacts:
        outputs = {tensor.name for tensor in entry.outputs}
        if set(entry.parity) != outputs:
            raise BundleError(f"{file}: {entry.file}: expected parity of {sorted(outputs)}; {AGAIN}")
        if (entry.fidelity is None) != (entry.budget is None):
            raise BundleError(f"{file}: {entry.file}: expected fidelity and budget, or none of them; {AGAIN}")
    for key, role, side in (
        ("mu", "encoder", "outputs"),
        ("logvar", "encoder", "outputs"),
        ("z", "decoder", "inputs"),
    ):
        names = [getattr(latent, key) for latent in manifest.latents]
        for entry in manifest.artifacts:
            tensors = {tensor.name for tensor in getattr(entry, side)}
            if entry.role == role and not (tensors.issuperset(names) and len(set(names)) == len(names)):
                raise BundleError(
                    f"{file}: $.latents: got {key} {', '.join(names)}, expected each once among the {side} "
                    f"of {entry.file}; {AGAIN}"
                )


def _check_file(path: Path, entry: FileEntry) -> None:
    name = entry.file
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in name or ":" in name:
        raise BundleError(
            f"{path / MANIFEST_FILE}: got the path {name!r}, expected one inside the bundle; {AGAIN}"
        )
    file = path.joinpath(*parts)
    folders = [path.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    if any(folder.is_symlink() for folder in folders):
        raise BundleError(f"{file}: is a link, expected a plain file; {AGAIN}")
    if not file.is_file():
        raise BundleError(f"{file}: missing; {AGAIN}")
    data = file.read_bytes()
    if len(data) != entry.bytes:
        raise BundleError(f"{file}: altered, got {len(data)} bytes, expected {entry.bytes}; {AGAIN}")
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        raise BundleError(
            f"{file}: altered, got SHA-256 {digest[:12]}…, expected {entry.sha256[:12]}…; {AGAIN}"
        )


def unlisted_files(path: Path, listed: set[str]) -> Iterator[str]:
    """Files and links below a directory that are not listed, as relative paths."""
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        if relative.parts[0] == CACHE_FOLDER and not file.is_symlink():
            continue
        if file.is_symlink() or (not file.is_dir() and relative.as_posix() not in listed):
            yield relative.as_posix()
