"""The options of an export, validated once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vae_export.core.precision import Budget
from vae_export.core.told import Told

__all__ = ["DEFAULT_BATCHES", "ExportPlan", "LoadableModel"]

# The batch sizes with a signature in .tflite files, whose delegates need static shapes.
DEFAULT_BATCHES = (1, 16, 64)


class LoadableModel(Protocol):
    """A model that was found, to be loaded when the export begins.

    Attributes:
        name: the name of the model in the bundle.
    """

    @property
    def name(self) -> str:
        """See the class."""

    @property
    def sample_folder(self) -> Path | None:
        """The folder to search for samples of the model; None if there is none."""

    def load(self) -> Any:
        """Load the model, for `split`."""


@dataclass(frozen=True)
class ExportPlan:
    """The options of an export; made by `pipeline.planning.make_plan`.

    Attributes:
        source: the model.
        output: the folder to write.
        overwrite: whether a bundle there is replaced.
        formats: keys of `formats.FORMATS`, each derived format after its base.
        precisions: keys of `PRECISIONS`, in its order; with `auto` the candidates.
        auto: whether to choose the smallest or fastest files within the budget.
        prefer: the aim of `auto`, "size" or "speed".
        budgets: lower precision -> budget.
        batches: batch sizes of the signatures in .tflite files, ascending; a single one fixes all files, None
            leaves the batch size free.
        opset: opset of .onnx files.
        integer_io: whether the inputs and outputs of int8 .tflite files are int8.
        tolerance: largest absolute error of outputs in [0, 1]; for other outputs times the range of their
            values.
        samples: real x: a path, arrays, or None.
        helpers: languages of the runtime helpers in the bundle.
        told: by the user, of sampling layers whose code is not at hand.
        strict: whether an assumption is an error.
        input_shape: shape of one x, for models with free sizes; or None.
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
    told: Told
    strict: bool
    input_shape: tuple[int, ...] | None

    @property
    def name(self) -> str:
        """The name of the model in the bundle."""
        return self.source.name

    @property
    def fixed_batch(self) -> int | None:
        """The only batch size of all files; None if they have several or a free one."""
        return self.batches[0] if self.batches is not None and len(self.batches) == 1 else None
