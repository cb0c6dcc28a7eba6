"""Fit a VAE to images."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from vae_export.errors import InputError
from vae_export.io.arrays import to_unit
from vae_export.train.architectures import ReferenceVae, build_vae
from vae_export.train.data import ImageData
from vae_export.train.loss import LOSSES, kl_per_sample, reconstruction_per_sample, total_loss
from vae_export.train.recipe import Recipe

__all__ = ["TrainingRun", "fit"]

Progress = Callable[[int, int, int, int, dict[str, float]], None]


@dataclass(frozen=True)
class TrainingRun:
    """The result of a training.

    Attributes:
        vae: the model, with the weights of its best epoch.
        history: one row an epoch: ``epoch``, and loss, reconstruction and kl of both sets.
        best_epoch: the epoch (from 1) whose validation loss was lowest; 0 if none was finished.
        interrupted: whether Ctrl-C ended it early.
    """

    vae: ReferenceVae
    history: list[dict[str, float]]
    best_epoch: int
    interrupted: bool

    def write_history(self, path: Path) -> None:
        """Write the history as CSV, one row an epoch."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=HISTORY_COLUMNS)
            writer.writeheader()
            writer.writerows(self.history)


HISTORY_COLUMNS = (
    "epoch",
    "loss",
    "reconstruction",
    "kl",
    "val_loss",
    "val_reconstruction",
    "val_kl",
)


def fit(recipe: Recipe, data: ImageData, progress: Progress | None = None) -> TrainingRun:
    """Train the recipe's VAE on `data`.

    Args:
        recipe: architecture, loss and schedule.
        data: images; the test set validates each epoch.
        progress: called as ``progress(epoch, epochs, step, steps, figures)`` after each batch
            (step <= steps) and, with the epoch's validation figures, after each epoch.

    Returns:
        The run, with the weights of the epoch whose validation loss was lowest. Ctrl-C ends the
        training early and does not raise.

    Raises:
        InputError: a value of the recipe is out of range, or the training diverged.
    """
    _check(recipe)
    keras.utils.set_random_seed(recipe.seed)
    vae = build_vae(recipe.architecture, data.train.shape[1:], recipe.latent_dim, seed=recipe.seed)
    trainer = VaeTrainer(vae, recipe)
    trainer.compile(optimizer=keras.optimizers.Adam(recipe.learning_rate))
    best = _BestEpoch(progress, recipe.epochs)
    train, test = to_unit(data.train), to_unit(data.test)
    interrupted = False
    try:
        trainer.fit(
            train,
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            validation_data=(test, None),
            validation_batch_size=500,
            callbacks=[best],
            verbose=0,
        )
    except KeyboardInterrupt:
        interrupted = True
    if best.weights is not None:
        trainer.set_weights(best.weights)
    elif best.history:
        raise InputError("training diverged: no epoch had a finite validation loss; lower learning_rate")
    return TrainingRun(vae, best.history, best.epoch, interrupted)


def _check(recipe: Recipe) -> None:
    if recipe.loss not in LOSSES:
        raise InputError(f"loss: got {recipe.loss!r}, expected one of {', '.join(LOSSES)}")
    for name in ("epochs", "batch_size", "learning_rate"):
        if not getattr(recipe, name) > 0:
            raise InputError(f"{name}: got {getattr(recipe, name)}, expected more than 0")
    if not 0 <= recipe.seed < 1 << 32:
        raise InputError(f"seed: got {recipe.seed}, expected 0 to 2**32 - 1")
    if not recipe.name:
        raise InputError("name: got '', expected a name")
    if not recipe.beta >= 0:
        raise InputError(f"beta: got {recipe.beta}, expected at least 0")


class VaeTrainer(keras.Model):  # type: ignore[misc]  # keras has no type stubs
    """The VAE together with its loss; add_loss on a functional model is gone from Keras 3."""

    def __init__(self, vae: ReferenceVae, recipe: Recipe) -> None:
        super().__init__(name="vae_trainer")
        self.encoder = vae.encoder
        self.decoder = vae.decoder
        self.recipe = recipe
        self.reconstruction_mean = keras.metrics.Mean(name="reconstruction")
        self.kl_mean = keras.metrics.Mean(name="kl")

    def call(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        mu, logvar, z = self.encoder(x, training=training)
        return {"mu": mu, "logvar": logvar, "reconstruction": self.decoder(z, training=training)}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        reconstruction = reconstruction_per_sample(x, y_pred["reconstruction"])
        kl = kl_per_sample(y_pred["mu"], y_pred["logvar"])
        self.reconstruction_mean.update_state(reconstruction)
        self.kl_mean.update_state(kl)
        pixels = int(np.prod(x.shape[1:]))
        return total_loss(self.recipe.loss, reconstruction, kl, pixels=pixels, beta=self.recipe.beta)


class _BestEpoch(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no type stubs
    """Keep the best weights and the history, and tell how far it is."""

    def __init__(self, progress: Progress | None, epochs: int) -> None:
        super().__init__()
        self.progress = progress
        self.epochs = epochs
        self.epoch = 0
        self.weights: list[Any] | None = None
        self.history: list[dict[str, float]] = []
        self.current = 0
        self.lowest = math.inf

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.current = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.progress:
            steps = self.params["steps"] or 0
            self.progress(self.current, self.epochs, batch + 1, steps, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        figures = {column: float((logs or {})[column]) for column in HISTORY_COLUMNS[1:]}
        self.history.append({"epoch": self.current, **figures})
        # Written so that NaN is never the best.
        if figures["val_loss"] < self.lowest:
            self.lowest = figures["val_loss"]
            self.epoch = self.current
            self.weights = self.model.get_weights()
        if self.progress:
            steps = self.params["steps"] or 0
            self.progress(self.current, self.epochs, steps, steps, figures)
