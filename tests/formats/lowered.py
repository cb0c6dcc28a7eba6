"""A Keras model as a .tflite file with static shapes, before and after the rules."""

from __future__ import annotations

from collections import Counter

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from vae_export.formats.tflite.flatbuffer import strip, to_bytes
from vae_export.formats.tflite.passes.graph import TfliteGraph
from vae_export.formats.tflite.passes.lowering import lower_tflite
from vae_export.io.quiet import quiet
from vae_export.private.litert import schema


class Lowered:
    """What the rules make of layers with random weights.

    Attributes:
        before, after: the kinds of operators, counted.
        difference: the largest, in the range of the outputs.
        partitions: of the delegate, afterwards.
        rest: the kinds of operators that the delegate leaves, afterwards.
    """

    def __init__(self, shape, *layers, batch=2, smallest_batch=1, for_integers=False):
        rng = np.random.default_rng(0)
        model = keras.Sequential([keras.Input(batch_shape=(batch, *shape)), *layers])
        for weight in model.weights:
            weight.assign(rng.normal(0, 0.5, weight.shape))
        with quiet():
            content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
        tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        self.before = self._kinds(tree)
        lower_tflite(tree, smallest_batch, for_integers=for_integers)
        strip(tree)
        self.after = self._kinds(tree)
        x = rng.normal(0, 1, (batch, *shape)).astype(np.float32)
        expected, _ = self._run(content, x)
        got, plan = self._run(to_bytes(tree), x)
        assert expected.std() > 0.1
        self.difference = np.abs(got - expected).max() / np.ptp(expected)
        self.partitions = plan["DELEGATE"]

    @staticmethod
    def _kinds(tree):
        graph = TfliteGraph(tree, tree.subgraphs[0])
        return Counter(graph.kind(operator) for operator in tree.subgraphs[0].operators)

    @staticmethod
    def _run(content, x):
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        (input,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.set_tensor(input["index"], x)
        interpreter.invoke()
        plan = Counter(entry["op_name"] for entry in interpreter._get_ops_details())
        return interpreter.get_tensor(output["index"]), plan
