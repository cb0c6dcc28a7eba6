"""Arrays given by the user: read them from files, and check them before any graph sees them.

What a file or folder holds may be larger than memory: it is opened as rows, and read a part at a time.
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
        """Of the whole."""

    @property
    def dtype(self) -> Any:
        """Of the values."""

    def __getitem__(self, part: slice) -> Array: ...

    def __array__(self) -> Array: ...


class CheckedRows:
    """Rows that are checked part by part, as they are read.

    Args:
        rows: what is read.
        shape: that one row must have.
        check: takes a part, and `where` as a keyword; returns what a graph is given.
        where: name of the whole, for messages; a part is named like ``x.npy[1024:2048]``.

    Raises:
        DataError: rows of another shape, or none.
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
    """Rows of x: floats and images as `check_x` has them, of another dtype (tokens) as a condition.

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
    """Read the whole of what `open_arrays` opens."""
    return {name: np.asarray(rows) for name, rows in open_arrays(path, key).items()}


def open_arrays(path: Path, key: str) -> dict[str, Rows]:
    """Open an array in an .npy, an .npz, a picture or a folder of pictures, and what an .npz holds beside.

    Of an .npy and of pictures only the parts that are asked for are read; an .npz is read whole.

    Args:
        path: the file or folder.
        key: which array it is; an .npz with one array alone may call it anything.

    Returns:
        Arrays as stored, the `key` among them; pictures as uint8 ``[n, height, width, channels]``.

    Raises:
        DataError: no such file, not readable, or an .npz without the key.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        return {key: _PictureRows(path)}
    if path.suffix not in (".npy", ".npz"):
        raise DataError(f"{path}: got a file named *{path.suffix}, expected .npy, .npz or an image")
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        # By what the file is, whatever its name says.
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
        DataError: no picture there, one that cannot be read, or pictures of several sizes.
    """
    return np.asarray(_PictureRows(path))


class _NpyRows:
    """An .npy file; any slice of it is read by itself."""

    def __init__(self, path: Path, mapped: Array) -> None:
        self._path = path
        self.shape, self.dtype = mapped.shape, mapped.dtype

    def __getitem__(self, part: Any) -> Array:
        # Mapped anew: one mapping for all parts would keep all their pages in this process' memory.
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
    """uint8 ``[height, width, channels]``, 1 or 3 of them."""
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
    """An input of the encoder: float32 ``[n, *shape]``, in `value_range` if that is known.

    uint8 arrays are images: 0 to 255 is mapped onto the range.

    Raises:
        DataError: wrong shape, dtype, range, or values that are not finite.
    """
    _check_shape(array.shape, shape, where)
    if array.dtype == np.uint8:
        if value_range is None:
            raise DataError(
                f"{where}: got images of uint8, expected floats scaled as in training; the range of x is not "
                "known, export with --calibration to make it so"
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
    """Latent values: float32 ``[n, *shape]``.

    Raises:
        DataError: wrong shape, dtype, or values that are not finite.
    """
    _check_shape(array.shape, shape, where)
    return _check_floats(array, where, "floats")


def check_condition(array: Array, shape: tuple[int, ...], dtype: str, where: str) -> Array:
    """An input of a conditional model beside x and z: ``[n, *shape]`` of a dtype.

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
    # After the cast: float64 has values that float32 has not.
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    wrong = int(array.size - np.isfinite(array).sum())
    if wrong:
        raise DataError(
            f"{where}: got {wrong} of {array.size} values that are NaN or infinite, expected finite ones"
        )
    return array
