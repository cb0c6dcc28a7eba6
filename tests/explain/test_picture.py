import numpy as np
import pytest

from vae_export.explain.picture import amplification, compare


def images(*values):
    return np.stack([np.full((28, 28, 1), value, np.float32) for value in values])


def test_float_quantised_and_difference_stand_side_by_side():
    picture = compare(images(0.2, 0.4), images(0.2, 0.5), (0.0, 1.0), 4)
    assert picture.shape == (2 * 58 + 2, 3 * 58 + 2)
    assert [picture[30, column] for column in (30, 88, 146)] == [51, 51, 128]
    assert [picture[88, column] for column in (30, 88, 146)] == [102, 128, round(255 * 0.9)]


def test_equal_images_have_a_gray_difference():
    same = np.random.default_rng(0).random((3, 28, 28, 3), np.float32)
    picture = compare(same, same, (-1.0, 1.0), amplification(same, same, (-1.0, 1.0)))
    for row in range(3):
        assert (picture[2 + 58 * row : 58 * row + 58, 2 * 58 + 2 : 3 * 58] == 128).all()


@pytest.mark.parametrize(
    ("difference", "value_range", "times"),
    [
        (0.0, (0, 1), 1),
        (0.125, (0, 1), 4),
        (0.12, (0, 1), 4),
        (0.13, (0, 1), 2),
        (0.7, (0, 1), 1),
        (0.12, (-1, 1), 8),
    ],
)
def test_differences_are_enlarged_as_far_as_they_can_be_told(difference, value_range, times):
    assert amplification(images(0.0), images(-difference), value_range) == times
