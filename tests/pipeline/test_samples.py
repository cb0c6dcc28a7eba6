import numpy as np
import pytest

from tests.tiny_models import samples
from vae_export.core.artifact import TensorSpec
from vae_export.errors import DataError
from vae_export.pipeline.samples import find_samples


def inputs(shape=(6, 6, 1), **others):
    return {"x": TensorSpec("x", (None, *shape), "float32"), **others}


def no_random(name, rows):
    raise AssertionError(name)


def test_the_range_is_that_of_all_samples(tmp_path):
    x = np.concatenate([samples(64), 255 * samples(4)])
    found = find_samples(x, None, inputs(), no_random)
    assert (len(found.arrays["x"]), found.value_range) == (64, None)


def test_samples_beside_the_model(tmp_path):
    np.savez(tmp_path / "samples.npz", x=samples(70))
    found = find_samples(None, tmp_path, inputs(), no_random)
    assert found.arrays["x"].shape == (64, 6, 6, 1)
    assert found.description == "64 real samples from samples.npz"
    assert found.value_range == (0.0, 1.0)


def test_samples_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "samples.npz", x=samples(3))
    with pytest.raises(
        DataError, match=r"^samples\.npz: got shape \(3, 6, 6, 1\), expected \(n, 8, 8, 1\) with n at"
    ):
        find_samples(None, tmp_path, inputs((8, 8, 1)), no_random)


def test_without_samples_values_are_random(tmp_path):
    found = find_samples(None, tmp_path, inputs(), lambda name, rows: np.full((rows, 1), 3))
    assert found.value_range is None
    assert found.description == "random values; no real samples were given"
    np.testing.assert_array_equal(found.arrays["x"], np.full((64, 1), 3))


LABEL = TensorSpec("label", (None, 1), "int32")


def test_samples_of_a_conditional_model(tmp_path):
    np.savez(tmp_path / "s.npz", x=samples(5), label=np.arange(5)[:, None])
    found = find_samples(tmp_path / "s.npz", None, inputs(label=LABEL), no_random)
    assert found.description == "5 real samples from s.npz"
    assert found.arrays["label"].dtype == np.int32
    found = find_samples(samples(5), None, inputs(label=LABEL), lambda name, rows: np.ones((rows, 1)))
    assert found.description == "5 real samples from samples, random label"
    assert found.arrays["label"].shape == (5, 1)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (np.zeros((4, 1), int), r"^samples: got x 5, label 4 rows, expected as many of each$"),
        (
            np.zeros((5, 2), int),
            r"^samples: label: got shape \(5, 2\), expected \(n, 1\) with n at least 1$",
        ),
        (np.full((5, 1), 2**40), r"^samples: label: got dtype int64, expected values that int32 holds$"),
        (np.zeros((5, 1)), r"^samples: label: got dtype float64, expected values that int32 holds$"),
    ],
)
def test_conditions_that_do_not_fit(label, message):
    with pytest.raises(DataError, match=message):
        find_samples({"x": samples(5), "label": label}, None, inputs(label=LABEL), no_random)
