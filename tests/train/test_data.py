import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from vae_export.errors import DataError
from vae_export.io.arrays import to_unit
from vae_export.train import data
from vae_export.train.data import load_images, read_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 5, 4), dtype=np.uint8)


def idx_bytes(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(path, array):
    path.write_bytes(gzip.compress(idx_bytes(array)) if path.suffix == ".gz" else idx_bytes(array))


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_folder_of_idx_files(tmp_path, suffix):
    write_idx(tmp_path / f"train-images-idx3-ubyte{suffix}", IMAGES)
    write_idx(tmp_path / f"train-labels-idx1-ubyte{suffix}", IMAGES[:, 0, 0])
    write_idx(tmp_path / f"t10k-images-idx3-ubyte{suffix}", IMAGES[:7])
    images = load_images(tmp_path)
    np.testing.assert_array_equal(images.train, IMAGES[..., None])
    np.testing.assert_array_equal(images.test, IMAGES[:7, ..., None])
    assert images.name == tmp_path.name


def test_idx_folder_without_test_set_holds_some_out(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", IMAGES)
    images = load_images(tmp_path)
    assert (len(images.train), len(images.test)) == (27, 3)


@pytest.mark.parametrize("shape", [(30, 5, 4), (30, 5, 4, 1), (30, 5, 4, 3)])
def test_one_array(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "x.npy", array)
    images = load_images(tmp_path / "x.npy")
    assert images.train.shape == (27, *((*shape, 1)[1:4]))
    # Nothing is lost and nothing is in both.
    both = np.concatenate([images.train, images.test]).reshape(30, -1)
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(array.reshape(30, -1), axis=0))


def test_arrays_by_name(tmp_path):
    np.savez(tmp_path / "d.npz", x_train=IMAGES, x_test=IMAGES[:4] / 255.0, y_train=np.arange(30))
    images = load_images(tmp_path / "d.npz")
    np.testing.assert_array_equal(images.train, IMAGES[..., None])
    np.testing.assert_array_equal(images.test, IMAGES[:4, ..., None])


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 3), ("1", 1)])
def test_folder_of_pictures(tmp_path, mode, channels):
    for index in range(10):
        Image.fromarray(IMAGES[index]).convert(mode).save(tmp_path / f"{index}.png")
    (tmp_path / "notes.txt").touch()
    images = load_images(tmp_path)
    assert (images.train.shape, images.test.shape) == ((9, 5, 4, channels), (1, 5, 4, channels))


def test_floats_in_the_unit_interval():
    x = to_unit(IMAGES)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0.0, 1.0)


def write_pictures(folder):
    for index, size in enumerate([(5, 4), (4, 4)]):
        Image.new("L", size).save(folder / f"{index}.png")


def write_broken_picture(folder):
    (folder / "a.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (lambda p: None, "none", r"^--data .*none: no such file or folder$"),
        (
            lambda p: (p / "x.csv").touch(),
            "x.csv",
            r"x\.csv: got a \.csv file, expected \.npz, \.npy, a folder of",
        ),
        (lambda p: None, ".", r"holds no images \(\.png, "),
        (
            write_pictures,
            ".",
            r"1\.png: got an image of \(4, 4, 1\), expected \(4, 5, 1\) as in 0\.png; make all",
        ),
        (write_broken_picture, ".", r"a\.png: cannot be read as an image \("),
        (
            lambda p: np.save(p / "x.npy", IMAGES[0]),
            "x.npy",
            r"x: got shape \(5, 4\), expected \[n, height, width\] or",
        ),
        (
            lambda p: np.save(p / "x.npy", IMAGES.astype(int)),
            "x.npy",
            r"x: got dtype int64, expected uint8, or fl",
        ),
        (
            lambda p: np.save(p / "x.npy", IMAGES * 1.0),
            "x.npy",
            r"x: got floats in \[0, 255\], expected \[0, 1\]; ",
        ),
        (
            lambda p: np.save(p / "x.npy", IMAGES * np.nan),
            "x.npy",
            r"x: got floats in \[nan, nan\], expected \[0, 1",
        ),
        (
            lambda p: np.save(p / "x.npy", IMAGES[:1]),
            "x.npy",
            r"^x: got 1 images, expected at least 2 \(one is he",
        ),
        (lambda p: (p / "x.npy").write_bytes(b"?"), "x.npy", r"^--data .*x\.npy: cannot be read \("),
        (lambda p: (p / "x.npz").write_bytes(b"PK?"), "x.npz", r"^--data .*x\.npz: cannot be read \("),
        (
            lambda p: np.savez(p / "x.npz", a=IMAGES, b=IMAGES),
            "x.npz",
            r"got arrays \['a', 'b'\], expected x_train and x_test, or one array$",
        ),
        (
            lambda p: np.savez(p / "x.npz", x_train=IMAGES, x_test=IMAGES[:, :2]),
            "x.npz",
            r"x_test has images of \(2, 4, 1\), x_train of \(5, 4, 1\)$",
        ),
    ],
)
def test_bad_data_is_explained(tmp_path, write, name, message):
    write(tmp_path)
    with pytest.raises(DataError, match=message):
        load_images(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", r"cannot be read as gzip \("),
        (gzip.compress(b"short"), r"got first bytes b'shor', expected an IDX file of unsigned bytes$"),
        (
            gzip.compress(idx_bytes(IMAGES)[:-1]),
            r"got 599 bytes of data, expected \(30, 5, 4\); download it again$",
        ),
        (gzip.compress(idx_bytes(IMAGES))[:-20], r"cannot be read as gzip \("),
    ],
    ids=["no gzip", "short", "cut in the images", "cut in the file"],
)
def test_bad_idx_files(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(path)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(data, "DEBIAN_FASHION_MNIST", tmp_path / "debian")
    return tmp_path


@pytest.mark.parametrize("place", ["keras/datasets/fashion-mnist", "debian"])
def test_fashion_mnist_is_found(nowhere, place):
    folder = nowhere / place
    folder.mkdir(parents=True)
    write_idx(folder / "train-images-idx3-ubyte.gz", IMAGES)
    write_idx(folder / "t10k-images-idx3-ubyte.gz", IMAGES[:3])
    images = load_images(None)
    assert (images.name, len(images.train), len(images.test)) == ("fashion-mnist", 30, 3)


def test_fashion_mnist_is_downloaded(nowhere, monkeypatch):
    monkeypatch.setattr(data, "_keras_download", lambda: lambda: ((IMAGES, 0), (IMAGES[:3], 0)))
    images = load_images(None)
    assert images.train.shape == (30, 5, 4, 1)


def test_no_fashion_mnist_names_all_three_ways(nowhere, monkeypatch):
    def fail():
        raise Exception("URL fetch failure on https://example: None -- no network\nmore")

    monkeypatch.setattr(data, "_keras_download", lambda: fail)
    with pytest.raises(
        DataError,
        match=r"^Fashion-MNIST: not in Keras' cache \(.*keras/datasets/fashion-mnist\), not in .*debian, and "
        r"Keras' own download failed \(URL fetch failure on .* -- no network more\); connect to the network, "
        r"or 'apt-get install dataset-fashion-mnist', or name a folder with --data$",
    ):
        load_images(None)
