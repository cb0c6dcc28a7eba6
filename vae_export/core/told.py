"""What the user tells about a sampling layer whose code is not at hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vae_export.core.parametrisation import PARAMETRISATIONS
from vae_export.errors import InputError

__all__ = ["NOTHING_TOLD", "Told"]


@dataclass(frozen=True)
class Told:
    """The answers to what cannot be measured or read; None where nothing was told.

    Attributes:
        parametrisation: of the second tensor, a key of `PARAMETRISATIONS`.
        epsilon_scale: factor of epsilon: its standard deviation, negative where the model subtracts it.
        mu, logvar: names of the tensors that the sampling layer takes, or of the encoder's outputs; of the
            two parts of one tensor "NAME:first" and "NAME:second". `parametrisation` is of `logvar`.
    """

    parametrisation: str | None = None
    epsilon_scale: float | None = None
    mu: str | None = None
    logvar: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            InputError: an unknown parametrisation, a scale that is no positive number, or one name alone.
        """
        if self.parametrisation not in (None, *PARAMETRISATIONS):
            raise InputError(
                f"parametrisation: got {self.parametrisation!r}, expected {', '.join(PARAMETRISATIONS)}"
            )
        if self.epsilon_scale is not None and not (self.epsilon_scale and math.isfinite(self.epsilon_scale)):
            raise InputError(
                f"epsilon scale: got {self.epsilon_scale:g}, expected a finite number other than 0"
            )
        if (self.mu is None) != (self.logvar is None) or (self.mu is not None and self.mu == self.logvar):
            raise InputError(
                f"mu, logvar: got {self.mu} and {self.logvar}, expected the names of two tensors, or neither"
            )


NOTHING_TOLD = Told()
