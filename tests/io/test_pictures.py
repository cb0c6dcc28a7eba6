import io

import numpy as np
import pytest
from PIL import Image

from vae_export.errors import DataError, OutputError
from vae_export.io.pictures import MOST_PIXELS, Grid, grid, png, write_png


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


def test_images_are_placed_a_few_at_a_time():
    images = np.random.default_rng(0).random((7, 28, 28, 3))
    canvas = Grid(7, (28, 28, 3))
    canvas.place([5, 6], images[5:])
    canvas.place(range(5), images[:5])
    np.testing.assert_array_equal(canvas.picture, grid(images))
    assert canvas.columns == 3


def test_too_many_for_one_picture():
    Grid(26_500, (28, 28, 1))
    with pytest.raises(
        DataError,
        match=r"^picture: got 27,000 images, which make a picture of 9,572 x 9,514 pixels, expected at most "
        r"89,478,485 pixels; write them as \.npy or into a folder instead$",
    ):
        Grid(27_000, (28, 28, 1))


def test_the_limit_is_that_of_pillow():
    assert Image.MAX_IMAGE_PIXELS == MOST_PIXELS


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3)])
def test_png(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with Image.open(io.BytesIO(png(picture))) as opened:
        np.testing.assert_array_equal(np.asarray(opened).reshape(shape), picture)


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match=r"a\.png: cannot be written \(No such file or directory\)$"):
        write_png(np.zeros((2, 2), np.uint8), tmp_path / "none" / "a.png")
