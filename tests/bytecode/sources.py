"""Functions that people give to `Lambda` layers, compiled by `tools/bytecode` with every Python.

Each source defines `f`; its free names are those that scripts import: K, tf, keras, ops, np.
"""

from __future__ import annotations

__all__ = ["SOURCES"]

SOURCES = {
    "tutorial": """
def f(args):
    z_mean, z_log_var = args
    batch = K.shape(z_mean)[0]
    dim = K.int_shape(z_mean)[1]
    epsilon = K.random_normal(shape=(batch, dim))
    return z_mean + K.exp(0.5 * z_log_var) * epsilon
""",
    "lambda": "f = lambda t: t[0] + tf.exp(t[1] / 2) * tf.random.normal(tf.shape(t[0]))",
    "operations": "f = lambda t: t[0] + ops.exp(t[1]) * keras.random.normal(ops.shape(t[0]), stddev=0.1)",
    "old names": """
def f(args):
    mu, log_sigma = args
    eps = K.random_normal(shape=(K.shape(mu)[0], latent_dim), mean=0., stddev=epsilon_std)
    return mu + K.exp(log_sigma) * eps
""",
    "imports inside": """
def f(args):
    import tensorflow as tf
    from tensorflow.keras import backend as B
    import tensorflow.keras.backend as K
    m, s = args
    e = tf.random.normal(tf.shape(m), dtype=tf.float32)
    return B.sqrt(K.exp(s)) * e + m
""",
    "one tensor": """
def f(t):
    n = t.shape[-1] // 2
    mean, v = t[:, :n], t[:, n:]
    return mean + tf.nn.softplus(v) * tf.random.normal(tf.shape(mean))
""",
    "split": """
def f(t):
    mean, v = tf.split(t, num_or_size_splits=2, axis=-1)
    return mean - tf.math.exp(.5 * v) * tf.random.normal(tf.shape(mean), 0.0, 1.0)
""",
    "clipped": """
def f(t, low=-6.0, high=4.0):
    mean, v = t
    v = K.clip(v, low, high)
    sigma = K.exp(v * .5)
    sigma *= 1.0
    return mean + sigma * K.random_normal(K.shape(sigma))
""",
    "with defaults": "f = lambda t, scale=2.0: t * scale",
    "closure": """
def make(scale):
    return lambda t: t * scale + 1
f = make(3.0)
""",
    "identity": "f = lambda x: x",
    "pixels": "f = lambda x: (x + 1.0) * 127.5",
    "reshape": "f = lambda x: K.reshape(x, (-1, 2, 3))",
    "flatten": "f = lambda x: tf.reshape(x, [tf.shape(x)[0], -1])",
    "swap": "f = lambda x: tf.transpose(x, perm=[0, 2, 1])",
    "channels": "f = lambda x: K.concatenate([x[..., :1], -x[..., 1:]], axis=-1)",
    "norm": "f = lambda x: x / K.sqrt(K.sum(K.square(x), axis=1, keepdims=True) + 1e-6)",
    "power": "f = lambda x: x ** 2 + x[:, 0:1]",
    "loop": """
def f(x):
    for _ in range(2):
        x = x * 2
    return x
""",
    "branch": "f = lambda x: x if flag else -x",
    "unknown function": "f = lambda x: helper(x) + 1",
    "system": "f = lambda x: os.system('true')",
    "numpy noise": "f = lambda t: t[0] + t[1] * np.random.normal(0, 1, 2)",
    "method": "f = lambda x: x.numpy() * 2",
    "inner function": "f = lambda x: K.map_fn(lambda y: y * 2, x)",
    "fixed batch": "f = lambda t: t[0] + K.exp(t[1]) * K.random_normal((100, 2))",
    "shared noise": "f = lambda t: t[0] + K.exp(t[1]) * K.random_normal((1, 2))",
}
