"""Both error rates of the parity gate: false alarms on random VAEs, and misses of planted faults.

Usage: python tools/bench/gate [alarms | misses | all] [--models N] [--seed S]

Alarms: the styles of the gallery, and families with latents of 2, 16 and 96 values, with weights as Keras
draws them, peaked, heavy-tailed, tiny and huge, statistics of BatchNormalization far from 0 and 1; each on
usual, constant, zero and extreme samples, in ONNX Runtime and LiteRT. "overflow" are samples for which the
author's own model gives no numbers. An alarm is true where an artifact gives none and the model does, and
where LiteRT's softplus is at fault.

Misses: each fault is planted in a half or in a file, in both formats, with ordinary and with huge weights.
"hidden" are faults that change no case of the gate by more than the tolerance.

All takes 37 minutes of one core.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[3]))
warnings.simplefilter("ignore")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=("alarms", "misses", "all"))
    parser.add_argument("--models", type=int, default=330)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    import alarms

    wrong = 0
    if options.what in ("alarms", "all"):
        wrong += alarms.measure(options.models, options.seed)
    if options.what in ("misses", "all"):
        import misses

        wrong += misses.measure(options.seed)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
