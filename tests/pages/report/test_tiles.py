import base64
import io

import numpy as np
import pytest
from PIL import Image

from vae_export.pages.report.tiles import mosaic, tile


def pixels(one):
    head, data = one.uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_exact_pixels():
    picture = np.float32([[-1, 0], [1, 3]])[..., None]
    one = tile(picture, "four", (-1.0, 1.0))
    assert pixels(one).tolist() == [[0, 128], [255, 255]]
    assert (one.alt, one.size) == ("four", (2, 2))


def test_what_is_not_finite_can_be_shown():
    picture = np.float32([[np.nan, np.inf, -np.inf]])[..., None]
    assert pixels(tile(picture, "", (0.0, 1.0))).tolist() == [[0, 255, 0]]


@pytest.mark.parametrize(
    ("shape", "wide", "narrow"),
    [
        ((28, 28, 1), 56, 28),
        ((6, 6, 3), 54, 24),
        ((20, 10, 1), 20, 10),
        ((40, 40, 3), 40, 28),
        ((256, 128, 3), 28, 14),
    ],
)
def test_small_pictures_are_enlarged_by_whole_numbers(shape, wide, narrow):
    one = tile(np.zeros(shape, np.float32), "", (0.0, 1.0))
    assert (one.wide, one.narrow) == (wide, narrow)


def test_a_mosaic():
    pictures = np.arange(12).reshape(2, 3, 1, 2, 1)
    assert mosaic(pictures)[..., 0].tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
