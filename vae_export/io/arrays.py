"""Arrays given by the user: read from files, and checked before a model runs on them.

Files and folders may be larger than memory: they are opened as rows and read in parts.
"""

from __future__ import annotations

import functools
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from vae_export.errors import DataError

__all__ = [
    "PICTURE_SUFFIXES",
    "CheckedRows",
    "Rows",
    "check_condition",
    "check_latents",
    "check_x",
    "check_x_rows",
    "open_arrays",
    "read_array",
    "read_arrays",
    "read_pictures",
    "to_unit",
]

Array = np.ndarray[Any, Any]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


class Rows(Protocol):
    """An array ``[n, ...]``, in memory or not; a slice of it is an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole array."""

    @property
    def dtype(self) -> Any:
        """The dtype of the values."""

    def __getitem__(self, part: slice) -> Array: ...

    def __array__(self) -> Array: ...


class CheckedRows:
    """Rows that are checked part by part, as they are read.

    Args:
        rows: the rows.
        shape: the required shape of a row.
        check: ``check(part, where=...)`` validates a part and returns it as a model's input.
        where: name of the array, for messages; a part is named like ``x.npy[1024:2048]``.

    Raises:
        DataError: the rows have another shape, or there are none.
    """

    def __init__(self, rows: Rows, shape: tuple[int, ...], check: Callable[..., Array], where: str) -> None:
        _check_shape(rows.shape, shape, where)
        self._rows, self._check, self._where = rows, check, where

    def __len__(self) -> int:
        return self._rows.shape[0]

    def __getitem__(self, part: slice) -> Array:
        whole = part == slice(0, len(self))
        where = self._where if whole else f"{self._where}[{part.start}:{part.stop}]"
        return self._check(self._rows[part], where=where)


def check_x_rows(
    rows: Rows, shape: tuple[int, ...], dtype: Any, value_range: tuple[float, float] | None, where: str
) -> CheckedRows:
    """Rows of x: floats and images are checked by `check_x`, other dtypes (tokens) by `check_condition`.

    Raises:
        DataError: see `CheckedRows`, `check_x` and `check_condition`.
    """
    check = (
        functools.partial(check_x, shape=shape, value_range=value_range)
        if dtype == np.float32
        else functools.partial(check_condition, shape=shape, dtype=np.dtype(dtype).name)
    )
    return CheckedRows(rows, shape, check, where)


def read_array(path: Path, key: str) -> Array:
    """Read one array; see `open_arrays`."""
    return read_arrays(path, key)[key]


def read_arrays(path: Path, key: str) -> dict[str, Array]:
    """Read all arrays of a file; see `open_arrays`."""
    return {name: np.asarray(rows) for name, rows in open_arrays(path, key).items()}


