"""Models with conditions, and notes on layers, on the command line."""

import numpy as np
import pytest

from vae_export import load
from vae_export.cli.main import main


@pytest.fixture
def conditional_bundle(run, tmp_path):
    """Labels into both halves; two latents; two outputs, one of them a picture."""
    (tmp_path / "conditional.py").write_text(
        """
import keras
from keras import layers
from vae_export.split.sampling_layer import SamplingLayer

def vae():
    x, label = keras.Input((6, 6, 1), name="photo"), keras.Input((), name="label", dtype="int32")
    y = layers.Embedding(10, 4)(label)
    h = layers.Concatenate()([layers.Flatten()(x), y])
    one = SamplingLayer(name="content")([layers.Dense(3)(h), layers.Dense(3)(h)])
    other = SamplingLayer(name="style")([layers.Dense(2)(h), layers.Dense(2)(h)])
    h = layers.Concatenate()([one, other, y])
    picture = layers.Reshape((6, 6, 1), name="picture")(layers.Dense(36, activation="sigmoid")(h))
    return keras.Model([x, label], [picture, layers.Dense(10, name="digit")(h)])
"""
    )
    run("conditional:vae", "-o", "b")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((3, 6, 6, 1), np.float32))
    return "b"


def test_a_conditional_model_on_the_command_line(run, conditional_bundle, tmp_path):
    assert run("generate", conditional_bundle, "-n", "4", "--condition", "label=1,2") == (
        "wrote 4 images of seed 0 to generated.png\n"
    )
    run("generate", conditional_bundle, "-n", "4", "--condition", "label=1,2", "-o", "g.npz")
    drawn = np.load(tmp_path / "g.npz")
    assert {name: drawn[name].shape for name in drawn} == {"picture": (4, 6, 6, 1), "digit": (4, 10)}
    vae = load(tmp_path / conditional_bundle)
    expected = vae.generate(4, seed=0, conditions={"label": [1, 2, 1, 2]})
    np.testing.assert_array_equal(drawn["picture"], expected["picture"])
    out = run("encode", conditional_bundle, "x.npy", "--condition", "label=3")
    assert out == (
        "wrote mu_content, mu_style, logvar_content, logvar_style, z_content, z_style of 3 inputs to latents.npz\n"
    )
    np.save(tmp_path / "labels.npy", np.int64([3, 3, 3]))
    run("decode", conditional_bundle, "latents.npz", "--condition", "label=labels.npy", "-o", "d.npz")
    run("reconstruct", conditional_bundle, "x.npy", "--condition", "label=3", "-o", "r.npz")
    one, other = np.load(tmp_path / "d.npz"), np.load(tmp_path / "r.npz")
    np.testing.assert_allclose(one["picture"], other["picture"], rtol=0, atol=1e-6)
    run("generate", conditional_bundle, "-n", "1500", "--condition", "label=1,2,3", "-o", "many.npz")
    expected = vae.generate(1500, seed=0, conditions={"label": np.resize([1, 2, 3], 1500)})
    np.testing.assert_allclose(np.load("many.npz")["digit"], expected["digit"], rtol=0, atol=1e-5)
    assert "z_content [3]: cut at 'content' (SamplingLayer)" in run("inspect", conditional_bundle)
    assert run("verify", conditional_bundle).count("yes") > 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "b"], "--condition: got none, expected --condition label=..."),
        (
            ["generate", "b", "--condition", "lable=1"],
            "--condition: got lable, expected --condition label=...",
        ),
        (
            ["generate", "b", "--condition", "label=a"],
            "--condition label: got 'a', expected numbers for rows of",
        ),
        (
            ["generate", "b", "--condition", "label=1.5"],
            "--condition label: got dtype float64, expected values",
        ),
        (["generate", "b", "--condition", "label=no.npy"], "no.npy: no such file or folder"),
        (
            ["decode", "b", "x.npy", "--condition", "label=1"],
            "x.npy: holds z_content, expected z_content, z_style",
        ),
        (
            ["decode", "b", "z.npz", "--condition", "label=1"],
            "z.npz: got 1 rows of z_style, expected 4 as of z_content",
        ),
    ],
)
def test_wrong_conditions(conditional_bundle, capfd, arguments, message):
    np.savez("z.npz", z_content=np.zeros((4, 3)), z_style=np.zeros((1, 2)))
    assert main(arguments) == 2
    assert capfd.readouterr().err.startswith(f"vae-export: {message}")


def test_notes_on_layers_that_give_trouble(run, tmp_path):
    (tmp_path / "sequences.py").write_text("from tests.gallery.lstm_sequence import build\n")
    out = run("inspect", "sequences:build")
    assert out.count("note: ") == 2
    assert " (LSTM): unrolled over its 12 steps\n" in out
