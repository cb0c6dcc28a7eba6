"""Code compiled by the Pythons from 3.6 to 3.13 is read as one formula, and nothing of it is run."""

from __future__ import annotations

import base64
import json
import marshal
import random
from pathlib import Path

import pytest

from tests.bytecode.sources import SOURCES
from vae_export.bytecode.formula import NotUnderstoodError
from vae_export.bytecode.marshalled import UnreadableCodeError, read_code
from vae_export.bytecode.reading import read_function

STORED = json.loads((Path(__file__).parent / "lambdas.json").read_text())
VERSIONS = ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
FORMULAS = {
    "tutorial": "args[0] + (K.exp(0.5 * args[1]) * K.random_normal(shape=(K.shape(args[0])[0], "
    "K.int_shape(args[0])[1])))",
    "lambda": "t[0] + (tf.exp(t[1] / 2) * tf.random.normal(tf.shape(t[0])))",
    "operations": "t[0] + (ops.exp(t[1]) * keras.random.normal(ops.shape(t[0]), stddev=0.1))",
    "old names": "args[0] + (K.exp(args[1]) * K.random_normal(shape=(K.shape(args[0])[0], latent_dim), mean=0.0, "
    "stddev=epsilon_std))",
    "imports inside": "(tensorflow.keras.backend.sqrt(tensorflow.keras.backend.exp(args[1])) * "
    "tensorflow.random.normal(tensorflow.shape(args[0]), dtype=tensorflow.float32)) + args[0]",
    "one tensor": "t[:, :(t.shape[-1] // 2)] + (tf.nn.softplus(t[:, (t.shape[-1] // 2):]) * "
    "tf.random.normal(tf.shape(t[:, :(t.shape[-1] // 2)])))",
    "split": "tf.split(t, num_or_size_splits=2, axis=-1)[0] - (tf.math.exp(0.5 * tf.split(t, "
    "num_or_size_splits=2, axis=-1)[1]) * tf.random.normal(tf.shape(tf.split(t, num_or_size_splits=2, "
    "axis=-1)[0]), 0.0, 1.0))",
    "clipped": "t[0] + ((K.exp(K.clip(t[1], low, high) * 0.5) * 1.0) * K.random_normal(K.shape(K.exp(K.clip(t[1], "
    "low, high) * 0.5) * 1.0)))",
    "with defaults": "t * scale",
    "closure": "(t * scale) + 1",
    "identity": "x",
    "pixels": "(x + 1.0) * 127.5",
    "reshape": "K.reshape(x, (-1, 2, 3))",
    "flatten": "tf.reshape(x, [tf.shape(x)[0], -1])",
    "swap": "tf.transpose(x, perm=[0, 2, 1])",
    "channels": "K.concatenate([x[..., :1], -x[..., 1:]], axis=-1)",
    "norm": "x / K.sqrt(K.sum(K.square(x), axis=1, keepdims=True) + 1e-06)",
    "power": "(x ** 2) + x[:, 0:1]",
    "unknown function": "helper(x) + 1",
    "system": "os.system('true')",
    "numpy noise": "t[0] + (t[1] * np.random.normal(0, 1, 2))",
    "method": "x.numpy() * 2",
    "fixed batch": "t[0] + (K.exp(t[1]) * K.random_normal((100, 2)))",
    "shared noise": "t[0] + (K.exp(t[1]) * K.random_normal((1, 2)))",
}
NOT_READ = {
    "loop": r"a loop \((GET_ITER|SETUP_LOOP)\)",
    "branch": r"a branch or a loop \((POP_JUMP_(FORWARD_)?IF_FALSE|TO_BOOL)\)",
    "inner function": r"an inner function( \(MAKE_FUNCTION\))?",
}


def code_of(name, version):
    return base64.b64decode(STORED[name][version])


def test_there_is_a_formula_or_a_reason_for_every_source():
    assert set(FORMULAS) | set(NOT_READ) == set(SOURCES) == set(STORED)
    assert all(list(codes) == sorted(VERSIONS) for codes in STORED.values())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", FORMULAS)
