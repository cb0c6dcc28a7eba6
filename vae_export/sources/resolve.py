"""Find the source of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vae_export.errors import InputError, ModelError
from vae_export.sources import SOURCES
from vae_export.sources.protocol import Request, Source

__all__ = ["FoundModel", "resolve_model"]


@dataclass(frozen=True)
class FoundModel:
    """A model to export; see `core.plan.LoadableModel`.

    Attributes:
        source: its kind.
        request: the user's words.
        name: of the bundle.
    """

    source: Source
    request: Request
    name: str

    @property
    def sample_folder(self) -> Path | None:
        """The folder where samples of the model may lie; None if there is none."""
        return self.source.sample_folder(self.request)

    def load(self) -> Any:
        """The model, as `split` takes it, after it was checked.

        Raises:
            ModelError: it is broken, unsafe, or cannot be loaded.
            InputError: the custom objects cannot be imported.
            MissingDependencyError: TensorFlow or Keras is not installed.
        """
        self.source.check(self.request)
        return self.source.load(self.request)


def resolve_model(
    model: str | Path | Any | None,
    name: str | None = None,
    *,
    encoder: str | Path | Any | None = None,
    decoder: str | Path | Any | None = None,
    weights: str | Path | None = None,
    custom_objects: str | Path | Mapping[str, Any] | None = None,
) -> FoundModel:
    """Find the source of a file, a name, a Keras model or a pair; None is the default reference model.

    Raises:
        ModelError: no source recognises it.
        InputError: arguments that contradict each other.
    """
    request = Request(
        model,
        _as_path(encoder),
        _as_path(decoder),
        None if weights is None else Path(weights),
        str(custom_objects) if isinstance(custom_objects, Path) else custom_objects,
    )
    source = _most_confident(request)
    if weights is not None and not source.takes_weights:
        raise InputError(
            f"--weights: got {weights}, expected it with MODEL as package.module:attribute alone"
        )
    found = source.model_name(request) if name is None else name
    if not found:
        raise InputError("name: got '', expected a name; give the model or its file one")
    return FoundModel(source, request, found)


def _as_path(half: Any) -> Any:
    return Path(half) if isinstance(half, str) else half


def _most_confident(request: Request) -> Source:
    recognised = [(seen.confidence, source) for source in SOURCES if (seen := source.recognise(request))]
    if recognised:
        return max(recognised, key=lambda one: one[0])[1]
    path = request.path
    found = "this is a directory" if path is not None and path.is_dir() else "no such file"
    *first, last = (source.expected for source in SOURCES if source.expected)
    raise ModelError(
        f"{request.text}: {found}, and no reference model of this name; expected {', '.join(first)}, or "
        f"{last}"
    )
