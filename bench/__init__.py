"""archbench: a test bench for neural architectures in Keras."""

__version__ = "0.1.0"
