"""Bias, activation, gain and clamp in one operation with gradients of any order.

`function` is the op and `module` the layer with a learned bias; `plan` reads what a call computes, `ops` puts
autograd around kernels of one or two straight lines, which keep bits, and `curves` around all others, which keep the
input.
"""

from leaky.nn.bias_act.function import bias_act
from leaky.nn.bias_act.module import BiasAct

__all__ = ["BiasAct", "bias_act"]
