import numpy as np
import pytest

from tests.formats.onnx.quantise.figures import decoder_of
from vae_export.errors import ConversionError, DataError
from vae_export.formats.onnx.quantise.ranges import find_ranges

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


def test_rows_that_are_not_as_the_file_takes_them(decoder):
    with pytest.raises(DataError, match=r"^decoder\.int8\.onnx: calibration has rows for x, expected z;"):
        find_ranges(decoder, ["twice"], {"x": ROWS}, FILE)


def test_what_the_runtime_refuses():
    text = "m (float[N, 2] z) => (float[N, 2] reconstruction) { a = Reshape (z, shape) reconstruction = Neg (a) }"
    decoder = decoder_of(text, shape=np.int64([1, 4]))
    with pytest.raises(
        ConversionError, match=r"^decoder\.int8\.onnx: ONNX Runtime fails on the calibration rows \(.*\)$"
    ):
        find_ranges(decoder, ["a"], {"z": ROWS}, FILE)
