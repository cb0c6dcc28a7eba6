"""Everything an export was asked for, validated once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vae_export.core.precision import Budget

__all__ = ["DEFAULT_BATCHES", "ExportPlan", "LoadableModel"]

# Batch sizes that a .tflite file has a signature for: its delegates take static shapes alone.
DEFAULT_BATCHES = (1, 16, 64)


class LoadableModel(Protocol):
    """A model that was found, and is loaded when the export begins.

    Attributes:
        name: what the bundle calls it.
    """

    @property
    def name(self) -> str:
        """See the class."""

    @property
    def sample_folder(self) -> Path | None:
        """The folder where samples of the model may lie; None if there is none."""

    def load(self) -> Any:
        """What `split` takes."""


@dataclass(frozen=True)
class ExportPlan:
    """The options of an export; made by `pipeline.planning.make_plan`.

    Attributes:
        source: the model.
        output: the folder to write.
        overwrite: whether a bundle there is replaced.
        formats: keys of `formats.FORMATS`, a derived format after the one that it is made of.
        precisions: keys of `PRECISIONS`, in its order; with `auto` those that are tried.
        auto: whether the smallest or fastest files within the budget are chosen.
        prefer: what `auto` prefers, "size" or "speed".
        budgets: lower precision -> what it may cost.
        batches: batch sizes that .tflite files have signatures for, ascending; a single one is that of all
            files; None for any batch.
        opset: of .onnx files.
        integer_io: whether int8 .tflite files take and give int8.
        tolerance: largest absolute error on outputs in [0, 1]; times the range of the values for others.
        samples: real x: a path, arrays, or None.
        helpers: languages of the runtime helpers that go into the bundle.
        parametrisation: what the sampling layer is given beside mu, where the user tells it.
        input_shape: of one x, where the model leaves sizes open.
    """

    source: LoadableModel
    output: Path
    overwrite: bool
    formats: tuple[str, ...]
    precisions: tuple[str, ...]
    auto: bool
    prefer: str
    budgets: Mapping[str, Budget]
    batches: tuple[int, ...] | None
    opset: int
    integer_io: bool
    tolerance: float
    samples: Any
    helpers: tuple[str, ...]
    parametrisation: str | None
    input_shape: tuple[int, ...] | None

    @property
    def name(self) -> str:
        """What the bundle calls the model."""
        return self.source.name

    @property
    def fixed_batch(self) -> int | None:
        """The one batch size of all files; None where they take several or any."""
        return self.batches[0] if self.batches is not None and len(self.batches) == 1 else None
