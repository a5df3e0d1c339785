"""The library's threads: any number, several callers at once, fork, and a clean end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

torch = pytest.importorskip("torch")
from native_truth import numbers, poisoned, same_bits, unpacked  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from leaky.kernels import native  # noqa: E402

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

FORK = """
import os, sys, threading, numpy as np, leaky
from leaky.kernels import native_arrays
x = np.random.default_rng(0).normal(size=1 << 20).astype(np.float32)
wanted = np.where(x > 0, x, np.float32(0.01) * x)
program = native_arrays.program(
    [("multiply", 0, (-2, -1)), ("less", 0, (-3, -1, -1, 0))], [float(np.float32(0.01)), 0.0], 0
)
def right():
    y = np.full_like(x, np.nan)
    return program.run(x, y, 4) and np.array_equal(y, wanted)
assert right()
stop = threading.Event()
def busy():
    while not stop.is_set():
        right()
beside = threading.Thread(target=busy)
beside.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        os._exit(0 if right() and right() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
stop.set()
beside.join()
assert right()
print("right in parent and children")
"""


BORROW = """
import os, sys, torch
from torch.nn import functional as F
from leaky.kernels import native
torch.set_num_threads(2)
x = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0))
wanted = F.leaky_relu(x).numpy()
y = torch.empty_like(x)
def right():  # torch's own operations would wait for ever in the child
    y.numpy().fill(float("nan"))
    native.leaky_relu_forward(x, y, 0.01, None)
    return bool((y.numpy() == wanted).all())
before = len(os.listdir("/proc/self/task"))
assert right() and right()
print("threads more:", len(os.listdir("/proc/self/task")) - before, flush=True)
child = os.fork()
if child == 0:
    os._exit(0 if right() and right() else 1)
print("child:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "parent:", right())
"""


@pytest.mark.parametrize("threads", [-1, 0, 1, 2, 8, 1000])
def test_any_number_of_threads(threads: int) -> None:
    for size in (1000, 65_536, 1_000_003):
        x = numbers(size, torch.float32)
        y, mask = poisoned(x), torch.zeros((size + 7) // 8, dtype=torch.uint8)
        native.leaky_relu_forward(x, y, 0.1, mask, threads=threads)
        assert same_bits(y, F.leaky_relu(x, 0.1))
        assert torch.equal(unpacked(mask, size), x > 0)


def test_several_callers_at_once() -> None:
    wrong: list[int] = []

    def call(seed: int) -> None:
        x = numbers(500_000 + seed, torch.float32, seed)
        wanted = F.leaky_relu(x, 0.1)
        for _ in range(30):
            y = poisoned(x)
            native.leaky_relu_forward(x, y, 0.1, None, threads=3)
            if not same_bits(y, wanted):
                wrong.append(seed)

    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_starts_threads_of_its_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout.strip() == "right in parent and children", ran.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
@pytest.mark.skipif(
    "ATen parallel backend: OpenMP" not in torch.__config__.parallel_info(),
    reason="this torch has no OpenMP threads to borrow",
)
def test_tensors_are_served_by_the_threads_of_torch_and_a_forked_child_by_its_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", BORROW], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout.splitlines() == ["threads more: 0", "child: 0 parent: True"], ran.stderr


def test_the_process_ends_while_threads_wait() -> None:
    code = (
        "import numpy as np; from leaky.kernels import native_arrays; x = np.ones(1 << 20);"
        "print(native_arrays.program([('less', 0, (-1, -2, -2, -1))], [2.0], 0).run(x, x, 8), x.sum())"
    )
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
        assert (ran.returncode, ran.stdout.strip(), ran.stderr) == (0, f"True {float(1 << 21)}", "")
