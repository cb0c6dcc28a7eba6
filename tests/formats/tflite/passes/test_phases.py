import itertools

import numpy as np
import pytest

from vae_export.formats.tflite.passes.phases import Window, margins, phase_kernel, widened, windows


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "expected"),
    [
        (3, 1, 1, [Window(-1, (2, 1, 0))]),
        (3, 2, 0, [Window(-1, (2, 0)), Window(0, (1,))]),
        (4, 2, 1, [Window(-1, (3, 1)), Window(0, (2, 0))]),
        (2, 2, 0, [Window(0, (0,)), Window(0, (1,))]),
        (1, 2, 0, [Window(0, (0,)), Window(1, ())]),
        (5, 3, 1, [Window(-0, (1,)), Window(0, (2,)), Window(0, (3, 0))]),
    ],
    ids=str,
)
def test_each_phase_meets_every_stride_th_weight(kernel, stride, padding, expected):
    found = windows(kernel, stride, padding)
    assert sorted(tap for window in found for tap in window.taps) == list(range(kernel))
    if (kernel, stride) != (5, 3):
        assert found == expected
    else:
        assert [window.taps for window in found] == [(4, 1), (2,), (3, 0)]


def test_widened_windows_begin_and_end_together():
    assert widened(windows(3, 2, 0)) == [Window(-1, (2, 0)), Window(-1, (None, 1))]
    assert widened(windows(4, 2, 1)) == [Window(-1, (3, 1, None)), Window(-1, (None, 2, 0))]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 2, 0), (4, 2, 1), (5, 2, 1), (3, 3, 0), (7, 3, 2)]
)
def test_the_phases_together_are_the_transposed_convolution(kernel, stride, padding, wide):
    """Along one axis, against the definition."""
    rng = np.random.default_rng(0)
    size = 6
    x, weights = rng.normal(size=size), rng.normal(size=kernel)
    whole = np.zeros(stride * size + 2 * kernel)
    for i, t in itertools.product(range(size), range(kernel)):
        whole[stride * i + t] += x[i] * weights[t]
    expected = whole[padding : padding + stride * size]

    found = windows(kernel, stride, padding)
    got = np.zeros(stride * size)
    for phase, window in enumerate(widened(found) if wide else found):
        part = phase_kernel(weights.reshape(1, kernel, 1, 1), (window, Window(0, (0,)))).reshape(-1)
        before, after = margins(window, size, size)
        got[phase::stride] = np.correlate(np.pad(x, (before, after)), part, "valid")
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
