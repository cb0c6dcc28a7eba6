"""Images to train on: a folder of IDX files, arrays, a folder of pictures, or Fashion-MNIST.

Images are kept in uint8; `arrays.to_unit` converts them to float32 in [0, 1] for the models.
"""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.errors import DataError, one_line
from vae_export.io.arrays import read_pictures

__all__ = ["ImageData", "load_images", "read_idx"]

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
HELD_OUT_SHARE = 0.1

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ImageData:
    """Training and test images.

    Attributes:
        name: of the data, for the model card.
        train: uint8 ``[n, height, width, channels]``.
        test: uint8 ``[m, height, width, channels]``.
    """

    name: str
    train: Array
    test: Array


def load_images(data: Path | None) -> ImageData:
    """Read images from `data`, or find Fashion-MNIST when it is None.

    Args:
        data: a folder with IDX files (``train-images-idx3-ubyte.gz``, ``t10k-images-idx3-ubyte.gz``),
            an .npz (``x_train`` and ``x_test``, or one array), an .npy, or a folder of pictures of one
            size. Where no test set is given, the last tenth is held out.

    Raises:
        DataError: nothing readable there, or images of unequal shape, wrong dtype or range.
    """
    if data is None:
        return _fashion_mnist()
    if not data.exists():
        raise DataError(f"--data {data}: no such file or folder")
    if data.is_dir():
        return (
            _read_idx_folder(data) if _idx_file(data, "train") else _hold_out(data.name, read_pictures(data))
        )
    if data.suffix in (".npz", ".npy"):
        return _read_arrays(data)
    raise DataError(
        f"--data {data}: got a {data.suffix or 'suffix-less'} file, expected .npz, .npy, "
        "a folder of IDX .gz files or a folder of images"
    )


def read_idx(path: Path) -> Array:
    """Read one IDX file of unsigned bytes, gzipped or not (format: LeCun, Cortes & Burges, MNIST).

    Raises:
        DataError: no IDX file of unsigned bytes, or shorter than its header says.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read as gzip ({error})") from error
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise DataError(f"{path}: got first bytes {raw[:4]!r}, expected an IDX file of unsigned bytes")
    rank = raw[3]
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", rank, 4))
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * rank)
    if values.size != np.prod(shape):
        raise DataError(f"{path}: got {values.size} bytes of data, expected {shape}; download it again")
    return values.reshape(shape)


def _fashion_mnist() -> ImageData:
    cache = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets" / "fashion-mnist"
    for folder in (cache, DEBIAN_FASHION_MNIST):
        if _idx_file(folder, "train") and _idx_file(folder, "t10k"):
            return _read_idx_folder(folder, "fashion-mnist")
    try:
        (train, _), (test, _) = _keras_download()()
    # Keras raises a bare Exception when a download fails.
    except Exception as error:
        raise DataError(
            f"Fashion-MNIST: not in Keras' cache ({cache}), not in {DEBIAN_FASHION_MNIST}, and Keras' "
            f"own download failed ({one_line(error)}); connect to the network, or "
            "'apt-get install dataset-fashion-mnist', or name a folder with --data"
        ) from error
    return ImageData("fashion-mnist", train[..., None], test[..., None])


def _keras_download() -> Callable[[], Any]:
    import keras

    return keras.datasets.fashion_mnist.load_data  # type: ignore[no-any-return]


def _idx_file(folder: Path, which: str) -> Path | None:
    names = {"train": ("train",), "t10k": ("t10k", "test")}[which]
    found = [
        path
        for name in names
        for path in sorted(folder.glob(f"{name}*images*idx3*"))
        if path.suffix == ".gz" or path.name.endswith("ubyte")
    ]
    return found[0] if found else None


def _read_idx_folder(folder: Path, name: str | None = None) -> ImageData:
    train_file, test_file = _idx_file(folder, "train"), _idx_file(folder, "t10k")
    assert train_file is not None  # the caller looked
    train = read_idx(train_file)[..., None]
    if test_file is None:
        return _hold_out(name or folder.name, train)
    return ImageData(name or folder.name, train, read_idx(test_file)[..., None])


def _read_arrays(path: Path) -> ImageData:
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {"x": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"--data {path}: cannot be read ({error})") from error
    if "x_train" in arrays:
        train = _as_images(arrays["x_train"], f"{path}: x_train")
        if "x_test" not in arrays:
            return _hold_out(path.stem, train)
        test = _as_images(arrays["x_test"], f"{path}: x_test")
        if test.shape[1:] != train.shape[1:]:
            raise DataError(f"{path}: x_test has images of {test.shape[1:]}, x_train of {train.shape[1:]}")
        return ImageData(path.stem, train, test)
    if len(arrays) != 1:
        raise DataError(f"{path}: got arrays {sorted(arrays)}, expected x_train and x_test, or one array")
    ((name, array),) = arrays.items()
    return _hold_out(path.stem, _as_images(array, f"{path}: {name}"))


def _as_images(array: Array, where: str) -> Array:
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or not array.size:
        raise DataError(f"{where}: got shape {array.shape}, expected [n, height, width] or [..., 1 or 3]")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise DataError(f"{where}: got dtype {array.dtype}, expected uint8, or floats in [0, 1]")
    if not (np.isfinite(array).all() and array.min(initial=0) >= 0 and array.max(initial=0) <= 1):
        raise DataError(
            f"{where}: got floats in [{array.min():g}, {array.max():g}], expected [0, 1]; "
            "divide by the largest possible value first"
        )
    pixels: Array = np.rint(array * 255).astype(np.uint8)
    return pixels


def _hold_out(name: str, images: Array) -> ImageData:
    if len(images) < 2:
        raise DataError(f"{name}: got {len(images)} images, expected at least 2 (one is held out)")
    # Shuffled with a fixed seed: files are often sorted by class.
    images = images[np.random.default_rng(0).permutation(len(images))]
    held_out = max(1, round(len(images) * HELD_OUT_SHARE))
    return ImageData(name, images[:-held_out], images[-held_out:])
