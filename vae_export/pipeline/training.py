"""Train a reference VAE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_export.bundle.writer import check_parent
from vae_export.errors import OutputError
from vae_export.io.quiet import quiet
from vae_export.sources.keras_needed import keras_needed
from vae_export.train.recipe import Recipe

if TYPE_CHECKING:
    from vae_export.train.figures import VaeFigures

__all__ = ["TrainingResult", "train"]


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Attributes:
        model: the .keras file.
        recipe: the settings.
        figures: figures on the test images.
        epochs: number of finished epochs.
        best_epoch: the epoch of the weights; 0 if none was finished.
        interrupted: whether Ctrl-C ended it early.
    """

    model: Path
    recipe: Recipe
    figures: VaeFigures
    epochs: int
    best_epoch: int
    interrupted: bool


def train(
    output: str | Path | None = None,
    *,
    recipe: Recipe | str | Path | None = None,
    name: str | None = None,
    architecture: str | None = None,
    latent_dim: int | None = None,
    loss: str | None = None,
    beta: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int | None = None,
    data: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int, int, int, dict[str, float]], None] | None = None,
) -> TrainingResult:
    """Train a reference VAE and write its folder.

        vae_export.train("my-vae", architecture="conv", latent_dim=16, epochs=20)

    Args:
        output: the folder; default the name of the model.
        recipe: settings to start from: a recipe.json, or a `Recipe`. Default ``Recipe()``.
        name, architecture, latent_dim, loss, beta, epochs, batch_size, learning_rate, seed: settings other
            than those of the recipe; see `train.recipe.Recipe`.
        data: images; see `train.data.load_images`. Default Fashion-MNIST.
        overwrite: replace the files of an earlier training.
        progress: see `train.fit.fit`.

    Raises:
        InputError: the recipe, the data or the output is wrong; the subclass says which.
    """
    settings = {
        "name": name,
        "architecture": architecture,
        "latent_dim": latent_dim,
        "loss": loss,
        "beta": beta,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    start = recipe if isinstance(recipe, Recipe) else Recipe.read(Path(recipe)) if recipe else Recipe()
    # Any: each value has the type of its field.
    given: dict[str, Any] = {key: value for key, value in settings.items() if value is not None}
    recipe = replace(start, **given)
    folder = Path(recipe.name if output is None else output)
    _check_model_folder(folder, overwrite)
    from vae_export.train.data import load_images

    with quiet(), keras_needed():
        images = load_images(Path(data) if data is not None else None)
        from vae_export.train.fit import fit
        from vae_export.train.model_folder import write_model_folder
    run = fit(recipe, images, progress)
    figures = write_model_folder(folder, recipe, images, run)
    return TrainingResult(
        folder / "model.keras", recipe, figures, len(run.history), run.best_epoch, run.interrupted
    )


def _check_model_folder(folder: Path, overwrite: bool) -> None:
    if folder.exists():
        if not overwrite:
            raise OutputError(f"{folder}: exists already; choose another path with -o, or give --overwrite")
        if not (folder / "recipe.json").is_file():
            raise OutputError(
                f"{folder}: is no folder of a training (no recipe.json), so --overwrite leaves it alone"
            )
    check_parent(folder)
