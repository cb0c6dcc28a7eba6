import hashlib

import numpy as np
import pytest

from vae_export.runtime.python import vae_runtime
from vae_export.runtime.python.vae_runtime import NormalStream, VaeRuntimeError, normal, philox, sample


def rows(root, name):
    """The rows of a file of vectors, split at blanks."""
    lines = (root / "tests" / "vectors" / name).read_text().splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


# SHA-256 of the bytes of 300,000 values; a change of it is a change of the noise version.
BITS = "214ef236cd243231b22473149cb08ea3db33101bbde5c396056318221739bfb4"


def reference_philox(counter, key):
    """The algorithm as published, on Python integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & 0xFFFFFFFF, a >> 32 ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def test_the_reference_gives_the_published_answers(root):
    vectors = [[int(word, 16) for word in row] for row in rows(root, "philox4x32-10.txt")]
    assert len(vectors) == 3
    for row in vectors:
        assert reference_philox(row[:4], row[4:6]) == row[6:]


@pytest.mark.parametrize("seed", [0, 7, 2**32, 2**64 - 1, 0x123456789ABCDEF0])
@pytest.mark.parametrize("stream", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("block", [0, 1, 2**32 - 1, 2**32, 2**62 - 3])
def test_words_are_those_of_the_algorithm(seed, stream, block):
    key = (seed & 0xFFFFFFFF, seed >> 32)
    expected = [reference_philox((b & 0xFFFFFFFF, b >> 32, stream, 0), key) for b in range(block, block + 3)]
    np.testing.assert_array_equal(philox(seed, stream, block, 3), expected)


def test_values_are_the_inverse_normal_distribution_of_the_words():
    scipy_special = pytest.importorskip("scipy.special", reason="scipy comes with the test extra")
    words = np.concatenate(
        [
            philox(3, 0, 0, 50_000).reshape(-1),
            np.uint32([0, 1, 2, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]),
        ]
    )
    u = (words + 0.5) / 2**32
    expected = np.where(u < 0.5, 1, -1) * scipy_special.ndtri(np.minimum(u, 1 - u))
    error = np.abs(vae_runtime._inverse_normal(words) - expected)
    # Rounding once to float32 is half a unit in the last place.
    assert (error / np.spacing(np.abs(expected).astype(np.float32))).max() <= 0.5001


def test_known_answers(root):
    vectors = rows(root, "normal.txt")
    assert len(vectors) == 17
    for seed, stream, start, *bits in vectors:
        values = normal(int(seed), int(stream), int(start), len(bits))
        assert [f"{value:08x}" for value in values.view(np.uint32)] == bits
    words, bits = zip(*rows(root, "inverse_normal.txt"), strict=True)
    values = vae_runtime._inverse_normal(np.array([int(word, 16) for word in words], np.uint32))
    assert [f"{value:08x}" for value in values.view(np.uint32)] == list(bits)


def test_bits_do_not_change():
    values = np.concatenate([normal(seed, 0, 0, 100_000) for seed in (0, 7, 2**64 - 1)])
    assert hashlib.sha256(values.tobytes()).hexdigest() == BITS


@pytest.mark.parametrize(
    ("start", "count"),
    [(0, 1), (1, 5), (3, 1), (4, 4), (5, 9), (16383, 3), (16384, 20000), (2**34 + 1, 7)],
)
def test_any_part_can_be_drawn_alone(start, count):
    low = max(0, start - 6)
    whole = normal(5, 2, low, start - low + count + 5)
    np.testing.assert_array_equal(normal(5, 2, start, count), whole[start - low : start - low + count])


def test_sample_a_million_is_the_same_alone_and_in_a_batch():
    size = 3
    batch = normal(7, 0, (10**6 - 2) * size, 4 * size).reshape(4, size)
    np.testing.assert_array_equal(normal(7, 0, 10**6 * size, size), batch[2])


def test_streams_and_seeds_differ():
    first = normal(7, 0, 0, 1000)
    for other in (normal(7, 1, 0, 1000), normal(8, 0, 0, 1000), normal(7 + 2**32, 0, 0, 1000)):
        assert not np.isin(first, other).all()
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.15


def test_moments():
    values = normal(1, 0, 0, 1_000_000).astype(np.float64)
    assert abs(values.mean()) < 4e-3
    assert abs(values.var() - 1) < 6e-3
    assert abs((values**3).mean()) < 0.02
    assert abs((values**4).mean() - 3) < 0.05


def test_nothing_is_a_value_too():
    assert normal(0, 0, 0, 0).shape == (0,)
    # The last value there is.
    assert np.isfinite(normal(0, 0, 2**64 - 1, 1)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, 0, 1), r"^seed: got -1, expected an integer in \[0, 18446744073709551616\)$"),
        ((2**64, 0, 0, 1), r"^seed: got 18446744073709551616, expected"),
        ((0, 2**32, 0, 1), r"^stream: got 4294967296, expected an integer in \[0, 4294967296\)$"),
        ((0, 0, -1, 1), r"^start: got -1, expected"),
        ((0, 0, 0, -1), r"^count: got -1, expected"),
        ((0, 0, 2**64 - 1, 2), r"^count: got 2, expected an integer in \[0, 2\)$"),
        ((1.5, 0, 0, 1), r"^seed: got 1\.5, expected an integer in"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(VaeRuntimeError, match=message):
        normal(*arguments)


def test_read_ahead_gives_the_same_values_in_any_order():
    stream = NormalStream(9, stream=4)
    draws = [
        (0, 2),
        (2, 2),
        (1022, 4),
        (1026, 4),
        (5, 3),
        (3000, 5000),
        (8000, 600),
        (8600, 9000),
        (17600, 5),
    ]
    for start, count in [
        *draws,
        (17500, 9),
        (10**6, 1),
        (2**64 - 4, 4),
        (0, 1),
        (0, 0),
        (1, 600),
        (601, 600),
    ]:
        np.testing.assert_array_equal(stream.draw(start, count), normal(9, 4, start, count))


def test_read_ahead_cannot_be_spoilt_by_the_caller():
    stream = NormalStream(9)
    with pytest.raises(ValueError, match="read-only"):
        stream.draw(0, 2)[0] = 0


def test_sample_is_the_formula_rounded_once():
    rng = np.random.default_rng(0)
    mu, logvar = rng.normal(0, 3, (2, 50, 4)).astype(np.float32)
    z = sample(mu, logvar, seed=3, stream=1, start=40, epsilon_scale=0.25)
    epsilon = normal(3, 1, 40, 200).reshape(50, 4).astype(np.float64)
    exact = mu.astype(np.float64) + 0.25 * np.exp(0.5 * logvar.astype(np.float64)) * epsilon
    assert z.dtype == np.float32
    assert (np.abs(z - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()


def test_sample_k_alone_is_sample_k_in_a_batch():
    mu, logvar = np.zeros((5, 2, 3), np.float32), np.ones((5, 2, 3), np.float32)
    batch = sample(mu, logvar, seed=7)
    for k in range(5):
        np.testing.assert_array_equal(
            sample(mu[k : k + 1], logvar[k : k + 1], seed=7, start=6 * k), batch[k : k + 1]
        )


def test_sample_wants_one_shape():
    with pytest.raises(VaeRuntimeError, match=r"^logvar: got shape \(2, 4\), expected \(2, 3\) as in mu$"):
        sample(np.zeros((2, 3)), np.zeros((2, 4)), seed=0)
