"""The containers of files that Keras saves: zip archives and HDF5 files."""

from __future__ import annotations

import zipfile
from pathlib import Path

from vae_export.errors import ModelError

__all__ = ["HDF5_MAGIC", "ZIP_MAGIC", "check_keras_file", "first_bytes", "members"]

HDF5_MAGIC, ZIP_MAGIC = b"\x89HDF\r\n\x1a\n", b"PK"
_SUFFIXES = (".keras", ".h5", ".hdf5")
# A member of an archive may unpack to this many times its size, or be small.
_LARGEST_RATIO, _SMALL = 1000, 1 << 20
_LARGEST_CONFIG = 1 << 26


def check_keras_file(path: Path) -> None:
    """Refuse a file that is not a complete Keras file.

    Raises:
        ModelError: no such file, another kind of file, or a truncated one.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such file; expected a .keras or .h5 file")
    if path.suffix not in _SUFFIXES:
        raise ModelError(f"{path}: got a file named *{path.suffix}, expected one of {', '.join(_SUFFIXES)}")
    head = first_bytes(path)
    if path.suffix != ".keras":
        if head != HDF5_MAGIC:
            raise ModelError(f"{path}: got first bytes {head!r}, expected an HDF5 file; save the model again")
        return
    if head == HDF5_MAGIC:
        raise ModelError(f"{path}: this is an HDF5 file under another name; rename it to {path.stem}.h5")
    if not head.startswith(ZIP_MAGIC):
        raise ModelError(
            f"{path}: got first bytes {head!r}, expected a zip archive as model.save('x.keras') writes it"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if any(member.flag_bits & 1 for member in archive.infolist()):
                raise ModelError(f"{path}: the archive is encrypted, expected a model as Keras saves it")
            for member in archive.infolist():
                _check_member(member, path)
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise ModelError(
            f"{path}: the zip archive is truncated or damaged ({error}); copy or save it again"
        ) from error
    if damaged:
        raise ModelError(f"{path}: {damaged} in the archive is damaged; copy or save it again")
    if "config.json" not in names:
        raise ModelError(f"{path}: the archive holds no config.json, expected a model saved by Keras 3")


def _check_member(member: zipfile.ZipInfo, path: Path) -> None:
    if member.file_size > _SMALL and member.file_size > _LARGEST_RATIO * member.compress_size:
        raise ModelError(
            f"{path}: {member.filename} unpacks {member.compress_size:,} bytes to {member.file_size:,}; "
            "it is not loaded"
        )
    if member.filename == "config.json" and member.file_size > _LARGEST_CONFIG:
        raise ModelError(
            f"{path}: config.json has {member.file_size:,} bytes, expected at most {_LARGEST_CONFIG:,}"
        )


def first_bytes(path: Path) -> bytes:
    """The first 8 bytes of a file."""
    with path.open("rb") as file:
        return file.read(8)


def members(path: Path) -> set[str]:
    """Names in a zip archive; empty if it is damaged, which `check_keras_file` reports."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError, EOFError):
        return set()
