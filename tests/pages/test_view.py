"""How arrays are looked at."""

import pytest

from vae_export.errors import InputError
from vae_export.pages.view import View, view_of


@pytest.mark.parametrize(
    ("shape", "picture_shape", "view"),
    [
        ((28, 28, 1), None, View("picture", (28, 28, 1))),
        ((64, 48, 3), None, View("picture", (64, 48, 3))),
        ((28, 20), None, View("picture", (28, 20, 1))),
        ((2, 2, 1), None, View("picture", (2, 2, 1))),
        ((100,), None, View("signal", (100, 1))),
        ((100, 8), None, View("signal", (100, 8))),
        ((784,), (28, 28), View("picture", (28, 28, 1))),
        ((48,), (4, 4, 3), View("picture", (4, 4, 3))),
        ((10,), (28, 28), View("signal", (10, 1))),
        ((6, 6, 1), (28, 28), View("picture", (6, 6, 1))),
        ((8, 8, 2), None, None),
        ((4, 8, 8, 3), None, None),
        ((), None, None),
    ],
)
def test_views(shape, picture_shape, view):
    assert view_of(shape, picture_shape) == view


@pytest.mark.parametrize("shape", [(784,), (28, 28, 4), (1, 28, 28, 1)])
def test_a_shape_that_is_no_picture_is_refused(shape):
    with pytest.raises(
        InputError, match=r"picture shape: got .*, expected height, width and 1 or 3 channels"
    ):
        view_of((784,), shape)
