"""`vae_export.train`: settings of a recipe and beside it."""

import gzip
import json
import struct

import numpy as np
import pytest

import vae_export
from vae_export.errors import InputError
from vae_export.train.recipe import Recipe


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Few images, in the form of Fashion-MNIST."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for part, count in (("train", 96), ("t10k", 16)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        header = struct.pack(">4B3I", 0, 0, 8, 3, *images.shape)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + images.tobytes()))
    return folder


@pytest.mark.parametrize("form", ["path", "text", "recipe"])
def test_a_recipe_and_settings_beside_it(data, tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(name="mine", epochs=1, latent_dim=3)
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    given = {"path": tmp_path / "recipe.json", "text": "recipe.json", "recipe": recipe}[form]
    result = vae_export.train(recipe=given, latent_dim=4, batch_size=32, data=data)
    assert result.recipe == Recipe(name="mine", epochs=1, latent_dim=4, batch_size=32)
    assert result.model.resolve() == tmp_path / "mine" / "model.keras"
    assert json.loads((tmp_path / "mine" / "recipe.json").read_text())["latent_dim"] == 4


def test_wrong_settings(data, tmp_path):
    with pytest.raises(InputError, match=r"^--recipe .*no\.json: cannot be read "):
        vae_export.train(tmp_path / "m", recipe=tmp_path / "no.json", data=data)
    with pytest.raises(InputError, match=r"^loss: got 'wasserstein', expected one of "):
        vae_export.train(tmp_path / "m", loss="wasserstein", epochs=1, data=data)
    assert not (tmp_path / "m").exists()
