"""What an old runtime makes of an artifact: right, refused, or wrong without a word."""

from __future__ import annotations

import numpy as np

from tests.old_runtimes.environments import age

RIGHT, REFUSED = "right", "refused"
# Largest errors of lower precisions are those of single pixels, and so are their tolerances: what is wrong
# everywhere shows in the mean. It may be this many times what the precision itself loses.
MEAN_ERRORS = 2.0
LEAST_MEAN_ERROR = 1e-5


def judge(entry, runtime, refusal, got, expected):
    """What a runtime makes of an artifact, and what is wrong with that.

    Args:
        entry: of the artifact, in the manifest.
        runtime: package and version.
        refusal: why the file was not loaded; None if it was.
        got, expected: "ROWS:OUTPUT" -> array, of the runtime and of the current one.

    Returns:
        (seen, failure): failure is None where the manifest's oldest_runtime agrees with what was seen.
    """
    where = f"{entry['file']} in {runtime}, oldest_runtime {entry['oldest_runtime']}"
    if refusal is not None:
        # To be refused is right for what is older alone.
        known = age(runtime) >= age(entry["oldest_runtime"])
        return f"{REFUSED}: {refusal}", f"{where}: refused ({refusal})" if known else None
    wrong = differences(entry["parity"], got, expected)
    if wrong:
        return f"wrong: {'; '.join(wrong)}", f"{where}: wrong without a word: {'; '.join(wrong)}"
    return RIGHT, None


def differences(parity, got, expected):
    """One line for each output that is not the current runtime's."""
    if not expected or got.keys() != expected.keys():
        return [f"got the outputs {', '.join(got) or 'none'}, expected {', '.join(expected) or 'some'}"]
    wrong = []
    for name, array in expected.items():
        row = parity[name.split(":")[1]]
        if got[name].shape != array.shape:
            wrong.append(f"{name}: shape {got[name].shape}, expected {array.shape}")
            continue
        errors = np.abs(got[name].astype(np.float64) - array)
        limits = (
            ("largest", errors.max(), row["tolerance"]),
            ("mean", errors.mean(), max(MEAN_ERRORS * row["mean_absolute_error"], LEAST_MEAN_ERROR)),
        )
        # Written so that NaN fails.
        wrong += [
            f"{name}: {which} difference {error:.3g}, expected at most {limit:.3g}"
            for which, error, limit in limits
            if not error <= limit
        ]
    return wrong