def test_every_python_is_read(name, version):
    assert read_function(code_of(name, version)).text() == FORMULAS[name]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_not_read_is_named(name, version):
    with pytest.raises(NotUnderstoodError, match=rf"^{NOT_READ[name]}$"):
        read_function(code_of(name, version))


def test_this_python_is_read():
    assert read_function(marshal.dumps((lambda x, y=2: x * y).__code__)).text() == "x * y"


def test_the_variables_of_an_enclosing_function_have_their_values():
    assert read_function(code_of("closure", "3.9"), [3.0]).text() == "(t * 3.0) + 1"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda *x: x, r"^a function with \*args"),
        (lambda x: (yield x), r"^a function with \*args or \*\*kwargs, a generator or a coroutine$"),
        (lambda x: 1 << 70, r"^an integer of more than 63 bits$"),
        (lambda x: x @ b"abc", r"^a constant of type bytes$"),
        (lambda x: [*x], r"^a list that grows$"),
        (lambda x: x.update({}) or x, r"^(a dict|the instruction BUILD_MAP|a branch)"),
        (lambda x: f"{x}", r"^the instruction FORMAT_"),
    ],
)
def test_other_code_is_refused(function, message):
    with pytest.raises(NotUnderstoodError, match=message):
        read_function(marshal.dumps(function.__code__))


def test_a_statement_with_an_effect_is_refused():
    def prints(x):
        print(x)
        return x

    with pytest.raises(NotUnderstoodError, match=r"^a statement whose value is not used$"):
        read_function(marshal.dumps(prints.__code__))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"^its code is none of Python 3\.6 to 3\.13 \(bytes that end early\)$"),
        (marshal.dumps([1, 2]), r"\(a value of type '\['\)$"),
        (marshal.dumps((1, 2)), r"\(other values than a code object\)$"),
        (marshal.dumps(compile("1", "", "eval")) + b"N", r"\(other values than a code object\)$"),
        (b"\xa9\x01" * 100 + b"N", r"\(values nested deeper than 40\)$"),
        (b"r\x07\x00\x00\x00", r"\(reference 7 to nothing\)$"),
        (b"(\xff\xff\xff\x7f", r"\(a size of 2147483647\)$"),
        (b"l\x00\x01\x00\x00" + bytes(512), r"\(an integer of more than 960 bits\)$"),
        (b"N" * ((1 << 20) + 1), r"^its code has 1,048,577 bytes, expected at most 1,048,576$"),
    ],
)
def test_broken_bytes(data, message):
    with pytest.raises(UnreadableCodeError, match=message):
        read_code(data)


def test_altered_bytes_are_read_or_refused():
    """20,000 codes with altered, missing and doubled bytes: a formula or the one error, nothing else."""
    rng = random.Random(0)
    codes = [code_of(name, version) for name in STORED for version in VERSIONS]
    refused = 0
    for _ in range(20_000):
        data = bytearray(rng.choice(codes))
        for _ in range(rng.randint(1, 4)):
            position = rng.randrange(len(data))
            change = rng.randrange(3)
            if change == 0:
                data[position] = rng.randrange(256)
            elif change == 1:
                del data[position : position + rng.randint(1, 4)]
            else:
                data[position:position] = data[position : position + rng.randint(1, 8)]
            if not data:
                break
        try:
            read_function(bytes(data)).text()
        except NotUnderstoodError:
            refused += 1
    assert refused > 10_000


def test_a_growing_value_does_not_grow_the_formula():
    body = "\n".join("    x = x * x" for _ in range(500))
    space = {}
    exec(f"def f(x):\n{body}\n    return x", space)
    formula = read_function(marshal.dumps(space["f"].__code__))
    assert len(formula.steps) == 501
    assert len(formula.text()) < 500


def test_no_live_code_is_built(root):
    """The room knows no function that makes or runs code."""
    for file in (root / "vae_export").rglob("*.py"):
        text = file.read_text()
        for name in ("marshal.loads", "import marshal", "types.CodeType", "FunctionType(", "eval(", "exec("):
            if file.name == "marshalled.py" and name == "marshal.loads":
                continue
            assert name not in text or f"`{name}`" in text, f"{file}: {name}"
