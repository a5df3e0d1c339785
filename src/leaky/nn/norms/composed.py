"""Norm + leaky ReLU in torch's own operations: for double backward and vmap over a backward."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from leaky.nn.norms.statistics import Norm


def recovered(
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    index: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
) -> torch.Tensor:
    """The input, read back from the output; exact where it was kept."""
    with torch.no_grad():
        if y is None:
            assert kept is not None
            return kept
        wide = y.to(norm.mean.dtype)
        shape = (1, -1, *[1] * (y.dim() - 2))
        xhat = torch.where(wide > 0, wide, wide / negative_slope)
        if bias is not None:
            xhat = xhat - bias.view(shape)
        if weight is not None:
            xhat = xhat / weight.view(shape)
        std, mean = (norm.var + norm.eps).sqrt(), norm.mean
        if norm.groups and not norm.given:
            share, shape = y.shape[1] // norm.groups, (len(y), *shape[1:])
            std, mean = (t.repeat_interleave(share) for t in (std, mean))
        x = (xhat * std.view(shape) + mean.view(shape)).to(y.dtype)
        if index is not None and kept is not None:
            x[:, index >= 0] = kept
        return x


def composed(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
) -> torch.Tensor:
    """The same function of x, weight and bias."""
    if norm.given:
        dtype = next((t.dtype for t in (weight, bias) if t is not None), x.dtype)
        mean, var = norm.mean.to(dtype), norm.var.to(dtype)
        z = F.batch_norm(x, mean, var, weight, bias, False, 0.0, norm.eps)
    elif norm.ranks is not None:
        z = norm.ranks.normalised(x, weight, bias, norm.eps)[0]
    elif norm.groups:
        z = F.group_norm(x, norm.groups, weight, bias, norm.eps)
    else:  # torch's third derivative of batch_norm is wrong, that of group_norm right
        rows = x.transpose(0, 1)
        each = F.group_norm(rows.reshape(1, x.shape[1], -1), x.shape[1], weight, bias, norm.eps)
        z = each.view(rows.shape).transpose(0, 1)
    return F.relu(z) if negative_slope == 0 else F.leaky_relu(z, negative_slope)


def differentiated(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
    grad: torch.Tensor,
    needs: tuple[bool, ...],
) -> tuple[torch.Tensor | None, ...]:
    """Gradients of x, weight and bias; in grad mode on the graph of `x`, `weight`, `bias` and `grad`."""
    again = torch.is_grad_enabled()
    inputs = (x if again else x.detach().requires_grad_(), weight, bias)
    with torch.enable_grad():
        y = composed(*inputs, norm, negative_slope)
        wanted = [t for t, need in zip(inputs, needs, strict=True) if need and t is not None]
        found = iter(torch.autograd.grad(y, wanted, grad, create_graph=again) if wanted else ())
        return tuple(
            next(found) if need and t is not None else None for t, need in zip(inputs, needs, strict=True)
        )
