"""Train a reference VAE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vae_export.bundle.writer import check_parent
from vae_export.errors import OutputError
from vae_export.io.quiet import quiet
from vae_export.sources.keras_needed import keras_needed

if TYPE_CHECKING:
    from vae_export.train.figures import VaeFigures
    from vae_export.train.recipe import Recipe

__all__ = ["TrainingResult", "train"]


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Attributes:
        model: the .keras file.
        figures: on the test images.
        epochs: how many were finished.
        best_epoch: the one whose weights were kept; 0 if none was finished.
        interrupted: whether Ctrl-C ended it early.
    """

    model: Path
    figures: VaeFigures
    epochs: int
    best_epoch: int
    interrupted: bool


def train(
    recipe: Recipe,
    output: str | Path,
    *,
    data: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int, int, int, dict[str, float]], None] | None = None,
) -> TrainingResult:
    """Train a reference VAE and write its folder.

    Args:
        recipe: architecture, loss and schedule.
        output: the folder to make.
        data: images; see `train.data.load_images`. Default Fashion-MNIST.
        overwrite: replace the files of a training that lies there.
        progress: see `train.fit.fit`.

    Raises:
        InputError: the recipe, the data or the output is wrong; the subclass says which.
    """
    folder = Path(output)
    _check_model_folder(folder, overwrite)
    from vae_export.train.data import load_images

    with quiet(), keras_needed():
        images = load_images(Path(data) if data is not None else None)
        from vae_export.train.fit import fit
        from vae_export.train.model_folder import write_model_folder
    run = fit(recipe, images, progress)
    figures = write_model_folder(folder, recipe, images, run)
    return TrainingResult(folder / "model.keras", figures, len(run.history), run.best_epoch, run.interrupted)


def _check_model_folder(folder: Path, overwrite: bool) -> None:
    if folder.exists():
        if not overwrite:
            raise OutputError(f"{folder}: exists already; choose another place with -o, or give --overwrite")
        if not (folder / "recipe.json").is_file():
            raise OutputError(
                f"{folder}: is no folder of a training (no recipe.json), so --overwrite leaves it alone"
            )
    check_parent(folder)
