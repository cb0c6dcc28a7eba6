"""What an export does about questions and assumptions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_export.core.artifact import TensorSpec
from vae_export.errors import InputError, QuestionError
from vae_export.pipeline.samples import find_samples

if TYPE_CHECKING:
    from vae_export.split.split_vae import SplitVae

__all__ = ["refuse_assumptions", "with_figures_of_samples"]


def with_figures_of_samples(error: QuestionError, samples: Any, folder: Path | None) -> QuestionError:
    """The question with what real samples say about each candidate, if there are samples of its one input.

    Raises:
        DataError: the samples cannot be read, or do not fit.
    """
    if error.site is None or len(error.site.graph.inputs) != 1:
        return error
    (value,) = error.site.graph.inputs
    spec = TensorSpec("x", value.shape, value.dtype)
    found = find_samples(samples, folder, {"x": spec}, lambda name, rows: np.zeros((rows, 0), np.float32))
    if not found.real:
        return error
    from vae_export.split.asking import with_moments

    return with_moments(error, found.arrays["x"])


def refuse_assumptions(vae: SplitVae) -> None:
    """Raise if anything about the sampling sites was assumed.

    Raises:
        InputError: with all assumptions.
    """
    found = [
        f"layer {site.layer_name!r}: {one.words} ({one.how})"
        for site in vae.sites
        for one in site.posterior.assumptions
    ]
    if found:
        raise InputError(
            f"{vae.name}: strict: {'; '.join(found)}; give the code with --custom-objects, or tell "
            "--mu, --logvar, --parametrisation and --epsilon-scale"
        )
