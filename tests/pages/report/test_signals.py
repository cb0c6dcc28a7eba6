import base64

import numpy as np
import pytest

from vae_export.pages.report.signals import draw_signals


@pytest.mark.parametrize(
    "signals",
    [np.zeros((1, 1, 1, 1)), np.full((2, 3, 5, 2), np.nan), np.random.default_rng(0).random((3, 4, 6, 8))],
    ids=["one value", "not finite", "eight channels"],
)
def test_whatever_the_signals_are(signals):
    assert draw_signals(signals, "lines").alt == "lines"


def test_labels_and_heads():
    drawing = draw_signals(np.ones((2, 2, 4, 1)), "lines", ["Keras", "LiteRT, float32"], ["0", "1"])
    text = base64.b64decode(drawing.light.split(",")[1]).decode()
    for label in ("Keras", "LiteRT,", "float32", ">0<", ">1<"):
        assert label in text
