"""Results: arrays and pictures of any number of rows, written in parts.

They are written to a temporary sibling and renamed when they are complete: a path holds the old content or
the new, and after an error or Ctrl-C nothing is left behind.
"""

from __future__ import annotations

import abc
import contextlib
import functools
import math
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.errors import DataError, OutputError
from vae_export.io.pictures import Grid, check_pictures, png, to_pixels
from vae_export.io.staging import refused, staged

__all__ = ["array_result", "check_file", "file_result", "folder_result", "image_result"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

FOLDER = ""
# Fewest digits in the names of pictures, so that folders of one seed can be merged.
DIGITS = 6
# Columns of a grid of inputs above their reconstructions.
PAIRED_COLUMNS = 10


class _Sink(abc.ABC):
    """Writes rows to a new path."""

    @abc.abstractmethod
    def write(self, arrays: Arrays, above: Array | None = None) -> None:
        """Write the next rows."""

    def finish(self) -> None:  # noqa: B027  most have nothing to do
        """Complete the file after the last row."""


def array_result(path: Path, rows: int) -> contextlib.AbstractContextManager[Callable[..., None]]:
    """Write several arrays, to an .npz or to a folder of .npy files.

    Args:
        path: an .npz, or without suffix a folder.
        rows: number of rows of every array.

    Returns:
        A context manager of a function ``write(arrays)``, which takes the next rows ``[n, ...]`` by name
        until there are `rows`.

    Raises:
        OutputError: another suffix, a folder that is not empty, or a path that cannot be written; raised on
            entering, except for a full disk.
    """
    return _result(path, {".npz": _Npz, FOLDER: _NpyFolder}, rows)


def image_result(
    path: Path, rows: int, value_range: tuple[float, float] | None, first: int = 0
) -> contextlib.AbstractContextManager[Callable[..., None]]:
    """Write images: as one picture (.png), as a folder of pictures, or as arrays (.npy, .npz).

    Args:
        path: a .png, .npy or .npz, or without suffix a folder.
        rows: number of images.
        value_range: the values of black and white; None for [0, 1].
        first: number of the first picture in a folder.

    Returns:
        See `array_result`. Arrays are float ``[n, height, width, 1 or 3]`` (any shape for .npy and .npz), or
        several by name. A .png shows ``write(arrays, above)`` in pairs of rows, with images of `above` in the
        first, if both have one shape.

    Raises:
        OutputError: see `array_result`.
        DataError: raised by the function: no images, or too many for one picture.
    """
    values = value_range or (0.0, 1.0)
    kinds: dict[str, Callable[[Path, int], _Sink]] = {
        ".png": functools.partial(_Png, value_range=values),
        ".npy": _Npy,
        ".npz": _Npz,
        FOLDER: functools.partial(_PngFolder, value_range=values, first=first),
    }
    return _result(path, kinds, rows)


def check_file(path: Path, suffix: str) -> None:
    """Refuse a path that `file_result` could not write, before any work is done.

    Raises:
        OutputError: see `file_result`.
    """
    _target(path, [suffix])


@contextlib.contextmanager
def file_result(path: Path, suffix: str) -> Iterator[Callable[[bytes], None]]:
    """Write a file at once.

    Args:
        path: the file.
        suffix: the required suffix of `path`, such as ".html".

    Returns:
        A context manager of a function ``write(content)``, to be called once.

    Raises:
        OutputError: see `array_result`.
    """
    with _staged(path, [suffix]) as (_, new):

        def write(data: bytes) -> None:
            with refused(path):
                new.write_bytes(data)

        yield write


@contextlib.contextmanager
def folder_result(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Write a folder of files.

    Args:
        path: a new or an empty folder.

    Returns:
        A context manager of a function ``write(name, content)``; names may have folders, with "/".

    Raises:
        OutputError: see `array_result`.
    """
    with _staged(path, [FOLDER]) as (_, new):
        new.mkdir()

        def write(name: str, data: bytes) -> None:
            with refused(path):
                file = new.joinpath(*name.split("/"))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)

        yield write


@contextlib.contextmanager
def _result(
    path: Path, kinds: Mapping[str, Callable[[Path, int], _Sink]], rows: int
) -> Iterator[Callable[..., None]]:
    with _staged(path, kinds) as (kind, new):
        sink = kinds[kind](new, rows)

        def write(arrays: Array | Arrays, above: Array | None = None) -> None:
            with refused(path):
                sink.write(arrays if isinstance(arrays, Mapping) else {"reconstruction": arrays}, above)

        yield write
        with refused(path):
            sink.finish()


@contextlib.contextmanager
def _staged(path: Path, kinds: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """The suffix of a result, and a temporary path, which is renamed to `path` at the end."""
    kind, target = _target(path, kinds)
    with staged(target, path) as new:
        yield kind, new


def _target(path: Path, kinds: Iterable[str]) -> tuple[str, Path]:
    """The suffix of a result, and its path with links resolved: a link stays, and its target is replaced."""
    kind, target = _kind(path, kinds), Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(f"{path}: cannot be written, there is no folder {path.parent}; make it first")
    return kind, target


def _kind(path: Path, kinds: Iterable[str]) -> str:
    """The suffix of a result; refuses unknown ones, and paths that are taken."""
    if path.suffix in kinds and path.suffix != FOLDER:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder, expected a file; choose another name with -o")
        return path.suffix
    if FOLDER not in kinds or (path.suffix and not path.is_dir()):
        expected = [suffix for suffix in kinds if suffix]
        folder = ["a folder (a name without a dot)"] if FOLDER in kinds else []
        choice = " or ".join([", ".join(expected)] * bool(expected) + folder)
        raise OutputError(f"{path}: got {_named(path)}, expected {choice}")
    if path.exists():
        if not path.is_dir():
            raise OutputError(f"{path}: is a file, expected a folder; choose another name with -o")
        if any(path.iterdir()):
            raise OutputError(f"{path}: is not empty; choose a new or an empty folder with -o")
        if path.is_mount() or Path.cwd().is_relative_to(path.resolve()):
            raise OutputError(f"{path}: is in use, it cannot be replaced; choose a folder inside it with -o")
    return FOLDER


def _named(path: Path) -> str:
    return f"a file named *{path.suffix}" if path.suffix else "a name without a suffix"


# ---- Arrays ----


class _Npy(_Sink):
    """One array."""

    def __init__(self, file: Path, rows: int) -> None:
        self._file, self._rows = file, rows

    def write(self, arrays: Arrays, above: Array | None = None) -> None:
        array = next(iter(arrays.values())) if len(arrays) == 1 else _pictures(arrays)
        _append(self._file, array, self._rows)


class _NpyFolder(_Sink):
    """Several arrays, one file each."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder, self._rows = folder, rows
        folder.mkdir()

    def write(self, arrays: Arrays, above: Array | None = None) -> None:
        for name, array in arrays.items():
            _append(self._folder / f"{name}.npy", array, self._rows)


class _Npz(_Sink):
    """Several arrays in one file, with the bytes of np.savez.

    The members of an archive are written one after the other, so each is a file of its own until the end.
    """

    def __init__(self, file: Path, rows: int) -> None:
        self._file, self._folder = file, file.with_name("members")
        self._members = _NpyFolder(self._folder, rows)
        self._names: list[str] = []

    def write(self, arrays: Arrays, above: Array | None = None) -> None:
        self._names = list(arrays)
        self._members.write(arrays)

    def finish(self) -> None:
        with zipfile.ZipFile(self._file, "w") as archive:
            for name in self._names:
                member = self._folder / f"{name}.npy"
                with member.open("rb") as source, archive.open(member.name, "w", force_zip64=True) as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
                member.unlink()


def _append(file: Path, array: Array, rows: int) -> None:
    """Append rows to an .npy file; its header states `rows` from the first call on."""
    with file.open("ab") as stream:
        if not stream.tell():
            header = {
                "descr": np.lib.format.dtype_to_descr(array.dtype),
                "fortran_order": False,
                "shape": (rows, *array.shape[1:]),
            }
            np.lib.format.write_array_header_1_0(stream, header)
        stream.write(np.ascontiguousarray(array).data)


# ---- Pictures ----


class _PngFolder(_Sink):
    """One picture for each image, named by its number."""

    def __init__(self, folder: Path, rows: int, value_range: tuple[float, float], first: int) -> None:
        self._folder, self._next, self._range = folder, first, value_range
        self._digits = max(DIGITS, len(str(first + rows - 1)))
        folder.mkdir()

    def write(self, arrays: Arrays, above: Array | None = None) -> None:
        for picture in to_pixels(_pictures(arrays), self._range):
            (self._folder / f"{self._next:0{self._digits}}.png").write_bytes(png(picture))
            self._next += 1


class _Png(_Sink):
    """All images in one picture."""

    def __init__(self, file: Path, rows: int, value_range: tuple[float, float]) -> None:
        self._file, self._rows, self._range = file, rows, value_range
        self._grid: Grid | None = None
        self._next = 0

    def write(self, arrays: Arrays, above: Array | None = None) -> None:
        images = _pictures(arrays)
        paired = above is not None and above.shape == images.shape
        if self._grid is None:
            columns = min(self._rows, PAIRED_COLUMNS) if paired else None
            count = 2 * columns * math.ceil(self._rows / columns) if columns else self._rows
            self._grid = Grid(count, images.shape[1:], columns, self._range)
        positions = np.arange(self._next, self._next + len(images))
        self._next += len(images)
        if above is not None and paired:
            positions += positions // self._grid.columns * self._grid.columns
            self._grid.place(positions, above)
            positions += self._grid.columns
        self._grid.place(positions, images)

    def finish(self) -> None:
        if self._grid is not None:
            self._file.write_bytes(png(self._grid.picture))


def _pictures(arrays: Arrays) -> Array:
    """The only output that has the shape of pictures."""
    if len(arrays) == 1:
        (images,) = arrays.values()
        check_pictures(images.shape)
        return images
    pictures = [array for array in arrays.values() if array.ndim == 4 and array.shape[3] in (1, 3)]
    if len(pictures) != 1:
        shapes = ", ".join(f"{name} {list(array.shape[1:])}" for name, array in arrays.items())
        raise DataError(
            f"picture: got the outputs {shapes}, expected one of [height, width, 1 or 3]; "
            "write them as .npz instead"
        )
    return pictures[0]
