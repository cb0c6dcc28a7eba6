"""Run an exported VAE: draw noise, encode, sample, decode, generate.

One file, copied into every bundle. It needs NumPy and one of onnxruntime, ai-edge-litert or
tflite-runtime, and neither TensorFlow nor the package that made the bundle:

    import vae_runtime
    vae = vae_runtime.load("my-bundle")
    images = vae.generate(16, seed=7)            # float32 [16, height, width, channels]
    mu, logvar = vae.encode(x)                   # x: float32 [n, height, width, channels]
    same = vae.decode(vae.sample(mu, logvar, seed=7))

Self test of a bundle against its golden arrays: ``python vae_runtime.py BUNDLE``.

The noise is a pure function of (seed, stream, index), specified in NOISE.md: the same bits on every
machine and in every language, in any order, on any number of workers.

Nothing is sent and nothing is written: ONNX Runtime, which reports its use from version 1.32 on, is told not
to by ORT_DISABLE_TELEMETRY=1, set before it is imported unless the environment has another value.
"""

from __future__ import annotations

import abc
import argparse
import base64
import functools
import hashlib
import html
import json
import math
import os
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "BACKENDS",
    "ROWS",
    "Backend",
    "LiteRTSession",
    "NormalStream",
    "OnnxSession",
    "Session",
    "Vae",
    "VaeRuntimeError",
    "load",
    "normal",
    "philox",
    "precisions",
    "sample",
]

FORMAT_VERSION = 1
NOISE_VERSION = 1

Array = np.ndarray[Any, Any]


class VaeRuntimeError(ValueError):
    """An argument, a bundle or a missing package: one line saying got, expected, next step."""


# ---- Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") ----

_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = 0x9E3779B9, 0xBB67AE85
_MASK, _HALF_WIDTH = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox(seed: int, stream: int, block: int, count: int) -> Array:
    """Words of `count` consecutive blocks: uint32 ``[count, 4]``.

    The key is (seed low, seed high), the counter (block low, block high, stream, 0).
    """
    seed, stream = _integer("seed", seed, 1 << 64), _integer("stream", stream, 1 << 32)
    block = _integer("block", block, 1 << 64)
    blocks = np.arange(count, dtype=np.uint64) + np.uint64(block)
    c0, c1 = blocks & _MASK, blocks >> _HALF_WIDTH
    c2 = np.full(count, stream, np.uint64)
    c3 = np.zeros(count, np.uint64)
    key_0, key_1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        product_0, product_1 = c0 * _MULTIPLIER_0, c2 * _MULTIPLIER_1
        c0 = (product_1 >> _HALF_WIDTH) ^ c1 ^ np.uint64(key_0)
        c2 = (product_0 >> _HALF_WIDTH) ^ c3 ^ np.uint64(key_1)
        c1, c3 = product_1 & _MASK, product_0 & _MASK
        key_0, key_1 = (key_0 + _WEYL_0) & 0xFFFFFFFF, (key_1 + _WEYL_1) & 0xFFFFFFFF
    return np.stack((c0, c1, c2, c3), axis=1).astype(np.uint32)


# ---- The inverse normal distribution function (Wichura 1988, AS 241, PPND16) ----

# fmt: off
_CENTRE_NUMERATOR = (
    2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608)
_CENTRE_DENOMINATOR = (
    5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
    5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0)
_TAIL_NUMERATOR = (
    7.7454501427834140764e-4, .0227238449892691845833, .24178072517745061177, 1.27045825245236838258,
    3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734)
_TAIL_DENOMINATOR = (
    1.05075007164441684324e-9, 5.475938084995344946e-4, .0151986665636164571966,
    .14810397642748007459, .68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0)
# fmt: on
# log(2) in two parts: the first has 29 significant bits, so its product with an exponent is exact.
_LOG2_HIGH, _LOG2_LOW = 0.69314718060195446, -4.2009150726810846e-11
_LOG_TERMS = 11


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Horner's rule, highest power first, every multiplication and addition rounded."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += coefficient
    return value


