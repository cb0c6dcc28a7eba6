"""Stages that several verbs share: load a model, compute in float32, split it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vae_export.core.plan import LoadableModel
from vae_export.io.quiet import quiet
from vae_export.sources.keras_needed import keras_needed

if TYPE_CHECKING:
    from vae_export.split.split_vae import SplitVae

__all__ = ["Progress", "cut_halves", "in_float32", "load_model", "silent"]

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Ignore progress."""


def load_model(source: LoadableModel, step: Progress) -> Any:
    """The Keras model, or the pair of models, of a source."""
    step("loading TensorFlow and the model")
    with quiet():
        return source.load()


@contextlib.contextmanager
def in_float32(keras_model: Any) -> Iterator[Any]:
    """A context in which the layers of the model compute in float32, whatever their dtype policy."""
    with keras_needed():
        from vae_export.split.float32 import computing_in_float32
        from vae_export.split.pair import Pair
    models = (keras_model.encoder, keras_model.decoder) if isinstance(keras_model, Pair) else (keras_model,)
    with computing_in_float32(*models):
        yield keras_model


def cut_halves(keras_model: Any, name: str, options: Mapping[str, Any], step: Progress) -> SplitVae:
    """Split a model at its sampling sites; `options` are those of `split`."""
    step("finding the sampling site")
    with quiet():
        from vae_export.split.split_vae import split

        return split(keras_model, name, **options)
