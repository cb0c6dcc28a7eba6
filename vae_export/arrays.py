"""Arrays given by the user: read them from files, and check them before any graph sees them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from vae_export.errors import DataError, OutputError

__all__ = [
    "PICTURE_SUFFIXES",
    "check_condition",
    "check_latents",
    "check_x",
    "read_array",
    "read_arrays",
    "read_pictures",
    "to_unit",
    "write_arrays",
]

Array = np.ndarray[Any, Any]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def read_array(path: Path, key: str) -> Array:
    """Read one array; see `read_arrays`."""
    return read_arrays(path, key)[key]


def read_arrays(path: Path, key: str) -> dict[str, Array]:
    """Read an array from .npy, .npz, a picture or a folder of pictures, and what an .npz holds beside.

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
        return {key: read_pictures(path)}
    if path.suffix not in (".npy", ".npz"):
        raise DataError(f"{path}: got a file named *{path.suffix}, expected .npy, .npz or an image")
    try:
        loaded = np.load(path, allow_pickle=False)
        # By what the file is, whatever its name says.
        arrays: dict[str, Array] = {key: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
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
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
        if not files:
            raise DataError(f"{path}: holds no images ({', '.join(PICTURE_SUFFIXES)})")
    pictures: list[Array] = []
    for file in files:
        try:
            with Image.open(file) as image:
                gray = image.mode in ("1", "L", "LA")
                pixels = np.asarray(image.convert("L" if gray else "RGB"))
        except (OSError, UnidentifiedImageError) as error:
            raise DataError(f"{file}: cannot be read as an image ({error})") from error
        pictures.append(pixels if pixels.ndim == 3 else pixels[..., None])
        if pictures[-1].shape != pictures[0].shape:
            raise DataError(
                f"{file}: got an image of {pictures[-1].shape}, expected {pictures[0].shape} as in "
                f"{files[0].name}; make all images one size and one colour mode"
            )
    return np.stack(pictures)


def check_x(
    array: Array, shape: tuple[int, ...], value_range: tuple[float, float] | None, where: str
) -> Array:
    """An input of the encoder: float32 ``[n, *shape]``, in `value_range` if that is known.

    uint8 arrays are images: 0 to 255 is mapped onto the range.

    Raises:
        DataError: wrong shape, dtype, range, or values that are not finite.
    """
    _check_shape(array, shape, where)
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
    _check_shape(array, shape, where)
    return _check_floats(array, where, "floats")


def check_condition(array: Array, shape: tuple[int, ...], dtype: str, where: str) -> Array:
    """An input of a conditional model beside x and z: ``[n, *shape]`` of a dtype.

    Raises:
        DataError: wrong shape, or values that the dtype does not hold.
    """
    _check_shape(array, shape, where)
    if dtype == "float32":
        return _check_floats(array, where, "floats")
    if array.dtype.kind not in "iub" or (array.astype(dtype) != array).any():
        raise DataError(f"{where}: got dtype {array.dtype}, expected values that {dtype} holds")
    return array.astype(dtype)


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write one array to .npy, or several to .npz.

    Raises:
        OutputError: another suffix, or the file cannot be written.
    """
    expected = ".npy" if len(arrays) == 1 else ".npz"
    if path.suffix != expected:
        raise OutputError(f"{path}: got a file named *{path.suffix}, expected {expected}")
    try:
        if expected == ".npy":
            (array,) = arrays.values()
            np.save(path, array)
        else:
            np.savez(path, **arrays)  # type: ignore[arg-type]  # its stub takes a name for allow_pickle
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _check_shape(array: Array, shape: tuple[int, ...], where: str) -> None:
    if array.shape[1:] != shape or not len(array):
        expected = ", ".join(["n", *map(str, shape)])
        raise DataError(f"{where}: got shape {array.shape}, expected ({expected}) with n at least 1")


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
