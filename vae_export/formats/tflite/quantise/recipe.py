"""Recipes of .tflite files: where each precision is made, and what that needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from vae_export.errors import MissingDependencyError
from vae_export.formats.protocol import LazyRecipe, QuantisationRecipe

__all__ = ["TfliteRecipe", "need_quantizer"]


@dataclass(frozen=True)
class TfliteRecipe(LazyRecipe):
    """A recipe in a module of its own.

    Attributes:
        by_litert_quantizer: whether litert-quantizer makes it, which is an extra: it pins ai-edge-litert to
            one version.
        for_integers: whether its source is lowered for activations of 8 bits, which want another lowering
            than float32 does.
    """

    by_litert_quantizer: bool = False
    for_integers: bool = False


def need_quantizer(recipes: Mapping[str, QuantisationRecipe]) -> None:
    """Check that litert-quantizer is installed if a recipe needs it.

    Args:
        recipes: precision -> recipe, of the precisions that are wanted.

    Raises:
        MissingDependencyError: it is not.
    """
    made = [
        precision
        for precision, recipe in recipes.items()
        if isinstance(recipe, TfliteRecipe) and recipe.by_litert_quantizer
    ]
    if made and importlib.util.find_spec("litert_quantizer") is None:
        raise MissingDependencyError(
            f"precision: {', '.join(made)} of .tflite files needs litert-quantizer, which is not installed; "
            "pip install 'vae-export[int8]'"
        )
