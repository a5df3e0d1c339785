"""Every instruction set gives the same bits, so holding one against the truth holds all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
from leaky.kernels import native

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

DIGEST = """
import hashlib, itertools, torch, numpy as np
from native_truth import DTYPES, OVER, Case, numbers, run
import leaky
from leaky.kernels import native, native_layers
from leaky.kernels.native_bias_act import Lines, bias_act_backward, bias_act_forward
digest = hashlib.sha256()
def add(t):
    t = t.contiguous().nan_to_num(nan=12345.0) if t.is_floating_point() else t
    digest.update(t.reshape(-1).view(torch.uint8).numpy().tobytes())
for dtype, size, relu in itertools.product(DTYPES, (1, 31, 65, 5000), (False, True)):
    x, y = numbers(size, dtype), numbers(size, dtype, seed=1)
    mask = torch.zeros((size + 7) // 8, dtype=torch.uint8)
    native.leaky_relu_forward(x, y, -0.3, mask, relu=relu); add(y); add(mask)
    native.leaky_relu_backward(x, mask, y, -0.3, relu=relu); add(y)
    seed, c = torch.tensor(3), 8 if size == 5000 else 1
    native_layers.rrelu_forward(x, y, 0.1, 0.4, seed, mask, divide=relu); add(y)
    native_layers.rrelu_backward(x, mask, y, 0.1, 0.4, seed, divide=relu); add(y)
    slopes = torch.linspace(-0.2, 0.3, c, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    index, sums = torch.arange(c, dtype=torch.int32) - c // 2, torch.zeros(c, dtype=torch.float64)
    native_layers.prelu_forward(x, y, slopes, 1, c, size // c, relu); add(y)
    kept = x[:0] if c == 1 else x[: size // 2]
    native_layers.prelu_backward(x, y, kept, index, y.clone(), sums, slopes, 1, c, size // c, relu); add(sums)
    drawn = x > 0.2
    native_layers.dropout_forward(x, drawn, y, mask, 1.25); add(y); add(mask)
    native_layers.dropout_backward(x, mask, y, 1.25); add(y)
    native_layers.clamp_forward(x, y, -0.7, 0.29, mask if relu else None); add(y); add(mask)
for dtype, last, over, keep in itertools.product(DTYPES, (False, True), OVER, ("none", "some", "all")):
    found, _ = run(Case(3, 38, 333, 0.1, last, over, keep=keep, dtype=dtype))
    for t in found.values(): add(t)
for dtype, shape in itertools.product(DTYPES, ((700, 3, 1), (2, 37, 13), (2, 3, 5001))):
    x, lines = numbers(shape[0] * shape[1] * shape[2], dtype).view(shape), Lines(0, 1.4, 0.28, 1.1)
    bits, y, bias = torch.zeros(2 * ((x.numel() + 7) // 8), dtype=torch.uint8), x.clone(), x[0, :, 0].contiguous()
    bias_act_forward(x, bias, y, bits, lines, *shape); add(y); add(bits)
    sums = torch.zeros(shape[1], dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    bias_act_backward(y.nan_to_num(), bits, y, sums, lines, *shape); add(y); add(sums)
for dtype in ("float16", "float32", "float64"):
    for slope in (0.0, 0.1):
        digest.update(leaky.leaky_relu(np.linspace(-9, 9, 999).astype(dtype), slope).tobytes())
print(native.level(), digest.hexdigest())
"""


def _python(code: str, level: str) -> subprocess.CompletedProcess[str]:
    here = str(Path(__file__).parent)
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "LEAKY_NATIVE_LEVEL": level, "PYTHONPATH": path}
    environment.pop("LEAKY_KERNELS", None)
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_level_gives_the_same_bits() -> None:
    best, wanted = _python(DIGEST, "").stdout.split()
    assert best == native.level() or "LEAKY_NATIVE_LEVEL" in os.environ
    lower = {"avx512": ["avx2", "baseline"], "avx2": ["baseline"]}.get(best, [])
    for level in lower:
        ran = _python(DIGEST, level)
        assert ran.stdout.split() == [level, wanted], ran.stderr


def test_a_level_that_is_none_is_said_so() -> None:
    ran = _python("from leaky.kernels import native; print(native.available(), native.why_not())", "avx1024")
    assert ran.stdout.strip() == (
        'False LEAKY_NATIVE_LEVEL: this machine cannot run "avx1024"; unset it, or give baseline, avx2 or avx512'
    )


def test_importing_the_kernels_loads_no_torch() -> None:
    code = "import sys; from leaky.kernels import native; print(native.available(), 'torch' in sys.modules)"
    assert _python(code, "").stdout.split() == ["True", "False"]
