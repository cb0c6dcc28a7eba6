"""A toy format: the weights and the graph of dense layers as one .npz, run by NumPy."""

from __future__ import annotations

import io
import json

import numpy as np

from vae_export.core.artifact import Artifact
from vae_export.errors import ConversionError
from vae_export.formats.protocol import Format
from vae_export.runtime.python import vae_runtime

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
}


class NpzSession(vae_runtime.Session):
    """An .npz file, run by NumPy."""

    def __init__(self, model, threads=None, rows=vae_runtime.ROWS):
        source = io.BytesIO(model) if isinstance(model, bytes) else model
        with np.load(source, allow_pickle=False) as arrays:
            self._weights = {name: arrays[name] for name in arrays.files if name != "graph"}
            graph = json.loads(str(arrays["graph"]))
        self._steps, self._targets = graph["steps"], graph["targets"]
        self.inputs, self.outputs = (
            {name: ((None, *shape), np.dtype(np.float32)) for name, shape in graph[side].items()}
            for side in ("inputs", "outputs")
        )
        self._batches, self._rows = None, rows

    def run_whole(self, inputs, rows):
        values = dict(inputs)
        for step in self._steps:
            x = values[step["input"]]
            if step["kind"] == "reshape":
                values[step["output"]] = x.reshape(len(x), *step["shape"])
            else:
                w, b = (self._weights[f"{step['weights']}_{name}"] for name in ("w", "b"))
                values[step["output"]] = ACTIVATIONS[step["activation"]](x @ w + b).astype(np.float32)
        return [values[self._targets[name]] for name in self.outputs]


class NpzFormat(Format):
    """Files that NumPy runs."""

    name = "npz"
    label = "NPZ"
    runtime = "NumPy"
    use = "machines without a runtime"
    suffixes = (".npz",)
    pip = "pip install numpy"

    def convert(self, half, plan):
        steps, weights, known = [], {}, {value: name for name, value in half.model.sources.items()}
        for number, call in enumerate(half.model.calls):
            known[call.outputs[0]] = output = f"t{number}"
            step = {"input": known[call.inputs[0]], "output": output}
            kind = type(call.operation).__name__
            if kind == "Dense":
                names = {"weights": f"d{number}", "activation": call.operation.activation.__name__}
                steps.append({"kind": "dense", **step, **names})
                weights |= {f"d{number}_w": call.operation.kernel, f"d{number}_b": call.operation.bias}
            elif kind in ("Reshape", "Flatten"):
                steps.append({"kind": "reshape", **step, "shape": call.outputs[0].shape[1:]})
            else:
                raise ConversionError(f"{half.role}.npz: {kind} is no layer for NumPy, expected Dense")
        graph = {
            "steps": steps,
            "targets": {name: known[target.value] for name, target in half.model.targets.items()},
            "inputs": {name: spec.shape[1:] for name, spec in half.inputs.items()},
            "outputs": {name: spec.shape[1:] for name, spec in half.outputs.items()},
        }
        file = io.BytesIO()
        arrays = {name: weight.numpy() for name, weight in weights.items()}
        np.savez(file, graph=json.dumps(graph), **arrays)
        return Artifact(
            role=half.role,
            format=self.name,
            precision="float32",
            files={self.file(half.role): file.getvalue()},
            inputs=tuple(half.inputs.values()),
            outputs=tuple(half.outputs.values()),
            batches=None,
            preferred_batch=64,
            operators=tuple(sorted({step["kind"] for step in steps})),
            oldest_runtime="numpy 1.26",
            details={"steps": len(steps)},
        )

    def open(self, model, threads=None, rows=vae_runtime.ROWS):
        return NpzSession(model, threads, rows)
