import json
from dataclasses import replace

import pytest

from vae_export.errors import InputError
from vae_export.train.recipe import Recipe


def test_there_and_back(tmp_path):
    recipe = replace(Recipe(), name="n", beta=0.5, notes=("one", "two"))
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    assert Recipe.read(tmp_path / "recipe.json") == recipe


def test_what_is_left_out_has_its_default(tmp_path):
    (tmp_path / "recipe.json").write_text('{"latent_dim": 5, "beta": 2}')
    assert Recipe.read(tmp_path / "recipe.json") == replace(Recipe(), latent_dim=5, beta=2)


@pytest.mark.parametrize("name", ["fashion-mnist-dense", "fashion-mnist-conv"])
def test_recipes_that_are_shipped(root, name):
    recipe = Recipe.read(root / "models" / name / "recipe.json")
    assert (recipe.name, recipe.loss, recipe.beta) == (name, "elbo", 1.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"^--recipe .*r\.json: cannot be read \("),
        ("[]", r"^--recipe .*r\.json: got list, expected an object with keys of \['architecture', "),
        ('{"epoch": 3}', r"^--recipe .*r\.json: got \['epoch'\], expected an object with keys of"),
        ('{"epochs": "3"}', r"^--recipe .*r\.json: epochs is '3', expected int$"),
        ('{"epochs": true}', r"^--recipe .*r\.json: epochs is True, expected int$"),
        ('{"notes": "text"}', r"^--recipe .*r\.json: notes is 'text', expected "),
    ],
)
def test_bad_recipes(tmp_path, content, message):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(InputError, match=message):
        Recipe.read(tmp_path / "r.json")


def test_no_recipe(tmp_path):
    with pytest.raises(InputError, match=r"^--recipe .*none\.json: cannot be read \("):
        Recipe.read(tmp_path / "none.json")


def test_it_is_plain_json():
    assert json.loads(Recipe().to_json())["architecture"] == "dense"
