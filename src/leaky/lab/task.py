"""Moved to `leaky.lab.definition`: `leaky.lab.task` is the function that makes a task from arrays."""

from leaky.lab.definition import LossFunction, ModelFunction, PredictFunction, Task

__all__ = ["LossFunction", "ModelFunction", "PredictFunction", "Task"]
