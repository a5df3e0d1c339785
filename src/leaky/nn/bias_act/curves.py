"""Autograd around bias + activation of curves: the input is kept, once, and nothing between it and the output."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from leaky.catalogue import TABLE
from leaky.kernels import native_arrays, native_bias_act
from leaky.kernels.dense import Dense
from leaky.kernels.native_bias_act import ONE, Lines
from leaky.nn.backward import has_no_address
from leaky.nn.bias_act.ops import added, run_forward
from leaky.nn.bias_act.plan import Plan, slope, value

_SUM = Lines(ONE, 1.0, 1.0)


class BiasActCurve(torch.autograd.Function):
    """clamp(gain * f(x + bias)); keeps x and bias."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, bias: torch.Tensor | None, plan: Plan, axis: int, kernels: Any
    ) -> torch.Tensor:
        ctx.save_for_backward(x, bias)
        ctx.rest = plan, axis, kernels
        return curve_forward(x, bias, plan, axis, kernels)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, bias = ctx.saved_tensors
        plan, axis, kernels = ctx.rest
        needs_x, needs_bias = ctx.needs_input_grad[:2]
        (grad,) = grads
        if torch.is_grad_enabled() or has_no_address(grad):
            slopes = slope(added(x, bias, axis), plan)
        else:
            slopes = _slope(x, bias, plan, axis, kernels)
        wide = grad.to(slopes.dtype) * slopes
        if plan.clamp is not None or TABLE[plan.name].piecewise_linear:
            wide = torch.where(slopes == 0, torch.zeros_like(wide), wide)  # 0 times infinity is 0 there
        others = [place for place in range(x.dim()) if place != axis]
        grad_bias = (wide.sum(others) if others else wide) if needs_bias else None
        return (
            wide.to(x.dtype) if needs_x else None,
            None if grad_bias is None or bias is None else grad_bias.to(bias.dtype),
            None,
            None,
            None,
        )


def curve_forward(
    x: torch.Tensor, bias: torch.Tensor | None, plan: Plan, axis: int, kernels: Any
) -> torch.Tensor:
    """The value: the sum in one pass, the rest in a native program where there is one."""
    run = _programs(plan)[0] if kernels is native_bias_act and x.dtype != torch.float64 else None
    if run is None:
        return value(added(x, bias, axis), plan).to(x.dtype)
    return _in_place(run, _sum(x, bias, axis)).to(x.dtype)


def _slope(x: torch.Tensor, bias: torch.Tensor | None, plan: Plan, axis: int, kernels: Any) -> torch.Tensor:
    run = _programs(plan)[1] if kernels is native_bias_act and x.dtype != torch.float64 else None
    return slope(added(x, bias, axis), plan) if run is None else _in_place(run, _sum(x, bias, axis))


def _sum(x: torch.Tensor, bias: torch.Tensor | None, axis: int) -> torch.Tensor:
    """x + bias in float32, in memory of its own."""
    if x.dtype == torch.float32:
        own = None if bias is None else bias.detach()
        return run_forward(native_bias_act, x.detach(), own, _SUM, axis, keep=False)[0]
    return added(x.detach(), None if bias is None else bias.detach(), axis).contiguous()


def _in_place(program: Any, z: torch.Tensor) -> torch.Tensor:
    flat = z.as_strided((z.numel(),), (1,)).numpy()
    program.run(flat, flat, native_arrays.array_threads())
    return z


@functools.lru_cache(maxsize=64)
def _programs(plan: Plan) -> tuple[Any, Any]:
    """Native programs of value and derivative for float32, gain and clamp in them; None where there are none."""
    entry, values, gain, clamp = TABLE[plan.name], plan.values, plan.gain, plan.clamp

    def scaled(xp: Any, z: Any, *parameters: Any) -> Any:
        assert entry.value_formula is not None
        y = entry.value_formula(xp, z, *parameters)
        return y if gain == 1 else y * gain

    def held(xp: Any, z: Any, *parameters: Any) -> Any:
        y = scaled(xp, z, *parameters)
        if clamp is None:
            return y
        limit = xp.ones_like(z) * clamp
        return xp.where(y >= clamp, limit, xp.where(y <= -clamp, -limit, y))

    def steep(xp: Any, z: Any, *parameters: Any) -> Any:
        assert entry.derivative_formula is not None
        result = entry.derivative_formula(xp, z, *parameters)
        result = result if gain == 1 else result * gain
        if clamp is None:
            return result
        zero, y = xp.zeros_like(z), scaled(xp, z, *parameters)
        return xp.where(y >= clamp, zero, xp.where(y <= -clamp, zero, result))

    name = f"bias_act of {entry.name}"  # what is known of the entry as a whole is not known of this
    whole = replace(entry, name=name, value_formula=held, derivative_formula=steep, kinks=entry.kinks)
    whole = entry if gain == 1 and clamp is None else whole
    found = (Dense(whole), Dense(whole, derivative=True))
    first, second = (dense.choose(np.dtype("f4"), values).program for dense in found)
    return first, second
