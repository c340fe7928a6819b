"""TensorFlow."""

import tensorflow as tf


def configure(threads: int) -> None:
    """Compute with that many threads, deterministically.

    On a CPU with a fixed number of threads TensorFlow's kernels are deterministic as they are, and its determinism
    switch would turn XLA off, which makes recurrent loops 2-3 times slower; on a GPU the switch is needed.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)  # else the first worker takes all of it
        tf.config.experimental.enable_op_determinism()


def device() -> str:
    """'cpu', or the name of the GPU that computes."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "cpu"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name))
