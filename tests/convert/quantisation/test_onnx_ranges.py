import numpy as np
import pytest

from tests.convert.quantisation.onnx_figures import decoder_of
from vae_export.convert.quantisation.onnx_ranges import find_ranges
from vae_export.errors import ConversionError, DataError

FILE = "decoder.int8.onnx"
TEXT = """m (float[N, 2] z) => (float[N, 2] reconstruction) {
    twice = Add (z, z)
    log = Log (twice)
    reconstruction = Neg (twice)
}"""


@pytest.fixture
def decoder():
    return decoder_of(TEXT)


@pytest.mark.parametrize("batches", [None, (1,), (4,)])
@pytest.mark.parametrize("position", [0, 65, 129])
def test_extremes_are_exact_wherever_they_are(batches, position):
    z = np.zeros((130, 2), np.float32)
    z[position] = -3.3, 7.7
    found = find_ranges(decoder_of(TEXT, batches), ["z", "twice", "reconstruction"], {"z": z}, FILE)
    low, high = (float(value) for value in z[position])
    assert found == {
        "z": (low, high),
        "twice": (2 * low, 2 * high),
        "reconstruction": (-2 * high, -2 * low),
    }


def test_an_input_alone_needs_no_run(decoder):
    assert find_ranges(decoder, ["z"], {"z": np.float32([[1, 2]])}, FILE) == {"z": (1, 2)}


@pytest.mark.parametrize(
    ("value", "told"), [(0, "-inf and -inf"), (-1, "nan and nan")], ids=["infinite", "not a number"]
)
def test_values_that_are_not_finite(decoder, value, told):
    z = np.full((3, 2), value, np.float32)
    with pytest.raises(
        ConversionError,
        match=rf"^decoder\.int8\.onnx: tensor 'log' is between {told} on the calibration rows, expected finite "
        r"values; leave out the rows that have them$",
    ):
        find_ranges(decoder, ["log"], {"z": z}, FILE)


ROWS = np.ones((3, 2), np.float32)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "calibration has nothing, expected rows of z"),
        ({"x": ROWS}, "calibration has x, expected rows of z"),
        ({"z": ROWS, "x": ROWS}, "calibration has x, z, expected rows of z"),
        ({"z": ROWS[:0]}, "calibration rows are 0 of z, expected one or more, as many of each"),
        ({"z": ROWS.T}, r"calibration rows of 'z' are float32 \(2, 3\), expected float32 \(n, 2\)"),
        ({"z": ROWS[0]}, r"calibration rows of 'z' are float32 \(2,\), expected float32 \(n, 2\)"),
        ({"z": ROWS.astype(int)}, r"calibration rows of 'z' are int64 \(3, 2\), expected float32 \(n, 2\)"),
    ],
)
def test_rows_that_are_not_as_the_file_takes_them(decoder, inputs, message):
    with pytest.raises(DataError, match=rf"^decoder\.int8\.onnx: {message}$"):
        find_ranges(decoder, ["twice"], inputs, FILE)


def test_as_many_rows_of_each():
    two = decoder_of(
        "m (float[N, 2] z, float[N, 2] y) => (float[N, 2] reconstruction) { reconstruction = Add (z, y) }"
    )
    with pytest.raises(
        DataError, match=r": calibration rows are 3 of z, 2 of y, expected one or more, as many"
    ):
        find_ranges(two, ["z"], {"z": ROWS, "y": ROWS[:2]}, FILE)


def test_what_the_runtime_refuses():
    text = "m (float[N, 2] z) => (float[N, 2] reconstruction) { a = Reshape (z, shape) reconstruction = Neg (a) }"
    decoder = decoder_of(text, shape=np.int64([1, 4]))
    with pytest.raises(
        ConversionError, match=r"^decoder\.int8\.onnx: ONNX Runtime fails on the calibration rows \(.*\)$"
    ):
        find_ranges(decoder, ["a"], {"z": ROWS}, FILE)
