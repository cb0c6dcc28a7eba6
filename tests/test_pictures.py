import numpy as np
import pytest
from PIL import Image

from vae_export.errors import DataError, OutputError
from vae_export.pictures import grid, write_images, write_png


def test_tiles_stand_in_rows_with_margins():
    images = np.stack([np.full((28, 28, 1), value, np.float32) for value in (0.0, 0.2, 0.4)])
    picture = grid(images, columns=2)
    assert picture.shape == (2 * 58 + 2, 2 * 58 + 2)
    assert [picture[30, 30], picture[30, 90], picture[90, 30], picture[90, 90]] == [0, 51, 102, 255]
    assert (picture[0] == 255).all()


@pytest.mark.parametrize(
    ("value", "value_range", "pixel"),
    [(1.5, (0.0, 1.0), 255), (-1.0, (0.0, 1.0), 0), (0.0, (-1.0, 1.0), 128), (-1.0, (-1.0, 1.0), 0)],
)
def test_values_become_pixels(value, value_range, pixel):
    picture = grid(np.full((1, 60, 60, 3), value), value_range=value_range)
    assert picture.shape == (64, 64, 3)
    assert (picture[30, 30] == pixel).all()


@pytest.mark.parametrize("shape", [(4, 8), (4, 8, 8), (4, 8, 8, 2), (0, 8, 8, 1)])
def test_what_is_no_picture(shape):
    with pytest.raises(
        DataError, match=r"^picture: got arrays of shape .*, expected \[n, height, width, 1 or 3\]"
    ):
        grid(np.zeros(shape))


def test_pairs_of_rows(tmp_path):
    images, above = np.zeros((12, 60, 60, 1)), np.ones((12, 60, 60, 1))
    write_images(tmp_path / "p.png", images, None, above=above)
    with Image.open(tmp_path / "p.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (4 * 62 + 2, 10 * 62 + 2)
    # Rows: ten inputs, ten reconstructions, two inputs, two reconstructions.
    assert [pixels[row * 62 + 30, 30] for row in range(3)] == [255, 0, 255]


def test_arrays_are_written_as_they_are(tmp_path):
    images = np.random.default_rng(0).random((2, 3))
    write_images(tmp_path / "a.npy", images, None)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), images)


def test_another_suffix(tmp_path):
    with pytest.raises(OutputError, match=r"a\.jpg: got a file named \*\.jpg, expected \.png or \.npy$"):
        write_images(tmp_path / "a.jpg", np.zeros((1, 2, 2, 1)), None)


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match=r"a\.png: cannot be written \(No such file or directory\)$"):
        write_png(np.zeros((2, 2), np.uint8), tmp_path / "none" / "a.png")
