import math

import numpy as np
import pytest

from vae_export.verify.metrics import max_absolute_error, mean_absolute_error, sqnr_db, value_scale

EXPECTED = np.array([1.0, -2.0, 2.0, 0.0])


@pytest.mark.parametrize(
    ("metric", "actual", "value"),
    [
        (max_absolute_error, [1.0, -2.0, 2.0, 0.0], 0.0),
        (max_absolute_error, [1.5, -2.25, 2.0, 0.0], 0.5),
        (mean_absolute_error, [1.5, -2.5, 2.0, 0.0], 0.25),
        # signal 9, noise 0.09: 20 dB
        (sqnr_db, [1.3, -2.0, 2.0, 0.0], 20.0),
        (sqnr_db, [1.0, -2.0, 2.0, 0.0], math.inf),
    ],
)
def test_metric(metric, actual, value):
    assert metric(EXPECTED, np.array(actual)) == pytest.approx(value, rel=1e-12, abs=0)


def test_no_signal_but_noise():
    assert sqnr_db(np.zeros(2), np.ones(2)) == -math.inf


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.2, 0.9], 1.0),
        ([0.0, 0.0], 1.0),
        ([0.0, 1.0], 1.0),
        ([-1.0, 1.0], 2.0),
        ([0.0, 5.0], 5.0),
        ([4.0, 5.0], 5.0),
        ([-8.0, -7.0], 8.0),
        ([-0.01, 0.01], 0.02),
    ],
)
def test_scale_of_values(values, scale):
    assert value_scale(np.array(values)) == scale


def test_float32_arrays_are_compared_in_float64():
    expected, actual = np.float32([16777216]), np.float32([16777218])
    assert max_absolute_error(expected, actual) == 2.0