def _log(x: Array) -> Array:
    """Natural logarithm of float64 x in (0, 1), with +, -, * and / only: libm's differ."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < 0.70710678118654757
    mantissa = np.where(low, mantissa + mantissa, mantissa)
    exponent = (exponent - low).astype(np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    series = _polynomial(tuple(1.0 / (2 * k + 1) for k in reversed(range(_LOG_TERMS + 1))), s * s)
    return exponent * _LOG2_HIGH + (exponent * _LOG2_LOW + 2.0 * s * series)


def _inverse_normal(words: Array) -> Array:
    """Standard normal values, float32, of uint32 words, through u = (word + 0.5) / 2**32."""
    u = (words.astype(np.float64) + 0.5) / 4294967296.0
    q = u - 0.5
    r = 0.180625 - q * q
    value = q * _polynomial(_CENTRE_NUMERATOR, r) / _polynomial(_CENTRE_DENOMINATOR, r)
    tail = np.abs(q) > 0.425
    u, q = u[tail], q[tail]
    # At most 4.79 for 32-bit words, so the third region of AS 241 (above 5) is never entered.
    r = np.sqrt(-_log(np.minimum(u, 1.0 - u))) - 1.6
    far = _polynomial(_TAIL_NUMERATOR, r) / _polynomial(_TAIL_DENOMINATOR, r)
    value[tail] = np.where(q < 0.0, -far, far)
    return value.astype(np.float32)


# ---- The noise stream ----

# Values made at a time: the temporaries stay in the second-level cache.
_CHUNK = 16384
_READ_AHEAD = 1024


def normal(seed: int, stream: int, start: int, count: int) -> Array:
    """Values [start, start + count) of a stream of standard normal noise: float32 ``[count]``.

    Args:
        seed: in [0, 2**64).
        stream: in [0, 2**32); streams of one seed are independent.
        start: index of the first value, at least 0.
        count: at least 0; start + count is at most 2**64.
    """
    seed = _integer("seed", seed, 1 << 64)
    stream = _integer("stream", stream, 1 << 32)
    start = _integer("start", start, 1 << 64)
    count = _integer("count", count, (1 << 64) - start + 1)
    values = np.empty(count, np.float32)
    for low in range(start, start + count, _CHUNK):
        high = min(low + _CHUNK, start + count)
        first = low // 4
        words = philox(seed, stream, first, (high - 1) // 4 - first + 1).reshape(-1)
        values[low - start : high - start] = _inverse_normal(words[low - 4 * first : high - 4 * first])
    return values


class NormalStream:
    """One stream with read-ahead, for drawing a few values at a time; thread safe.

    ``draw(start, count)`` is ``normal(seed, stream, start, count)``, faster when calls are small and
    their starts grow. The result may be a read-only view.
    """

    def __init__(self, seed: int, stream: int = 0) -> None:
        self.seed = seed
        self.stream = stream
        # Values [low, high), replaced as one object: another thread never sees half of a change.
        self._ahead: tuple[int, int, Array] = (-1, -1, np.empty(0, np.float32))

    def draw(self, start: int, count: int) -> Array:
        """Values [start, start + count): float32 ``[count]``."""
        if type(start) is not int or type(count) is not int or count < 0:
            start, count = _integer("start", start, 1 << 64), _integer("count", count, 1 << 64)
        low, high, values = self._ahead
        if low <= start and start + count <= high:
            return values[start - low : start - low + count]
        # Sequential readers get a larger read-ahead: the overhead of a call dominates.
        ahead = _CHUNK if low <= start <= high else _READ_AHEAD
        if 2 * count > ahead or start + ahead > 1 << 64:
            self._ahead = (start + count, start + count, values[:0])
            return normal(self.seed, self.stream, start, count)
        values = normal(self.seed, self.stream, start, ahead)
        values.flags.writeable = False
        self._ahead = (start, start + ahead, values)
        return values[:count]


def sample(
    mu: Array,
    logvar: Array,
    *,
    seed: int,
    stream: int = 0,
    start: int = 0,
    epsilon_scale: float = 1.0,
) -> Array:
    """Draw z = mu + epsilon_scale * exp(0.5 * logvar) * epsilon (Kingma & Welling 2013).

    Args:
        mu, logvar: float, equal shapes.
        seed, stream: of the noise; see `normal`.
        start: index of the first value of noise; k * size of one z for sample k.
        epsilon_scale: standard deviation of epsilon.

    Returns:
        z, float32 with the shape of mu: the float64 result rounded once.
    """
    mu, logvar = np.asarray(mu), np.asarray(logvar)
    if mu.shape != logvar.shape:
        raise VaeRuntimeError(f"logvar: got shape {logvar.shape}, expected {mu.shape} as in mu")
    epsilon = normal(seed, stream, start, mu.size)
    return _reparameterise(mu, logvar, epsilon.reshape(mu.shape), epsilon_scale)


def _reparameterise(mu: Array, logvar: Array, epsilon: Array, epsilon_scale: float) -> Array:
    sigma = np.exp(0.5 * logvar.astype(np.float64)) * epsilon_scale
    z: Array = (mu + sigma * epsilon).astype(np.float32)
    return z


def _integer(name: str, value: Any, limit: int) -> int:
    """`value` as a Python integer, which does not overflow."""
    if not (isinstance(value, (int, np.integer)) and 0 <= value < limit):
        raise VaeRuntimeError(f"{name}: got {value}, expected an integer in [0, {limit})")
    return int(value)


# ---- Sessions: one converted half, loaded by a runtime ----

# Largest batch of a run where the manifest names none, so that memory stays bounded.
ROWS = 256
_MAX_THREADS = 1024
# Files up to this size are run by one thread: waking others takes longer than their work.
_SMALL_FILE = 1 << 20


class Session(abc.ABC):
    """A loaded half. Runs batches of any size in batches of the sizes that the file has.

    Attributes:
        inputs, outputs: name -> (shape with None for a free axis, NumPy dtype).
    """

    inputs: dict[str, tuple[tuple[int | None, ...], Any]]
    outputs: dict[str, tuple[tuple[int | None, ...], Any]]
    # The file's batch sizes, ascending, or None for any; and the largest batch of a run.
    _batches: tuple[int, ...] | None
    _rows: int

    @functools.cached_property
    def whole(self) -> Container[int]:
        """The batch sizes that need no splitting and no padding."""
        any_batch = range(1, self._rows + 1)
        return any_batch if self._batches is None else {n for n in self._batches if n in any_batch}

    @functools.cached_property
    def plain(self) -> tuple[str, tuple[int | None, ...], Any] | None:
        """Name, shape of a row and dtype of the only input; None if there are several."""
        if len(self.inputs) > 1:
            return None
        ((name, (shape, dtype)),) = self.inputs.items()
        return name, shape[1:], dtype

    def run(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Run on arrays ``[n, ...]`` by name; outputs ``[n, ...]`` by name."""
        return dict(zip(self.outputs, self.run_batches(inputs), strict=True))

    def run_batches(self, inputs: dict[str, Array]) -> list[Array]:
        """The same; returns the outputs as a list, in the order of `outputs`."""
        rows = len(next(iter(inputs.values())))
        if rows in self.whole:
            return self.run_whole(inputs, rows)
        results: list[Array] = []
        low = 0
        while low < rows:
            step = self._next_batch(rows - low)
            part = {name: array[low : low + step] for name, array in inputs.items()}
            taken = min(step, rows - low)
            if taken < step and self._batches:
                part = {n: np.concatenate([a, np.repeat(a[-1:], step - taken, 0)]) for n, a in part.items()}
            arrays = self.run_whole(part, step)
            results = results or [np.empty((rows, *array.shape[1:]), array.dtype) for array in arrays]
            for result, array in zip(results, arrays, strict=True):
                result[low : low + taken] = array[:taken]
            low += taken
        return results

    def _next_batch(self, rows: int) -> int:
        """The size of the next batch: the next larger one if at least half of it is used."""
        if self._batches is None:
            return self._rows
        sizes = [size for size in self._batches if size <= self._rows]
        larger = next((size for size in sizes if size >= rows), None)
        if larger is not None and (2 * rows >= larger or larger == sizes[0]):
            return larger
        return max(size for size in sizes if size <= rows)

    @abc.abstractmethod
    def run_whole(self, inputs: dict[str, Array], rows: int) -> list[Array]:
        """Run on a batch of a size in `whole`; returns the outputs in the order of `outputs`."""


