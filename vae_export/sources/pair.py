"""Encoder and decoder in two files, or two models in memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from vae_export.errors import InputError
from vae_export.sources.keras_container import check_keras_file
from vae_export.sources.keras_file import KerasFile
from vae_export.sources.keras_needed import keras_needed
from vae_export.sources.protocol import Recognised, Request

__all__ = ["PairOfModels"]


class PairOfModels:
    """Two models that are one VAE."""

    name = "pair of models"
    expected = ""
    takes_weights = False

    def recognise(self, request: Request) -> Recognised | None:
        """By the two arguments.

        Raises:
            InputError: one of them alone, or a model as well.
        """
        if request.encoder is None and request.decoder is None:
            return None
        if request.encoder is None or request.decoder is None or request.model is not None:
            raise InputError("--encoder, --decoder: got one, or a MODEL as well, expected both and no MODEL")
        return Recognised(1.0, "an encoder and a decoder")

    def model_name(self, request: Request) -> str:
        """The common part of the names: "vae" for vae_encoder.keras, and for vae/encoder.keras."""
        encoder = request.encoder
        if not isinstance(encoder, Path):
            return str(encoder.name)
        rest = re.sub(r"[-_. ]*encoder[-_. ]*", "", encoder.stem, flags=re.IGNORECASE)
        return rest or encoder.absolute().parent.name

    def sample_folder(self, request: Request) -> Path | None:
        """None: the files may be in two folders."""
        return None

    def check(self, request: Request) -> None:
        """Check encoder and decoder, each if it is a file."""
        for half in (request.encoder, request.decoder):
            if isinstance(half, Path):
                check_keras_file(half)

    def load(self, request: Request) -> Any:
        """Load encoder and decoder into a `split.pair.Pair`."""
        with keras_needed():
            from vae_export.split.pair import Pair

        def load(half: Any) -> Any:
            if isinstance(half, Path):
                return KerasFile().load(Request(half, custom_objects=request.custom_objects))
            return half

        return Pair(load(request.encoder), load(request.decoder), None, self.model_name(request))
