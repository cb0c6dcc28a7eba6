import numpy as np
import pytest

from vae_export.core.rounding import (
    CEILING,
    DRAWS,
    FEW_VALUES,
    FLAT,
    MULTIPLE,
    allowed_errors,
    channel_maxima,
    moved,
    movement,
    rounding_errors,
)

VALUES = np.random.default_rng(0).normal(0, 5, (6, 40, 3)).astype(np.float32)


def units(before, after):
    """Moves in units in the last place of float32."""
    return (after.astype(np.float64) - before) / np.spacing(np.abs(before).astype(np.float32))


def test_float64_moves_by_half_a_unit():
    before = VALUES.astype(np.float64)
    after = moved(before, np.random.default_rng(1))
    assert after.dtype == np.float64
    np.testing.assert_allclose(np.abs(units(before, after)), 0.5, rtol=1e-6)


def test_float32_moves_by_a_unit_or_not():
    found = [units(VALUES, moved(VALUES, np.random.default_rng(seed))) for seed in range(20)]
    sizes = np.abs(found)
    assert set(np.unique(sizes)) == {0.0, 1.0}
    assert 0.3 < sizes.mean() < 0.7
    assert {np.sign(one).sum() > 0 for one in found} == {True, False}


def test_directions_are_shared_by_blocks():
    """Equal values of a region mostly stay equal, as kernels round them alike."""
    ones = np.ones((2, 30, 30))
    same = [
        (
            moved(ones, np.random.default_rng(seed))[0, :-1]
            == moved(ones, np.random.default_rng(seed))[0, 1:]
        ).mean()
        for seed in range(20)
    ]
    assert np.mean(same) > 0.7
    # Not always, or a normalisation over them would show nothing.
    assert len({np.unique(moved(ones, np.random.default_rng(seed))).size for seed in range(20)}) == 2


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float16", "bool"])
def test_other_types_stay(dtype):
    array = np.arange(5).astype(dtype)
    assert moved(array, np.random.default_rng(0)) is array


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zeros_and_what_is_not_finite_stay(dtype):
    array = np.array([0.0, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_array_equal(moved(array, np.random.default_rng(0)), array)


def test_the_seed_decides():
    first, again, other = (moved(VALUES, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_largest_distance_of_all_draws_counts():
    expected = {"a": np.float32([1, 2]), "b": np.float32([[0]])}
    runs = {seed: {"a": np.float32([1, 2 + seed]), "b": np.float32([[-seed]])} for seed in range(DRAWS)}
    found = movement(runs.__getitem__, expected)
    assert found["a"].tolist() == [0, DRAWS - 1]
    assert found["b"].tolist() == [[DRAWS - 1]]


def test_what_becomes_infinite_moves_without_limit():
    found = movement(lambda seed: {"a": np.float32([np.nan, np.inf, 0])}, {"a": np.float32([1, 1, 0])})
    assert found["a"].tolist() == [np.inf, np.inf, 0]


def test_each_channel_and_kind_of_row_has_its_own_movement():
    x = np.stack([np.zeros((4, 4, 1)), VALUES[0, :16, :1].reshape(4, 4, 1)]).astype(np.float32)
    moves = np.zeros((2, 3, 2))
    moves[0, 1, 0], moves[1, 2, 1] = 1e-6, 1e-7
    rounding = rounding_errors({"x": x}, moves)
    np.testing.assert_allclose(rounding, [[FLAT * MULTIPLE * 1e-6, 0], [0, MULTIPLE * 1e-7]])
    plain, scales = np.array([1e-5, 1e-6]), np.array([1.0, 0.1])
    np.testing.assert_allclose(
        allowed_errors(plain, scales, rounding), [[FLAT * MULTIPLE * 1e-6, 1e-6], [1e-5, 1e-6]]
    )
    np.testing.assert_allclose(allowed_errors(plain, scales, 1e6 * rounding)[:, 0], [CEILING, 1e-5])


@pytest.mark.parametrize(
    ("x", "output", "times"), [((1024,), (5,), 1), ((64, 64, 1), (5,), 2), ((5,), (9 * 1024,), 3)]
)
def test_the_multiple_grows_with_the_length_of_sums(x, output, times):
    inputs = {"x": np.random.default_rng(0).random((1, *x))}
    assert FEW_VALUES == 1024
    assert (rounding_errors(inputs, np.ones((1, *output))) == times * MULTIPLE).all()


@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 2, 2, 3)])
def test_maxima_of_channels(shape):
    values = np.random.default_rng(0).random(shape)
    expected = values.reshape(5, -1, shape[-1] if len(shape) > 1 else 1).max(axis=1)
    np.testing.assert_array_equal(channel_maxima(values), expected)
