import numpy as np
import pytest

from vae_export.pages.report.heat_maps import _ticks, draw_errors, error_map
from vae_export.pages.view import View


def test_a_picture_has_the_largest_of_rows_and_channels():
    errors = np.zeros((2, 2, 2, 3))
    errors[1, 0, 1, 2], errors[0, 0, 1, 0], errors[0, 1, 0, 1] = 3, 2, 1
    assert error_map(errors, View("picture", (2, 2, 3))).tolist() == [[0, 3], [1, 0]]
    assert error_map(errors.reshape(2, 12), View("picture", (2, 2, 3))).tolist() == [[0, 3], [1, 0]]


@pytest.mark.parametrize("view", [None, View("signal", (2, 2))])
def test_anything_else_has_rows_and_values(view):
    errors = np.arange(8.0).reshape(2, 2, 2)
    assert error_map(errors, view).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_long_rows_have_the_largest_of_neighbours():
    errors = np.zeros((1, 1000))
    errors[0, [0, 999]] = 1, 2
    found = error_map(errors, None)
    assert (found.shape, found[0, 0], found[0, -1], found.sum()) == ((1, 256), 1, 2, 3)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([3e-7, 2e-5], [1e-4, 1e-5, 1e-6, 1e-7]),
        ([1e-3], [1e-3, 1e-4, 1e-5]),
        ([1e-12, 0.5], [1, 1e-2, 1e-4, 1e-6]),
        ([0.0, 0.0], [1, 1e-1, 1e-2]),
        ([np.nan, np.inf, 2e-5], [1e-4, 1e-5, 1e-6]),
    ],
    ids=["decades", "one", "at most six", "none", "not finite"],
)
def test_scales_are_whole_decades(values, ticks):
    assert _ticks([np.array(values)]) == pytest.approx(ticks, rel=1e-9, abs=0)


def test_words_say_what_is_seen():
    one, same, bad = np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3))
    one[1, 2], bad[0, 0] = 1e-3, np.nan
    maps = {"a.onnx": ("a", one), "b.onnx": ("b", same), "c.onnx": ("c", bad)}
    assert draw_errors("mu", maps, False, "a line each").alt == (
        "Heat maps of the absolute difference of mu from Keras, a line each. a.onnx: largest 1.0e-03 at sample 1, "
        "value 2; b.onnx: equal; c.onnx: 1 of 6 not finite."
    )
    assert "at line 1, column 2" in draw_errors("y", {"a.onnx": ("a", one)}, True, "each").alt


@pytest.mark.parametrize("count", [1, 2, 5, 9])
@pytest.mark.parametrize("picture", [True, False])
def test_any_number_of_maps(count, picture):
    maps = {f"{number}.onnx": (str(number), np.full((4, 3), 10.0**-number)) for number in range(count)}
    drawing = draw_errors("mu", maps, picture, "each")
    assert drawing.width == 317
