import keras
import numpy as np
import pytest
from PIL import Image

from vae_export.train.data import ImageData
from vae_export.train.fit import fit
from vae_export.train.model_folder import write_model_folder
from vae_export.train.recipe import Recipe

RECIPE = Recipe(name="mine", epochs=1, batch_size=16, notes=("A remark.",))


@pytest.fixture(scope="module")
def written(root, tmp_path_factory):
    samples = np.load(root / "models" / "fashion-mnist-dense" / "samples.npz")["x"]
    data = ImageData("samples", samples[:128], samples[128:192])
    folder = tmp_path_factory.mktemp("written") / "mine"
    run = fit(RECIPE, data)
    return folder, data, run, write_model_folder(folder, RECIPE, data, run)


def test_everything_is_there(written):
    folder, data, run, _ = written
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "history.csv",
        "model.keras",
        "recipe.json",
        "reconstructions.png",
        "samples.npz",
        "samples.png",
    ]
    assert Recipe.read(folder / "recipe.json") == RECIPE
    np.testing.assert_array_equal(np.load(folder / "samples.npz")["x"], data.test)
    loaded = keras.models.load_model(folder / "model.keras")
    for ours, theirs in zip(loaded.trainable_weights, run.vae.vae.trainable_weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_the_card_has_the_figures(written):
    folder, _, _, figures = written
    card = (folder / "README.md").read_text()
    assert card.startswith("# mine\n")
    assert f"| {figures.elbo:.2f} | {figures.reconstruction:.2f} | {figures.kl:.2f} |" in card
    assert "128 training images, 64 test images" in card
    assert "A remark." in card


def test_pictures_have_ten_columns_of_tiles(written):
    folder, *_ = written
    for name, rows in (("reconstructions.png", 4), ("samples.png", 6)):
        with Image.open(folder / name) as picture:
            assert picture.size == (10 * 58 + 2, rows * 58 + 2)
            assert np.ptp(np.asarray(picture)) > 100
