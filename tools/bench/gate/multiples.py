"""Errors in multiples of the movement, as the gate sees them."""

from __future__ import annotations

import contextlib

import numpy as np

from vae_export.core.rounding import channel_maxima, flat_rows, rounding_errors
from vae_export.verify import parity

# Kind of row -> whether it is flat.
KINDS = {"ordinary": False, "flat": True}


@contextlib.contextmanager
def recorded():
    """Kind of row -> errors beyond the plain tolerance, relative to multiple * movement."""
    judge, found = parity.judge_rounding, {kind: [] for kind in KINDS}

    def judged(compared, tolerance, scales):
        errors = channel_maxima(compared.errors)
        if (errors > tolerance * scales).any():
            rounding = rounding_errors(compared.inputs, compared.movement())
            rows = flat_rows(compared.inputs)
            for kind, flat in KINDS.items():
                beyond = (errors > tolerance * scales) & (rows == flat)[:, None]
                found[kind] += (errors[beyond] / np.maximum(rounding[beyond], 1e-300)).tolist()
        return judge(compared, tolerance, scales)

    parity.judge_rounding = judged
    try:
        yield found
    finally:
        parity.judge_rounding = judge