def open_arrays(path: Path, key: str) -> dict[str, Rows]:
    """Open the arrays of an .npy, an .npz, a picture or a folder of pictures.

    An .npy and pictures are read part by part, an .npz at once.

    Args:
        path: the file or folder.
        key: name of the required array; the only array of an .npz may have any name.

    Returns:
        Arrays by name, including `key`; pictures as uint8 ``[n, height, width, channels]``.

    Raises:
        DataError: there is no such file, it cannot be read, or it is an .npz without the key.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        return {key: _PictureRows(path)}
    if path.suffix not in (".npy", ".npz"):
        raise DataError(f"{path}: got a file named *{path.suffix}, expected .npy, .npz or an image")
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        # By content, not by suffix.
        arrays: dict[str, Rows] = (
            {key: _NpyRows(path, loaded)} if isinstance(loaded, np.ndarray) else dict(loaded)
        )
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if len(arrays) == 1:
        return {key: next(iter(arrays.values()))}
    if key in arrays:
        return arrays
    raise DataError(
        f"{path}: holds the arrays {', '.join(sorted(arrays)) or 'none'}, expected {key!r} among them"
    )


def read_pictures(path: Path) -> Array:
    """Read one picture, or a folder of pictures of one size: uint8 ``[n, height, width, channels]``.

    Raises:
        DataError: there is no picture, one cannot be read, or sizes differ.
    """
    return np.asarray(_PictureRows(path))


class _NpyRows:
    """The rows of an .npy file, read slice by slice."""

    def __init__(self, path: Path, mapped: Array) -> None:
        self._path = path
        self.shape, self.dtype = mapped.shape, mapped.dtype

    def __getitem__(self, part: Any) -> Array:
        # A new mapping for each part: a single one would keep the pages of all parts in memory.
        return np.array(np.load(self._path, mmap_mode="r", allow_pickle=False)[part])

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self[...]


class _PictureRows:
    """One picture, or a folder of pictures in the order of their names, as uint8."""

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path) -> None:
        self._folder, self._names = path.parent, [path.name]
        if path.is_dir():
            self._folder = path
            self._names = sorted(
                file.name for file in path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES
            )
            if not self._names:
                raise DataError(f"{path}: holds no images ({', '.join(PICTURE_SUFFIXES)})")
        self.shape = (len(self._names), *_read_picture(self._folder / self._names[0]).shape)

    def __getitem__(self, part: slice) -> Array:
        return np.stack([self._picture(self._folder / name) for name in self._names[part]])

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self[:]

    def _picture(self, file: Path) -> Array:
        picture = _read_picture(file)
        if picture.shape != self.shape[1:]:
            raise DataError(
                f"{file}: got an image of {picture.shape}, expected {self.shape[1:]} as in "
                f"{self._names[0]}; make all images one size and one colour mode"
            )
        return picture


def _read_picture(file: Path) -> Array:
    """A picture as uint8 ``[height, width, 1 or 3]``."""
    try:
        with Image.open(file) as image:
            gray = image.mode in ("1", "L", "LA")
            pixels = np.asarray(image.convert("L" if gray else "RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{file}: cannot be read as an image ({error})") from error
    return pixels if pixels.ndim == 3 else pixels[..., None]


def check_x(
    array: Array, shape: tuple[int, ...], value_range: tuple[float, float] | None, where: str
) -> Array:
    """Validate x, and return it as float32 ``[n, *shape]``.

    uint8 arrays are images: 0 to 255 is mapped to `value_range`.

    Raises:
        DataError: wrong shape or dtype, images without a known range, or values that are not finite or
            outside of `value_range`.
    """
    _check_shape(array.shape, shape, where)
    if array.dtype == np.uint8:
        if value_range is None:
            raise DataError(
                f"{where}: got images of uint8, expected floats scaled as in training; the range of x is not "
                "known; export with --samples to make it known"
            )
        low, high = value_range
        return to_unit(array) * np.float32(high - low) + np.float32(low)
    array = _check_floats(array, where, "uint8, or floats")
    if value_range is None:
        return array
    low, high = value_range
    if not (array.min() >= low and array.max() <= high):
        raise DataError(
            f"{where}: got values in [{array.min():g}, {array.max():g}], expected [{low:g}, {high:g}] as in "
            "training; scale them the same way"
        )
    return array


def to_unit(pixels: Array) -> Array:
    """uint8 pixels as float32 in [0, 1]; the same shape."""
    return pixels.astype(np.float32) / np.float32(255)


def check_latents(array: Array, shape: tuple[int, ...], where: str) -> Array:
    """Validate latent values, and return them as float32 ``[n, *shape]``.

    Raises:
        DataError: wrong shape or dtype, or values that are not finite.
    """
    _check_shape(array.shape, shape, where)
    return _check_floats(array, where, "floats")


def check_condition(array: Array, shape: tuple[int, ...], dtype: str, where: str) -> Array:
    """Validate a condition, and return it as ``[n, *shape]`` of a dtype.

    Raises:
        DataError: wrong shape, or values that the dtype does not hold.
    """
    _check_shape(array.shape, shape, where)
    if dtype == "float32":
        return _check_floats(array, where, "floats")
    if array.dtype.kind not in "iub" or (array.astype(dtype) != array).any():
        raise DataError(f"{where}: got dtype {array.dtype}, expected values that {dtype} holds")
    return array.astype(dtype)


def _check_shape(got: tuple[int, ...], shape: tuple[int, ...], where: str) -> None:
    if got[1:] != shape or not got or not got[0]:
        expected = ", ".join(["n", *map(str, shape)])
        raise DataError(f"{where}: got shape {got}, expected ({expected}) with n at least 1")


def _check_floats(array: Array, where: str, expected: str) -> Array:
    if array.dtype.kind != "f":
        raise DataError(f"{where}: got dtype {array.dtype}, expected {expected}")
    # After the cast: large float64 values become infinite in float32.
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    wrong = int(array.size - np.isfinite(array).sum())
    if wrong:
        raise DataError(
            f"{where}: got {wrong} of {array.size} values that are NaN or infinite, expected finite ones"
        )
    return array
