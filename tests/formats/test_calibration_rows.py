"""Whether a file takes calibration rows."""

import numpy as np
import pytest

from vae_export.core.artifact import TensorSpec
from vae_export.errors import DataError
from vae_export.formats.calibration_rows import check_calibration

FILE = "decoder.int8.onnx"
SPECS = [TensorSpec("z", (None, 2), "float32"), TensorSpec("label", (1, None), "int32")]
Z, LABEL = np.ones((3, 2), np.float32), np.ones((3, 5), np.int32)


def test_rows_that_fit():
    assert check_calibration({"label": LABEL, "z": Z}, SPECS, FILE) == 3


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "calibration has rows for nothing, expected label, z; give an array for each input"),
        ({"z": Z}, "calibration has rows for z, expected label, z; give an array for each input"),
        (
            {"z": Z, "label": LABEL, "y": Z},
            "calibration has rows for label, y, z, expected label, z; give .*",
        ),
        (
            {"z": Z[:, :1], "label": LABEL},
            r"calibration rows for 'z' are float32 \(3, 1\), expected float32 \(n, 2\), .*",
        ),
        (
            {"z": Z[0], "label": LABEL},
            r"calibration rows for 'z' are float32 \(2,\), expected float32 \(n, 2\), .*",
        ),
        (
            {"z": Z[:0], "label": LABEL},
            r"calibration rows for 'z' are float32 \(0, 2\), expected .*, n at least 1",
        ),
        (
            {"z": Z.astype(float), "label": LABEL},
            r"calibration rows for 'z' are float64 \(3, 2\), expected float32 .*",
        ),
        (
            {"z": Z, "label": LABEL.astype(float)},
            r"calibration rows for 'label' are .*, expected int32 \(n, n\), .*",
        ),
        (
            {"z": Z, "label": LABEL[:2]},
            "calibration has 3 of z, 2 of label, expected as many rows of each input",
        ),
    ],
)
def test_rows_that_do_not_fit(inputs, message):
    with pytest.raises(DataError, match=rf"^decoder\.int8\.onnx: {message}$"):
        check_calibration(inputs, SPECS, FILE)
