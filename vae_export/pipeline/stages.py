"""What several commands do with a model: load it, compute in float32, cut it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vae_export.core.latent import PARAMETRISATION_NAMES
from vae_export.errors import InputError
from vae_export.io.quiet import quiet
from vae_export.sources.resolve import ModelSource, keras_needed

if TYPE_CHECKING:
    from vae_export.split.split_vae import SplitVae

__all__ = ["Progress", "cut_halves", "cut_options", "in_float32", "load_keras", "silent"]

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Progress that nobody watches."""


def load_keras(source: ModelSource, step: Progress) -> Any:
    """The Keras model, or the pair of models, of a source."""
    step("loading TensorFlow and the model")
    with quiet():
        return source.load()


@contextlib.contextmanager
def in_float32(keras_model: Any) -> Iterator[Any]:
    """The model, while its layers compute in float32 whatever they were trained in."""
    with keras_needed():
        from vae_export.split.float32 import computing_in_float32
        from vae_export.split.pair import Pair
    models = (keras_model.encoder, keras_model.decoder) if isinstance(keras_model, Pair) else (keras_model,)
    with computing_in_float32(*models):
        yield keras_model


def cut_halves(keras_model: Any, name: str, options: Mapping[str, Any], step: Progress) -> SplitVae:
    """Find the sampling site, and cut there; `options` as `cut_options` checks them."""
    step("finding the sampling site")
    with quiet():
        from vae_export.split.split_vae import split

        return split(keras_model, name, **options)


def cut_options(parametrisation: str | None, input_shape: Sequence[int] | None) -> dict[str, Any]:
    """Arguments of `split`.

    Raises:
        InputError: there is no such parametrisation or shape.
    """
    if parametrisation is not None and parametrisation not in PARAMETRISATION_NAMES:
        raise InputError(
            f"parametrisation: got {parametrisation!r}, expected {', '.join(PARAMETRISATION_NAMES)}"
        )
    if input_shape is not None and not (input_shape and all(size >= 1 for size in input_shape)):
        raise InputError(f"input shape: got {list(input_shape)}, expected sizes of at least 1")
    return {"parametrisation": parametrisation, "x_shape": tuple(input_shape) if input_shape else None}
