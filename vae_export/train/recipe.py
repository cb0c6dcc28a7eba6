"""A recipe: the settings of `vae-export train` that reproduce a model, as a small JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from vae_export.errors import InputError

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """How a reference VAE is trained.

    Attributes:
        name: name of the model, and of its folder.
        architecture: a key of `architectures.ARCHITECTURES`.
        latent_dim: number of latent values.
        loss: a member of `loss.LOSSES`.
        beta: weight of the KL.
        epochs, batch_size, learning_rate: of Adam (Kingma & Ba 2014).
        seed: of the initial weights, the order of the images and the noise.
        notes: paragraphs that go into the model card.
    """

    name: str = "vae"
    architecture: str = "dense"
    latent_dim: int = 2
    loss: str = "elbo"
    beta: float = 1.0
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 0.001
    seed: int = 0
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe.

        Raises:
            InputError: no such file, no JSON object, an unknown key or a value of the wrong type.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"--recipe {path}: cannot be read ({error})") from error
        known = {field.name: field for field in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= set(known):
            got = sorted(set(values) - set(known)) if isinstance(values, dict) else type(values).__name__
            raise InputError(f"--recipe {path}: got {got}, expected an object with keys of {sorted(known)}")
        for key, value in values.items():
            default = getattr(cls(), key)
            expected: Any = (int, float) if isinstance(default, float) else type(default)
            if isinstance(default, tuple):
                expected = list
            if not isinstance(value, expected) or isinstance(value, bool):
                raise InputError(f"--recipe {path}: {key} is {value!r}, expected {type(default).__name__}")
        if "notes" in values:
            values["notes"] = tuple(str(note) for note in values["notes"])
        return cls(**values)

    def to_json(self) -> str:
        """The recipe as the text of its file."""
        return json.dumps(asdict(self), indent=2) + "\n"
