import functools

import numpy as np
import pytest
from PIL import Image

from vae_export.errors import DataError
from vae_export.io.arrays import (
    CheckedRows,
    check_condition,
    check_latents,
    check_x,
    open_arrays,
    read_array,
)

SHAPE = (2, 2, 1)
X = np.random.default_rng(0).random((3, *SHAPE))


def test_reading_every_kind(tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.savez(tmp_path / "one.npz", anything=X)
    np.savez(tmp_path / "two.npz", x=X, y=np.zeros(3))
    for name in ("a.npy", "one.npz", "two.npz"):
        np.testing.assert_array_equal(read_array(tmp_path / name, "x"), X)
    Image.fromarray(np.uint8([[0, 255], [7, 9]])).save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_array(tmp_path / "p.png", "x")[0, ..., 0], [[0, 255], [7, 9]])
    assert read_array(tmp_path, "x").shape == (1, 2, 2, 1)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("none.npy", lambda p: None, r"none\.npy: no such file or folder$"),
        (
            "a.txt",
            lambda p: p.touch(),
            r"a\.txt: got a file named \*\.txt, expected \.npy, \.npz or an image$",
        ),
        ("a.npy", lambda p: p.write_bytes(b"?"), r"a\.npy: cannot be read \("),
        (
            "a.npy",
            lambda p: np.save(p, np.array([{}]), allow_pickle=True),
            r"a\.npy: cannot be read \(Array can't be memory-mapped: Python obj",
        ),
        (
            "a.npz",
            lambda p: np.savez(p, b=1, c=2),
            r"a\.npz: holds the arrays b, c, expected 'x' among them$",
        ),
        ("a.npz", lambda p: p.write_bytes(b"PK"), r"a\.npz: cannot be read \("),
    ],
)
def test_what_cannot_be_read(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(DataError, match=message):
        read_array(tmp_path / name, "x")


@pytest.mark.parametrize(
    ("array", "value_range", "expected"),
    [
        (X, (0.0, 1.0), X),
        (X * 9, None, X * 9),
        (np.full((1, *SHAPE), 255, np.uint8), (0.0, 1.0), np.ones((1, *SHAPE))),
        (np.full((1, *SHAPE), 0, np.uint8), (-1.0, 1.0), -np.ones((1, *SHAPE))),
        (np.full((1, *SHAPE), 51, np.uint8), (0.0, 1.0), np.full((1, *SHAPE), 0.2)),
    ],
)
def test_good_inputs(array, value_range, expected):
    x = check_x(array, SHAPE, value_range, "x.npy")
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, expected, rtol=0, atol=1e-6)


def nan_in(array):
    array = array.copy()
    array[1, 0, 0, 0] = np.nan
    return array


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (X[0], r"^x\.npy: got shape \(2, 2, 1\), expected \(n, 2, 2, 1\) with n at least 1$"),
        (X[:0], r"^x\.npy: got shape \(0, 2, 2, 1\), expected"),
        (X.astype(np.int64), r"^x\.npy: got dtype int64, expected uint8, or floats$"),
        (X.astype(complex), r"^x\.npy: got dtype complex128, expected uint8, or floats$"),
        (nan_in(X), r"^x\.npy: got 1 of 12 values that are NaN or infinite, expected finite ones$"),
        (X * 255, r"^x\.npy: got values in \[[\d.]+, [\d.]+\], expected \[0, 1\] as in training; scale them"),
        (X - 1, r"^x\.npy: got values in \[-[\d.]+, -?[\d.e-]+\], expected \[0, 1\] as in training"),
    ],
)
def test_bad_inputs(array, message):
    with pytest.raises(DataError, match=message):
        check_x(array, SHAPE, (0.0, 1.0), "x.npy")


def test_images_where_the_range_is_not_known():
    with pytest.raises(
        DataError, match=r"^x\.npy: got images of uint8, expected floats scaled as in training; the"
    ):
        check_x(np.zeros((1, *SHAPE), np.uint8), SHAPE, None, "x.npy")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.full((1, 2), 1e300),
            r"^z\.npy: got 2 of 2 values that are NaN or infinite, expected finite ones$",
        ),
        (np.zeros((2, 3)), r"^z\.npy: got shape \(2, 3\), expected \(n, 2\) with n at least 1$"),
        (
            np.float32([[np.nan, 0]]),
            r"^z\.npy: got 1 of 2 values that are NaN or infinite, expected finite ones$",
        ),
        (np.zeros((2, 2), np.uint8), r"^z\.npy: got dtype uint8, expected floats$"),
    ],
)
def test_bad_latents(array, message):
    with pytest.raises(DataError, match=message):
        check_latents(array, (2,), "z.npy")


def test_good_latents():
    assert check_latents(np.ones((4, 2)), (2,), "z").dtype == np.float32


def test_a_single_number_is_no_rows():
    with pytest.raises(DataError, match=r"^c: got shape \(\), expected \(n\) with n at least 1$"):
        check_condition(np.float32(1), (), "float32", "c")


def save_npy(path):
    np.save(path / "x.npy", np.asfortranarray(np.arange(60, dtype=np.uint8).reshape(5, 4, 3, 1)))
    return path / "x.npy"


def save_npz(path):
    np.savez(path / "x.npz", x=np.load(save_npy(path)))
    return path / "x.npz"


def save_pictures(path):
    for index, pixels in enumerate(np.load(save_npy(path))):
        Image.fromarray(pixels[..., 0]).save(path / f"{index}.png")
    return path


@pytest.mark.parametrize("save", [save_npy, save_npz, save_pictures])
def test_rows_are_read_in_parts(tmp_path, save):
    rows = open_arrays(save(tmp_path), "x")["x"]
    whole = np.arange(60, dtype=np.uint8).reshape(5, 4, 3, 1)
    assert (rows.shape, rows.dtype) == (whole.shape, whole.dtype)
    for part in (slice(0, 2), slice(2, 5), slice(4, 5)):
        np.testing.assert_array_equal(rows[part], whole[part])
    np.testing.assert_array_equal(np.asarray(rows), whole)


def test_a_part_of_an_npy_keeps_no_file_open(tmp_path):
    rows = open_arrays(save_npy(tmp_path), "x")["x"]
    part = rows[0:2]
    assert part.base is None
    assert not isinstance(part, np.memmap)


def test_a_picture_of_another_size_is_named_when_it_is_read(tmp_path):
    rows = open_arrays(save_pictures(tmp_path), "x")["x"]
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "3.png")
    assert rows[0:3].shape == (3, 4, 3, 1)
    with pytest.raises(
        DataError, match=r"3\.png: got an image of \(9, 9, 1\), expected \(4, 3, 1\) as in 0\.png; make all"
    ):
        rows[3:5]


def test_checked_rows_name_the_part_that_is_wrong():
    array = np.float32([[0, 1], [2, 3], [np.nan, 5]])
    rows = CheckedRows(array, (2,), functools.partial(check_latents, shape=(2,)), "z.npy")
    assert len(rows) == 3
    np.testing.assert_array_equal(rows[0:2], array[:2])
    with pytest.raises(DataError, match=r"^z\.npy\[2:3\]: got 1 of 2 values that are NaN or infinite"):
        rows[2:3]
    with pytest.raises(DataError, match=r"^z\.npy: got 1 of 6 values that are NaN or infinite"):
        rows[0:3]
    with pytest.raises(DataError, match=r"^z\.npy: got shape \(3, 2\), expected \(n, 5\) with n at least 1$"):
        CheckedRows(array, (5,), check_latents, "z.npy")
