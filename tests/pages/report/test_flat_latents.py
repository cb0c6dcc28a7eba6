import numpy as np
import pytest

from vae_export.pages.report.flat_latents import FlatLatents

TWO = [
    {"mu": "mu_a", "z": "z_a", "shape": (2,), "epsilon_scale": 1.0},
    {"mu": "mu_b", "z": "z_b", "shape": (2, 1, 2), "epsilon_scale": 0.5},
]


def test_several_latents_are_one_vector():
    flat = FlatLatents(TWO)
    assert flat.names == (
        "z_a[0]", "z_a[1]", "z_b[0, 0, 0]", "z_b[0, 0, 1]", "z_b[1, 0, 0]", "z_b[1, 0, 1]",
    )  # fmt: skip
    assert flat.sigma_scale.tolist() == [1, 1, 0.5, 0.5, 0.5, 0.5]
    arrays = {"mu_b": np.float32([[[[3, 4]], [[5, 6]]]]), "mu_a": np.float32([[1, 2]])}
    joined = flat.join(arrays, "mu")
    assert joined.tolist() == [[1, 2, 3, 4, 5, 6]]
    parts = flat.split(joined, "mu")
    assert {name: array.tolist() for name, array in parts.items()} == {
        name: array.tolist() for name, array in arrays.items()
    }
    assert [(name, array.dtype) for name, array in flat.split(joined).items()] == [
        ("z_a", np.float32),
        ("z_b", np.float32),
    ]


@pytest.mark.parametrize(
    "given", [np.float32([[1, 2]]), {"mu_a": np.float32([[1, 2]])}], ids=["bare", "named"]
)
def test_one_latent_may_be_bare(given):
    assert FlatLatents(TWO[:1]).join(given, "mu").tolist() == [[1, 2]]
