"""A toy precision of the toy format: weights without their last 16 bits, as bfloat16 has them."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np

from vae_export.core.artifact import artifact_file
from vae_export.core.precision import Budget, Precision

BFLOAT16 = Precision("bfloat16", "16-bit brain float weights, computed in float32", budget=Budget(35.0, 0.05))


def recipe(source, rows, *, integer_io=False, keep_float=(), kept_bits=16):
    with np.load(io.BytesIO(source.data), allow_pickle=False) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    mask = np.uint32(2**32 - 2 ** (32 - kept_bits))
    for name, values in content.items():
        if values.dtype == np.float32:
            content[name] = (values.view(np.uint32) & mask).view(np.float32)
    file = io.BytesIO()
    np.savez(file, **content)
    return replace(
        source,
        precision=BFLOAT16.name,
        files={artifact_file(source.role, BFLOAT16.name, ".npz"): file.getvalue()},
        quantiser="a mask of NumPy",
    )