class OnnxSession(Session):
    """An .onnx or .ort file (path or bytes) in ONNX Runtime.

    Args:
        model: the file.
        threads: of the runtime; None leaves the choice to the runtime.
        rows: the largest batch of a run.
    """

    def __init__(self, model: str | bytes, threads: int | None = None, rows: int = ROWS) -> None:
        onnxruntime = BACKENDS["onnx"].module()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads:
            options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

        def describe(values: Any) -> dict[str, tuple[tuple[int | None, ...], Any]]:
            return {
                value.name: (
                    tuple(n if isinstance(n, int) else None for n in value.shape),
                    np.dtype(_ONNX_DTYPES[value.type]),
                )
                for value in values
            }

        self.inputs = describe(self.session.get_inputs())
        self.outputs = describe(self.session.get_outputs())
        self._names = list(self.outputs)
        batch = next(iter(self.inputs.values()))[0][0]
        self._batches = None if batch is None else (batch,)
        self._rows = rows if batch is None else batch

    def run_whole(self, inputs: dict[str, Array], rows: int) -> list[Array]:
        """Run the session."""
        arrays: list[Array] = self.session.run(self._names, inputs)
        return arrays


_ONNX_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


class LiteRTSession(Session):
    """A .tflite file (path or bytes) in LiteRT or tflite-runtime; runs of several threads are serialised.

    Args:
        model: the file.
        threads: of the runtime; None leaves the choice to the runtime.
        rows: the largest batch of a run, but at least the file's smallest.
    """

    def __init__(self, model: str | bytes, threads: int | None = None, rows: int = ROWS) -> None:
        interpreter = BACKENDS["tflite"].module().Interpreter
        source = {"model_content": model} if isinstance(model, bytes) else {"model_path": model}
        self._interpreter = interpreter(num_threads=threads, **source)
        # One signature for each batch size, or a single one for any. Tensors are bound by the names of the
        # signature: the order of the interpreter's get_output_details() is not defined.
        runners = map(self._interpreter.get_signature_runner, self._interpreter.get_signature_list())
        by_batch: dict[int | None, Any] = {}
        for runner in runners:
            batch = int(next(iter(runner.get_input_details().values()))["shape_signature"][0])
            by_batch[batch if batch >= 0 else None] = runner
        self._runners = by_batch
        self._prepared: dict[int, Callable[[dict[str, Array]], list[Array]]] = {}
        sizes = sorted(size for size in by_batch if size is not None)
        self._batches = None if None in by_batch else tuple(sizes)
        self._rows = max(rows, sizes[0]) if sizes else rows
        first = by_batch[None if self._batches is None else sizes[0]]

        def describe(details: Any) -> dict[str, tuple[tuple[int | None, ...], Any]]:
            return {
                name: (
                    (
                        sizes[0] if len(sizes) == 1 else None,
                        *(None if n < 0 else int(n) for n in entry["shape_signature"][1:]),
                    ),
                    # Quantised inputs and outputs are converted from and to float32.
                    np.dtype(np.float32 if _is_quantised(entry) else entry["dtype"]),
                )
                for name, entry in details.items()
            }

        given, made = first.get_input_details(), first.get_output_details()
        self.inputs, self.outputs = describe(given), describe(made)
        self._integers = {name: entry for name, entry in {**given, **made}.items() if _is_quantised(entry)}
        self._lock = threading.Lock()
        # A first run: unsupported operators are an error now, and not at the user's first call.
        least = sizes[0] if sizes else 1
        shapes = {name: (least, *(n or 1 for n in shape[1:])) for name, (shape, _) in self.inputs.items()}
        self.run_whole(
            {name: np.zeros(shapes[name], dtype) for name, (_, dtype) in self.inputs.items()}, least
        )

    def run_whole(self, inputs: dict[str, Array], rows: int) -> list[Array]:
        """Run the signature of the batch."""
        if not self._integers:
            return self._run_signature(inputs, rows)
        inputs = {
            name: _to_integers(array, self._integers[name]) if name in self._integers else array
            for name, array in inputs.items()
        }
        return [
            _to_floats(array, self._integers[name]) if name in self._integers else array
            for name, array in zip(self.outputs, self._run_signature(inputs, rows), strict=True)
        ]

    def _run_signature(self, inputs: dict[str, Array], rows: int) -> list[Array]:
        with self._lock:
            prepared = self._prepared.get(rows)
            if prepared is not None:
                return prepared(inputs)
            size = None if self._batches is None else rows
            arrays = self._runners[size](**inputs)
            if size is not None:
                self._prepared[size] = _prepared(self._runners[size], list(self.outputs))
            return [arrays[name] for name in self.outputs]


