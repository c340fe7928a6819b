"""Loss and score of a model on held-out data, sample by sample, in float64."""

import keras
import numpy as np

from bench.task import Loss, Split, Task

_BATCHES = 4
"""How many training batches are evaluated at once: nothing is kept for a backward pass, and a recurrent step takes
hardly longer over more sequences."""


def evaluate(model: keras.Model, split: Split, task: Task, batch: int) -> tuple[float, float]:
    """Mean loss and mean score over a split; `batch`: that of the training.

    The last batch is filled up, so that nothing is traced twice.
    """
    losses, scores = [], []
    size = _BATCHES * batch
    for start in range(0, len(split.x), size):
        x, y = split.x[start : start + size], split.y[start : start + size]
        filled = np.concatenate([x, np.repeat(x[:1], size - len(x), axis=0)]) if len(x) < size else x
        output = np.asarray(model.predict_on_batch(filled))[: len(x)]
        losses.append(sample_loss(task.loss, y, output))
        scores.append(task.metric.score(y, output))
    return float(np.concatenate(losses).mean()), float(np.concatenate(scores).mean())


def sample_loss(loss: Loss, y: np.ndarray, output: np.ndarray) -> np.ndarray:
    """The loss of every sample, (samples,), in float64; the mean over steps and outputs where there are several."""
    output = output.astype("float64")
    if loss == "mse":
        each = np.square(output - y)
    else:
        shifted = output - output.max(axis=-1, keepdims=True)
        chosen = np.take_along_axis(shifted, y[..., None].astype("int64"), axis=-1)[..., 0]
        each = np.log(np.exp(shifted).sum(axis=-1)) - chosen
    return np.asarray(each.reshape(len(y), -1).mean(axis=1))
