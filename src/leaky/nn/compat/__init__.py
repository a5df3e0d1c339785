"""Functions and modules of other projects under their own names, so that one import line changes.

- `leaky.nn.compat.stylegan3`: torch_utils.ops.bias_act of NVlabs/stylegan3 (and stylegan2-ada-pytorch).
- `leaky.nn.compat.rosinality`: op of rosinality/stylegan2-pytorch, and of the many that copied it.
- `leaky.nn.compat.mmcv`: fused_bias_leakyrelu of mmcv.ops.

All of them are `leaky.nn.functional.bias_act`, written from its formula; nothing is compiled when they are used. What
differs from the originals is told in each, and in docs/guide/coming-from.md.
"""

from leaky.nn.compat import mmcv, rosinality, stylegan3

__all__ = ["mmcv", "rosinality", "stylegan3"]