def _is_quantised(entry: dict[str, Any]) -> bool:
    """Whether LiteRT's details of a tensor describe integers with a scale."""
    return np.dtype(entry["dtype"]).kind in "iu" and entry["quantization"][0] != 0


def _to_integers(array: Array, entry: dict[str, Any]) -> Array:
    (scale, zero_point), limits = entry["quantization"], np.iinfo(entry["dtype"])
    integers: Array = np.clip(np.rint(array / scale) + zero_point, limits.min, limits.max)
    return integers.astype(entry["dtype"])


def _to_floats(array: Array, entry: dict[str, Any]) -> Array:
    scale, zero_point = entry["quantization"]
    floats: Array = (array.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
    return floats


def _prepared(runner: Any, outputs: list[str]) -> Callable[[dict[str, Array]], list[Array]]:
    """A function that runs a signature of static shapes, after its first run, without allocating it again.

    The signature runner resizes and allocates its tensors at every call, which takes half as long as a small
    model, and has no public option against it. Where its private parts are not those of the known versions,
    the runner itself is called.
    """
    subgraph, wrapper = (getattr(runner, name, None) for name in ("_subgraph_index", "_interpreter_wrapper"))
    put, invoke, get = (getattr(wrapper, name, None) for name in ("SetTensor", "Invoke", "GetTensor"))
    if subgraph is None or put is None or invoke is None or get is None:

        def by_runner(inputs: dict[str, Array]) -> list[Array]:
            arrays = runner(**inputs)
            return [arrays[name] for name in outputs]

        return by_runner
    indices = {name: entry["index"] for name, entry in runner.get_input_details().items()}
    details = runner.get_output_details()
    results = [details[name]["index"] for name in outputs]

    def run(inputs: dict[str, Array]) -> list[Array]:
        for name, array in inputs.items():
            put(indices[name], array, subgraph)
        invoke(subgraph)
        return [get(index, subgraph) for index in results]

    return run


class Backend(NamedTuple):
    """The runtime of a format.

    Attributes:
        name: name of the format.
        session: ``session(file, threads, rows)`` loads a file (path or bytes) as a `Session`.
        modules: importable names of the runtime; the first that is installed is used.
        pip: the command that installs the runtime.
    """

    name: str
    session: Callable[..., Session]
    modules: tuple[str, ...] = ()
    pip: str = ""

    @property
    def installed(self) -> bool:
        """Whether one of the modules can be found."""
        import importlib.util

        return not self.modules or any(
            importlib.util.find_spec(module.split(".")[0]) for module in self.modules
        )

    def module(self) -> Any:
        """Import the runtime; returns its module, or None for a backend without modules.

        Raises:
            VaeRuntimeError: no runtime is installed.
        """
        import importlib

        # After the import it has no effect.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        for module in self.modules:
            try:
                return importlib.import_module(module)
            except ModuleNotFoundError as error:
                # An installed package that fails to import is an error of its own.
                if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
                    raise
        if self.modules:
            raise VaeRuntimeError(f"backend {self.name}: no runtime is installed; {self.pip}")
        return None


_LITERT = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
# Format -> backend, in the order of preference.
BACKENDS = {
    "onnx": Backend("onnx", OnnxSession, ("onnxruntime",), "pip install onnxruntime"),
    "tflite": Backend("tflite", LiteRTSession, _LITERT, "pip install ai-edge-litert"),
    "ort": Backend("ort", OnnxSession, ("onnxruntime",), "pip install onnxruntime"),
}


# ---- The bundle ----

# Draws that notebooks show.
_SHOWN = 8


class Vae:
    """A loaded bundle, made by `load`; safe to use from several threads.

    A half is loaded at its first use, or by `prepare`.

    A single array is passed and returned bare, several as a mapping of tensor names to arrays: a conditional
    model is called as ``encode({"x": x, "label": label})`` and
    ``decode({"z": z, "label": label})``, one with two latents as ``decode({"z_a": a, "z_b": b})``.

    Attributes:
        manifest: the bundle's manifest.json.
        backend: "onnx", "tflite" or "ort".
        artifacts: the manifest's entries of the "encoder" and the "decoder" that are run.
        threads: of the runtime; None if it chooses.
        x_shape: shape of one x.
        inputs: name -> (shape of one row, NumPy dtype) of x, every z and the conditions.
        conditions: names of the further inputs of "encoder" and of "decoder".
        latents: the manifest's entries of the latents: names, shape, stream, epsilon_scale.
        latent_shape, epsilon_scale: those of the first latent.
    """

    def __init__(
        self,
        path: Path,
        manifest: dict[str, Any],
        backend: Backend,
        threads: int | None,
        precision: str | None = None,
    ) -> None:
        self.manifest = manifest
        self.backend = backend.name
        self.latents: list[dict[str, Any]] = [
            {**latent, "shape": tuple(latent["shape"])} for latent in manifest["latents"]
        ]
        self.latent_shape: tuple[int, ...] = self.latents[0]["shape"]
        self.epsilon_scale: float = self.latents[0]["epsilon_scale"]
        self._path = path
        self.artifacts = _find_artifacts(path, manifest, backend.name, precision)
        if threads is None and max(entry["bytes"] for entry in self.artifacts.values()) <= _SMALL_FILE:
            threads = 1
        self.threads = threads
        for entry in self.artifacts.values():
            for companion in entry.get("companions", ()):
                _checked_file(path, companion)
        self._files = {role: str(_checked_file(path, entry)) for role, entry in self.artifacts.items()}
        # A missing runtime is an error now; the halves are loaded at their first use.
        backend.module()
        self._open_session = backend.session
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        specs = {
            role: {
                tensor["name"]: (
                    tuple(n for n in tensor["shape"][1:] if n is not None),
                    np.dtype(np.float32 if tensor["quantisation"] else tensor["dtype"]),
                )
                for tensor in entry["inputs"]
            }
            for role, entry in self.artifacts.items()
        }
        self.inputs = {**specs["encoder"], **specs["decoder"]}
        self.x_shape = self.inputs["x"][0]
        z = {latent["z"] for latent in self.latents}
        self.conditions = {
            "encoder": [name for name in specs["encoder"] if name != "x"],
            "decoder": [name for name in specs["decoder"] if name not in z],
        }
        self._streams: dict[int, NormalStream] = {}

    def __repr__(self) -> str:
        z = ", ".join(f"{latent['z']} {list(latent['shape'])}" for latent in self.latents)
        precision = "/".join(dict.fromkeys(entry["precision"] for entry in self.artifacts.values()))
        name = self.manifest["name"]
        return f"<Vae: {name}, {self.backend} {precision}, x {list(self.x_shape)}, {z}>"

    def _repr_html_(self) -> str | None:
        """Draws from the prior as a picture; None, so that notebooks show the repr, if x is no picture."""
        outputs = self.artifacts["decoder"]["outputs"]
        shape = outputs[0]["shape"][1:]
        if len(outputs) > 1 or self.conditions["decoder"] or len(shape) != 3 or shape[2] not in (1, 3):
            return None
        low, high = self.manifest["x"]["range"] or (0.0, 1.0)
        rows = self.generate(_SHOWN, seed=7)
        pixels = np.rint(np.clip((rows - low) / (high - low), 0, 1) * 255).astype(np.uint8)
        png = base64.b64encode(_png(np.concatenate(list(pixels), axis=1))).decode()
        caption = html.escape(repr(self))
        image = f'<img alt="{_SHOWN} draws from the prior" src="data:image/png;base64,{png}">'
        return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"

    @functools.cached_property
    def _encoder(self) -> Session:
        return self._load("encoder")

    @functools.cached_property
    def _decoder(self) -> Session:
        return self._load("decoder")

    @functools.cached_property
    def _posterior(self) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """(name, position among the encoder's outputs) of every mu, and of every logvar."""
        outputs = list(self._encoder.outputs)
        mus, logvars = (
            [(latent[key], outputs.index(latent[key])) for latent in self.latents] for key in ("mu", "logvar")
        )
        return mus, logvars

    def _load(self, role: str) -> Session:
        with self._lock:
            if role not in self._sessions:
                rows = self.artifacts[role]["preferred_batch"]
                self._sessions[role] = self._open_session(self._files[role], self.threads, rows)
            return self._sessions[role]

    def prepare(self, *roles: str) -> None:
        """Load "encoder" or "decoder" now instead of at its first use."""
        for role in roles:
            if role not in self.artifacts:
                raise VaeRuntimeError(f"prepare: got {role!r}, expected encoder or decoder")
            self._load(role)

    def encode(self, x: Array | Mapping[str, Array]) -> tuple[Any, Any]:
        """x ``[n, ...]``, with conditions in a mapping -> (mu, logvar), float32 ``[n, *latent_shape]``.

        With several latents, mu and logvar are mappings of names to arrays.
        """
        outputs = _run(self._encoder, "x", x)
        mus, logvars = self._posterior
        if len(mus) == 1:
            return outputs[mus[0][1]], outputs[logvars[0][1]]
        return {name: outputs[position] for name, position in mus}, {
            name: outputs[position] for name, position in logvars
        }

    def sample(self, mu: Any, logvar: Any, seed: int = 0, start: int = 0) -> Any:
        """Draw z, float32 ``[n, *latent_shape]``; row k is sample number start + k of the seed.

        With several latents, mu, logvar and z are mappings of names to arrays.
        """
        return _bare(self._sample(mu, logvar, seed, start))

    def decode(self, z: Array | Mapping[str, Array]) -> Any:
        """z ``[n, *latent_shape]``, with conditions in a mapping -> reconstruction float32 ``[n, ...]``.

        With several outputs, a mapping of names to arrays.
        """
        session = self._decoder
        outputs = _run(session, "z", z)
        return outputs[0] if len(outputs) == 1 else dict(zip(session.outputs, outputs, strict=True))

    def reconstruct(self, x: Array | Mapping[str, Array], seed: int = 0, start: int = 0) -> Any:
        """x, with all conditions in a mapping -> decode(sample(encode(x))): shaped like x."""
        given = dict(x) if isinstance(x, Mapping) else {"x": x}
        conditions = {name: given[name] for name in self.conditions["decoder"] if name in given}
        # The encoder refuses conditions of the decoder alone.
        mine = {
            name: array
            for name, array in given.items()
            if name in self.conditions["encoder"] or name not in conditions
        }
        z = self._sample(*self.encode(mine), seed, start)
        return self.decode({**z, **conditions})

    def generate(
        self, n: int, seed: int = 0, start: int = 0, conditions: Mapping[str, Array] | None = None
    ) -> Any:
        """Decode n draws from the prior N(0, I): float32 ``[n, ...]``; image k is sample start + k.

        Args:
            n: at least 1.
            seed, start: of the noise.
            conditions: the decoder's inputs beside z, each ``[n, ...]``, or one row for all.
        """
        if _integer("n", n, 1 << 32) < 1:
            raise VaeRuntimeError(f"n: got {n}, expected at least 1")
        z = {latent["z"]: self._epsilon(latent, seed, start, int(n)) for latent in self.latents}
        return self.decode({**z, **conditions} if conditions else _bare(z))

    def self_test(self) -> dict[str, float]:
        """Compare with the golden arrays of the bundle.

        Returns:
            The largest absolute error of each quantity.

        Raises:
            VaeRuntimeError: an error above its tolerance; all of them are named.
        """
        golden = {
            name: _golden(self._path, entry) for name, entry in self.manifest["golden"]["arrays"].items()
        }
        parity = {name: row for a in self.artifacts.values() for name, row in a["parity"].items()}
        errors, bad = {}, []
        for stage, name, output, got in self.run_golden(golden):
            if stage == "end to end":
                continue
            if stage == "noise":
                tolerance = 0.0
            elif stage == "sample":
                # exp is libm's: one unit in the last place of the largest value.
                tolerance = float(np.spacing(np.abs(golden[name]).max()))
            else:
                tolerance = parity[output]["tolerance"]
            errors[name] = _max_error(got, golden[name])
            if not errors[name] <= tolerance:
                bad.append(f"{name}: largest error {errors[name]:.3g}, tolerance {tolerance:.3g}")
        if bad:
            raise VaeRuntimeError(f"self test of {self._path} with {self.backend} failed: {'; '.join(bad)}")
        return errors

    def run_golden(self, golden: Mapping[str, Array]) -> list[tuple[str, str, str, Array]]:
        """Compute what the golden arrays hold.

        Args:
            golden: the golden arrays.

        Returns:
            (stage, name of the golden array, name of the tensor, computed array). Stages: "noise", "encoder",
            "sample" and "decoder", each from golden inputs, and "end to end".
        """
        recipe = self.manifest["golden"]
        seed, start = recipe["seed"], recipe["start"]

        def given(session: Session, names: Iterable[str]) -> dict[str, Array]:
            return {name: golden[name].astype(session.inputs[name][1]) for name in names}

        x = given(self._encoder, self._encoder.inputs)
        conditions = given(self._decoder, self.conditions["decoder"])
        mu, logvar = (
            {latent[key]: golden[latent[key]] for latent in self.latents} for key in ("mu", "logvar")
        )
        rows = len(next(iter(mu.values())))
        posterior = self._encoder.run(x)
        whole = self._sample(posterior, posterior, seed, start)
        prior = {latent["z"]: self._epsilon(latent, seed, start, rows) for latent in self.latents}
        outputs = list(self._decoder.outputs)
        stages = [
            ("noise", {latent["epsilon"]: prior[latent["z"]] for latent in self.latents}),
            (
                "encoder",
                {latent[key]: posterior[latent[key]] for key in ("mu", "logvar") for latent in self.latents},
            ),
            ("sample", self._sample(mu, logvar, seed, start)),
            ("decoder", self._decoder.run(given(self._decoder, self._decoder.inputs))),
            ("end to end", whole),
            ("end to end", self._decoder.run({**whole, **conditions})),
        ]
        results = [(stage, name, name, array) for stage, arrays in stages for name, array in arrays.items()]
        for name, array in self._decoder.run({**prior, **conditions}).items():
            results.append(
                ("decoder", "generated" if len(outputs) == 1 else f"generated_{name}", name, array)
            )
        return results

    def _sample(self, mu: Any, logvar: Any, seed: int, start: int) -> dict[str, Array]:
        z = {}
        for latent in self.latents:
            one, other = (
                _batch(name, values[name] if isinstance(values, Mapping) else values, latent["shape"])
                for name, values in ((latent["mu"], mu), (latent["logvar"], logvar))
            )
            if len(one) != len(other):
                name = latent["logvar"]
                raise VaeRuntimeError(f"{name}: got a batch of {len(other)}, expected {len(one)} as in mu")
            epsilon = self._epsilon(latent, seed, start, len(one))
            z[latent["z"]] = _reparameterise(one, other, epsilon, latent["epsilon_scale"])
        return z

    def _epsilon(self, latent: dict[str, Any], seed: int, start: int, rows: int) -> Array:
        stream = self._streams.get(latent["stream"])
        if stream is None or type(seed) is not int or seed != stream.seed:
            stream = NormalStream(_integer("seed", seed, 1 << 64), latent["stream"])
            self._streams[latent["stream"]] = stream
        shape = latent["shape"]
        size = math.prod(shape)
        start = _integer("start", start, (1 << 64) // size - rows + 1)
        return stream.draw(start * size, rows * size).reshape(rows, *shape)


def load(
    bundle: str | Path,
    backend: str | Backend | None = None,
    threads: int | None = None,
    precision: str | None = None,
) -> Vae:
    """Load a bundle.

    Args:
        bundle: the directory that holds manifest.json.
        backend: "onnx", "tflite", "ort", or None for the first of them that the bundle has and whose
            runtime is installed; or a `Backend` of your own.
        threads: threads of the runtime; None takes one for files up to 1 MiB, and for larger ones leaves
            the choice to the runtime.
        precision: "float32", "float16", "dynamic-int8", "int8", "int16x8", or None for the first that the
            bundle has.

    Raises:
        VaeRuntimeError: no such bundle, an unknown version, a missing or altered file, no runtime.
    """
    path = Path(bundle)
    manifest = _read_manifest(path)
    if isinstance(backend, str):
        if backend not in BACKENDS:
            raise VaeRuntimeError(f"backend: got {backend!r}, expected {', '.join(BACKENDS)}")
        backend = BACKENDS[backend]
    if threads is not None and not 1 <= threads <= _MAX_THREADS:
        raise VaeRuntimeError(f"threads: got {threads}, expected 1 to {_MAX_THREADS}")
    formats = _formats(manifest)
    if backend is None:
        usable = [name for name in formats if BACKENDS[name].installed]
        if not formats:
            held = sorted({artifact["format"] for artifact in manifest["artifacts"]})
            raise VaeRuntimeError(f"{path}: holds {', '.join(held)}, expected {' or '.join(BACKENDS)}")
        if not usable:
            hints = " or ".join(BACKENDS[name].pip for name in formats)
            raise VaeRuntimeError(f"{path}: holds {', '.join(formats)}, no runtime is installed; {hints}")
        backend = BACKENDS[usable[0]]
    return Vae(path, manifest, backend, threads, precision)


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / "manifest.json"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VaeRuntimeError(f"{path}: no bundle here (manifest.json is missing)") from None
    except (OSError, ValueError) as error:
        raise VaeRuntimeError(f"{file}: cannot be read ({error})") from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise VaeRuntimeError(
            f"{file}: format_version {version}, expected {FORMAT_VERSION}; use newer helpers"
        )
    checked: dict[str, Any] = manifest
    noise = checked["noise"]["version"]
    if noise != NOISE_VERSION:
        raise VaeRuntimeError(f"{file}: noise version {noise}, expected {NOISE_VERSION}; use newer helpers")
    return checked


def _formats(manifest: dict[str, Any]) -> list[str]:
    present = {artifact["format"] for artifact in manifest["artifacts"]}
    return [name for name in BACKENDS if name in present]


def precisions(manifest: dict[str, Any], backend: str) -> list[str | None]:
    """The values of `load`'s precision: those that both halves have, or [None] if they share none."""
    encoders, decoders = (
        [a["precision"] for a in manifest["artifacts"] if (a["role"], a["format"]) == (role, backend)]
        for role in ("encoder", "decoder")
    )
    return [precision for precision in encoders if precision in decoders] or [None]


def _find_artifacts(
    path: Path, manifest: dict[str, Any], backend: str, precision: str | None
) -> dict[str, dict[str, Any]]:
    """Role -> entry of the manifest, of a precision or of the first that both halves have."""
    chosen = precisions(manifest, backend)[0] if precision is None else precision
    found = {}
    for role in ("encoder", "decoder"):
        entries = [a for a in manifest["artifacts"] if (a["role"], a["format"]) == (role, backend)]
        if not entries:
            raise VaeRuntimeError(
                f"{path}: no {role} for {backend}; it holds {', '.join(_formats(manifest))}"
            )
        wanted = [entry for entry in entries if chosen in (None, entry["precision"])]
        if not wanted:
            held = ", ".join(entry["precision"] for entry in entries)
            raise VaeRuntimeError(f"{path}: no {role} for {backend} in {chosen}; it holds {held}")
        found[role] = wanted[0]
    return found


def _checked_file(path: Path, entry: dict[str, Any]) -> Path:
    name = entry["file"]
    parts = name.split("/")
    file = path.joinpath(*parts)
    if name.startswith("/") or "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        raise VaeRuntimeError(f"{path}: the manifest names {name!r}, expected a relative path inside")
    if not file.is_file() or file.is_symlink():
        raise VaeRuntimeError(f"{file}: missing, or not a plain file; export the bundle again")
    if hashlib.sha256(file.read_bytes()).hexdigest() != entry["sha256"]:
        raise VaeRuntimeError(f"{file}: altered (its SHA-256 is not the manifest's); export the bundle again")
    return file


def _golden(path: Path, entry: dict[str, Any]) -> Array:
    return np.fromfile(_checked_file(path, entry), "<f4").reshape(entry["shape"])


def _run(session: Session, bare: str, given: Any) -> list[Array]:
    """Run a session on a bare array or a mapping; returns the outputs in their order."""
    if type(given) is np.ndarray and session.plain is not None:
        # The fast path: a single array that needs no conversion.
        (name, row, dtype), shape = session.plain, given.shape
        if given.dtype is dtype and shape[1:] == row and shape[0] in session.whole:
            return session.run_whole({name: given}, shape[0])
    return session.run_batches(_inputs(bare, given, session))


def _inputs(bare: str, given: Any, session: Session) -> dict[str, Array]:
    """Arrays for all inputs of a session, from a bare array or a mapping; single rows are repeated."""
    if not isinstance(given, Mapping):
        given = {bare: given}
    if set(given) != set(session.inputs):
        raise VaeRuntimeError(
            f"got the inputs {', '.join(sorted(map(str, given))) or 'none'}, expected "
            f"{', '.join(session.inputs)}; give them as a mapping of names to arrays"
        )
    arrays = {
        name: _batch(name, given[name], shape[1:], dtype) for name, (shape, dtype) in session.inputs.items()
    }
    if len(arrays) == 1:
        return arrays
    rows = {name: len(array) for name, array in arrays.items()}
    most = max(rows.values())
    wrong = [name for name, count in rows.items() if count not in (1, most)]
    if wrong:
        raise VaeRuntimeError(
            f"{wrong[0]}: got a batch of {rows[wrong[0]]}, expected {most} as in the others"
        )
    return {name: np.repeat(a, most, axis=0) if len(a) < most else a for name, a in arrays.items()}


def _bare(arrays: dict[str, Array]) -> Any:
    """The array of a mapping with a single entry, else the mapping."""
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _batch(name: str, value: Any, shape: tuple[int | None, ...], dtype: Any = np.float32) -> Array:
    """`value` as an array ``[n, *shape]`` of a dtype.

    Raises:
        VaeRuntimeError: another shape, or values that the dtype does not hold.
    """
    array = np.asarray(value)
    if array.dtype is not dtype and array.dtype != dtype:
        if array.dtype.kind not in ("f" if dtype == np.float32 else "iub"):
            raise VaeRuntimeError(f"{name}: got dtype {array.dtype}, expected {np.dtype(dtype)}")
        given, array = array, array.astype(dtype)
        if dtype != np.float32 and (array != given).any():
            raise VaeRuntimeError(f"{name}: got values that {np.dtype(dtype)} does not hold, expected it to")
    if array.shape[1:] != shape or not array.shape[0]:
        expected = ", ".join(["n", *map(str, shape)])
        raise VaeRuntimeError(f"{name}: got shape {array.shape}, expected ({expected}) with n at least 1")
    return array


def _png(pixels: Array) -> bytes:
    """A picture, uint8 ``[height, width, 1 or 3]``, as PNG."""
    height, width, channels = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _max_error(got: Array, expected: Array) -> float:
    if got.shape != expected.shape:
        return math.inf
    return float(np.abs(got.astype(np.float64) - expected).max())


def main(arguments: list[str] | None = None) -> int:
    """Self test of a bundle with each installed backend; returns 0, 1 if it failed, 2 if it cannot run."""
    parser = argparse.ArgumentParser(description="Self test of an exported VAE against its golden arrays.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--backend", choices=sorted(BACKENDS), help="default: every one that is installed")
    options = parser.parse_args(arguments)
    try:
        formats = [options.backend] if options.backend else _formats(_read_manifest(options.bundle))
        usable = [name for name in formats if options.backend or BACKENDS[name].installed]
        for name in formats:
            if name not in usable:
                print(f"{name}: skipped, no runtime is installed ({BACKENDS[name].pip})")
        if not usable:
            raise VaeRuntimeError(f"{options.bundle}: nothing was tested")
        manifest = _read_manifest(options.bundle)
        loaded = [
            load(options.bundle, name, precision=precision)
            for name in usable
            for precision in precisions(manifest, name)
        ]
    except VaeRuntimeError as error:
        print(f"vae_runtime: {error}", file=sys.stderr)
        return 2
    try:
        for vae in loaded:
            errors = vae.self_test()
            ran = dict.fromkeys(entry["precision"] for entry in vae.artifacts.values())
            print(
                f"{vae.backend} {', '.join(ran)}: ok, "
                + ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
            )
    except VaeRuntimeError as error:
        print(f"vae_runtime: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
