"""Refuse HDF5 files that bring in other files, or declare more than they hold."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py

from vae_export.errors import ModelError, one_line

__all__ = ["check_hdf5", "check_weights"]

_MOST_OBJECTS = 200_000
# A data set may be compressed, but not by more than this, and one that holds nothing is no weight.
_LARGEST_RATIO = 1000
_SMALL = 1 << 20
_WEIGHTS = "model.weights.h5"


def check_weights(path: Path) -> None:
    """Check the weights of a Keras file: the HDF5 file itself, or the one in the zip archive.

    Raises:
        ModelError: see `check_hdf5`.
    """
    try:
        if path.suffix != ".keras":
            with h5py.File(path) as file:
                check_hdf5(file, str(path))
            return
        with zipfile.ZipFile(path) as archive:
            if _WEIGHTS in archive.namelist():
                # Keras stores them without compression.
                with archive.open(_WEIGHTS) as stored, h5py.File(stored) as file:
                    check_hdf5(file, f"{path}: {_WEIGHTS}")
    except (OSError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"{path}: the weights cannot be read ({one_line(error)}); copy or save it again"
        ) from error


def check_hdf5(file: Any, where: str) -> None:
    """Walk all groups and data sets of an open file, without reading any.

    Args:
        file: an `h5py.File`.
        where: what messages call it.

    Raises:
        ModelError: a link to elsewhere, a data set that is stored elsewhere, or sizes that are not held.
    """
    waiting, seen = [("", file)], 0
    visited = set()
    while waiting:
        path, group = waiting.pop()
        info = h5py.h5o.get_info(group.id)
        if (info.fileno, info.addr) in visited:
            continue
        visited.add((info.fileno, info.addr))
        for name in group:
            inner = f"{path}/{name}"
            seen += 1
            if seen > _MOST_OBJECTS:
                raise ModelError(f"{where}: has more than {_MOST_OBJECTS:,} groups and data sets")
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelError(
                    f"{where}: {inner!r} is a {_words(link)}, expected data in the file itself; it is not "
                    "loaded"
                )
            value = group[name]
            if isinstance(value, h5py.Group):
                waiting.append((inner, value))
            elif isinstance(value, h5py.Dataset):
                _check_data_set(value, inner, where)


def _check_data_set(data: Any, path: str, where: str) -> None:
    if data.external or data.is_virtual:
        raise ModelError(
            f"{where}: the data of {path!r} are in another file, expected them in the file itself; it is not "
            "loaded"
        )
    held = data.id.get_storage_size()
    if data.nbytes > _SMALL and data.nbytes > _LARGEST_RATIO * held:
        raise ModelError(
            f"{where}: {path!r} declares {data.nbytes:,} bytes and holds {held:,}; it is not loaded"
        )


def _words(link: Any) -> str:
    if isinstance(link, h5py.ExternalLink):
        return f"link to the file {link.filename!r}"
    return "soft link"
