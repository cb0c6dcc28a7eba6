import csv
from dataclasses import replace

import numpy as np
import pytest

from vae_export.errors import InputError
from vae_export.io.arrays import to_unit
from vae_export.train.architectures import build_vae
from vae_export.train.data import ImageData
from vae_export.train.figures import measure
from vae_export.train.fit import HISTORY_COLUMNS, fit
from vae_export.train.recipe import Recipe

RECIPE = Recipe(epochs=2, batch_size=16, seed=3)


@pytest.fixture(scope="module")
def data(root):
    samples = np.load(root / "models" / "fashion-mnist-dense" / "samples.npz")["x"]
    return ImageData("samples", samples[:192], samples[192:])


def weights(run):
    return [weight.numpy() for weight in run.vae.vae.trainable_weights]


@pytest.fixture(scope="module")
def run(data):
    return fit(RECIPE, data)


def test_one_epoch_on_real_images_lowers_the_loss(data):
    untrained = measure(build_vae("dense", (28, 28, 1), 2, seed=3), to_unit(data.test))
    trained = measure(fit(replace(RECIPE, epochs=1), data).vae, to_unit(data.test))
    assert -trained.elbo < 0.95 * -untrained.elbo


def test_the_second_epoch_lowers_it_further(run):
    first, second = run.history
    assert second["loss"] < first["loss"]
    assert second["val_loss"] < first["val_loss"]
    assert (run.best_epoch, run.interrupted) == (2, False)


def test_parts_are_logged_separately_and_add_up(run, tmp_path):
    run.write_history(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert tuple(rows[0]) == HISTORY_COLUMNS
    for row in rows:
        total = float(row["val_reconstruction"]) + float(row["val_kl"])
        assert total == pytest.approx(float(row["val_loss"]), rel=1e-4, abs=0)
        assert 100 < float(row["val_reconstruction"]) < 700
        assert float(row["val_kl"]) > 0.01


def test_a_seed_repeats_the_training(run, data):
    for ours, again in zip(weights(run), weights(fit(RECIPE, data)), strict=True):
        np.testing.assert_array_equal(ours, again)


def test_another_seed_does_not(run, data):
    other = fit(replace(RECIPE, seed=4, epochs=1), data)
    assert not np.array_equal(weights(run)[0], weights(other)[0])


def test_beta_holds_the_kl_down(run, data):
    strong = fit(replace(RECIPE, beta=50.0), data)
    assert strong.history[-1]["val_kl"] < 0.5 * run.history[-1]["val_kl"]


def test_the_tutorials_loss_collapses_the_posterior(run, data):
    tutorial = fit(replace(RECIPE, loss="tutorial"), data)
    assert tutorial.history[-1]["val_kl"] < 0.1 * run.history[-1]["val_kl"]


def test_progress_tells_steps_and_epochs(data):
    seen = []
    fit(replace(RECIPE, epochs=1), data, lambda *step: seen.append(step))
    assert [step[:4] for step in seen[:2]] == [(1, 1, 1, 12), (1, 1, 2, 12)]
    assert seen[-1][:4] == (1, 1, 12, 12)
    assert "val_loss" in seen[-1][4]


def interrupt_at(epoch, step):
    def progress(current, epochs, at, steps, figures):
        if (current, at) == (epoch, step):
            raise KeyboardInterrupt

    return progress


def test_an_interruption_keeps_the_best_weights(data):
    run = fit(replace(RECIPE, epochs=5), data, interrupt_at(2, 3))
    assert (run.interrupted, run.best_epoch, len(run.history)) == (True, 1, 1)
    whole = fit(replace(RECIPE, epochs=1), data)
    for ours, best in zip(weights(run), weights(whole), strict=True):
        np.testing.assert_array_equal(ours, best)


def test_an_interruption_in_the_first_epoch_keeps_what_there_is(data):
    run = fit(RECIPE, data, interrupt_at(1, 3))
    assert (run.interrupted, run.best_epoch, run.history) == (True, 0, [])


def test_the_best_epoch_is_not_always_the_last(data):
    # So large a step that the second epoch is worse.
    run = fit(replace(RECIPE, learning_rate=0.03, epochs=5, seed=1), data)
    losses = [row["val_loss"] for row in run.history]
    assert run.best_epoch == 1 + int(np.argmin(losses))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "l2"}, r"^loss: got 'l2', expected one of elbo, tutorial$"),
        ({"epochs": 0}, r"^epochs: got 0, expected more than 0$"),
        ({"batch_size": -1}, r"^batch_size: got -1, expected more than 0$"),
        ({"learning_rate": 0.0}, r"^learning_rate: got 0\.0, expected more than 0$"),
        ({"seed": -1}, r"^seed: got -1, expected 0 to 2\*\*32 - 1$"),
        ({"name": ""}, r"^name: got '', expected a name$"),
        ({"beta": -1.0}, r"^beta: got -1\.0, expected at least 0$"),
    ],
)
def test_bad_recipes_are_refused(data, change, message):
    with pytest.raises(InputError, match=message):
        fit(replace(RECIPE, **change), data)


def test_a_diverging_training_is_an_error(data):
    with pytest.raises(
        InputError, match=r"^training diverged: no epoch had a finite validation loss; lower learn"
    ):
        fit(replace(RECIPE, learning_rate=1e30, epochs=1), data)
