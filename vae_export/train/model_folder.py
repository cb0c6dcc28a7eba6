"""Write the folder of a trained model: the model, its recipe, its card, its samples and its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vae_export.io.arrays import to_unit
from vae_export.io.pictures import grid, write_png
from vae_export.runtime.python import vae_runtime
from vae_export.train.data import ImageData
from vae_export.train.figures import VaeFigures, measure
from vae_export.train.fit import TrainingRun
from vae_export.train.recipe import Recipe

__all__ = ["write_model_folder"]

SAMPLES = 256
PICTURED = 10


def write_model_folder(folder: Path, recipe: Recipe, data: ImageData, run: TrainingRun) -> VaeFigures:
    """Write model.keras, recipe.json, history.csv, README.md, samples.npz and two pictures.

    Args:
        folder: made if it does not exist.
        recipe: of the training.
        data: its test images are measured, and the first 256 of them become the samples
            (``x``, uint8).
        run: the finished training.

    Returns:
        The figures of the test set that stand in the card.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run.vae.vae.save(folder / "model.keras")
    (folder / "recipe.json").write_text(recipe.to_json(), encoding="utf-8")
    run.write_history(folder / "history.csv")
    np.savez_compressed(folder / "samples.npz", x=data.test[:SAMPLES])
    _write_pictures(folder, recipe, data, run)
    figures = measure(run.vae, to_unit(data.test))
    (folder / "README.md").write_text(_card(recipe, data, run, figures), encoding="utf-8")
    return figures


def _write_pictures(folder: Path, recipe: Recipe, data: ImageData, run: TrainingRun) -> None:
    originals = to_unit(data.test[: 2 * PICTURED])
    mu, logvar, _ = run.vae.encoder.predict(originals, verbose=0)
    reconstructions = run.vae.decoder.predict(vae_runtime.sample(mu, logvar, seed=0), verbose=0)
    rows = [
        originals[:PICTURED],
        reconstructions[:PICTURED],
        originals[PICTURED:],
        reconstructions[PICTURED:],
    ]
    write_png(grid(np.concatenate(rows), columns=PICTURED), folder / "reconstructions.png")
    z = vae_runtime.normal(7, 0, 0, 6 * PICTURED * recipe.latent_dim).reshape(-1, recipe.latent_dim)
    samples = run.vae.decoder.predict(z, verbose=0)
    write_png(grid(samples, columns=PICTURED), folder / "samples.png")


def _card(recipe: Recipe, data: ImageData, run: TrainingRun, figures: VaeFigures) -> str:
    shape = "x".join(str(n) for n in data.train.shape[1:])
    notes = "".join(f"\n{note}\n" for note in recipe.notes)
    active = f"{figures.active_latents} of {recipe.latent_dim}"
    trained = f"{len(run.history)} epochs, the weights of epoch {run.best_epoch} (lowest validation loss)"
    return f"""# {recipe.name}

A variational autoencoder with the `{recipe.architecture}` architecture, {recipe.latent_dim} latent values and
{run.vae.vae.count_params():,} parameters, for images of {shape} in [0, 1].

| | |
| --- | --- |
| data | {data.name}: {len(data.train):,} training images, {len(data.test):,} test images |
| loss | `{recipe.loss}`, beta {recipe.beta:g} |
| optimiser | Adam, learning rate {recipe.learning_rate:g}, batches of {recipe.batch_size} |
| trained | {trained}, seed {recipe.seed} |

Measured on the {figures.images:,} test images, nats per image, one draw of z each:

| ELBO | reconstruction | KL | active latents |
| --- | --- | --- | --- |
| {figures.elbo:.2f} | {figures.reconstruction:.2f} | {figures.kl:.2f} | {active} |

Make it again: `vae-export train --recipe recipe.json -o DIR`. Each epoch's figures are in `history.csv`.
{notes}
Test images, and below each its reconstruction:

![reconstructions](reconstructions.png)

Drawn from the prior with seed 7:

![samples](samples.png)

`samples.npz` holds the first {min(SAMPLES, len(data.test))} test images (`x`, uint8).
"""
