"""Files in the runtimes as their users call them, on one thread: array to arrays."""

import onnxruntime
from ai_edge_litert.interpreter import Interpreter


def onnx_session(file):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (name,) = [value.name for value in session.get_inputs()]
    names = [value.name for value in session.get_outputs()]
    return lambda x: session.run(names, {name: x})


def litert_interpreter(file, batch):
    """The first signature, resized to the batch."""
    interpreter = Interpreter(str(file), num_threads=1)
    (x,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(x["index"], (batch, *x["shape"][1:]))
    interpreter.allocate_tensors()
    outputs = [entry["index"] for entry in interpreter.get_output_details()]

    def run(array):
        interpreter.set_tensor(x["index"], array)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return run


def litert_signature(file, batch):
    """A file of vae-export: the plain calls reach its first signature, of batch 1, and runners the others."""
    if batch == 1:
        return litert_interpreter(file, batch)
    interpreter = Interpreter(str(file), num_threads=1)
    runner = interpreter.get_signature_runner(f"batch_{batch}")
    (name,) = runner.get_input_details()

    def run(x):
        # The runner does not hold the interpreter that it needs.
        assert interpreter
        return list(runner(**{name: x}).values())

    return run
