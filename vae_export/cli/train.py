"""`vae-export train`: train a reference VAE."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from vae_export.cli.arguments import add_json_argument
from vae_export.cli.terminal import print_error, print_json, say
from vae_export.pipeline import train
from vae_export.train.recipe import Recipe

# Field of a recipe -> type, help.
_SETTINGS: dict[str, tuple[type, str]] = {
    "name": (str, "name of the model"),
    "architecture": (str, "dense or conv"),
    "latent_dim": (int, "number of latent values"),
    "loss": (str, "elbo or tutorial"),
    "beta": (float, "weight of the KL"),
    "epochs": (int, "number of epochs"),
    "batch_size": (int, "images in a batch"),
    "learning_rate": (float, "learning rate of Adam"),
    "seed": (int, "seed of weights, order and noise"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="recipe.json to start from")
    for key, (kind, words) in _SETTINGS.items():
        default = getattr(Recipe(), key)
        parser.add_argument(f"--{key.replace('_', '-')}", type=kind, help=f"{words} (default {default})")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="folder of IDX .gz files, .npz, .npy or folder of images (default Fashion-MNIST)",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="default: the name of the model")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier training")
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Train, and print the figures of the test images."""
    settings = {key: getattr(options, key) for key in _SETTINGS}
    with _TrainingProgress() as progress:
        result = train(
            options.output,
            recipe=options.recipe,
            data=options.data,
            overwrite=options.overwrite,
            progress=progress,
            **settings,
        )
    if options.json:
        print_json(
            {
                "model": str(result.model),
                "figures": asdict(result.figures),
                "epochs": result.epochs,
                "best_epoch": result.best_epoch,
                "interrupted": result.interrupted,
            }
        )
    else:
        figures, latents = result.figures, result.recipe.latent_dim
        say(
            f"ELBO {figures.elbo:.2f}, reconstruction {figures.reconstruction:.2f}, KL {figures.kl:.2f} nats "
            f"an image on {figures.images:,} test images; {figures.active_latents} of {latents} "
            "latents active"
        )
        say(f"wrote {result.model}")
    if result.interrupted:
        print_error(
            f"interrupted after {result.epochs} of {result.recipe.epochs} epochs; kept the weights of "
            + (f"epoch {result.best_epoch}, the best so far" if result.best_epoch else "the unfinished epoch")
        )
        return 130
    return 0


class _TrainingProgress:
    """A progress bar on a terminal, else one line for each epoch; both on standard error."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._bar = ProgressBar(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("", epoch="", figures="", total=None)

    def __enter__(self) -> _TrainingProgress:
        if self._terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            self._bar.stop()

    def __call__(self, epoch: int, epochs: int, step: int, steps: int, figures: dict[str, float]) -> None:
        text = ", ".join(
            f"{name.replace('_', ' ')} {figures[name]:.2f}"
            for name in ("loss", "reconstruction", "kl", "val_loss")
            if name in figures
        )
        if self._terminal:
            self._bar.update(self._task, completed=step, total=steps, epoch=f"{epoch}/{epochs}", figures=text)
        elif "val_loss" in figures:
            print(f"epoch {epoch}/{epochs}: {text}", file=sys.stderr)
