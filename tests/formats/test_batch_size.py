import pytest

from vae_export.formats.batch_size import preferred_batch


@pytest.mark.parametrize(
    ("row_bytes", "batches", "expected"),
    [
        (1, None, 256),
        (8192, None, 256),
        (8193, None, 128),
        (28 * 28 * 32 * 4, None, 16),
        (2 << 20, None, 1),
        (3 << 20, None, 1),
        (3136, (1, 16, 64), 64),
        (28 * 28 * 32 * 4, (1, 16, 64), 16),
        (64 * 64 * 32 * 4, (1, 16, 64), 1),
        (64 * 64 * 32 * 4, (8, 16), 8),
        (1, (1000,), 1000),
    ],
)
def test_the_largest_tensor_stays_in_the_cache(row_bytes, batches, expected):
    assert preferred_batch(row_bytes, batches) == expected
