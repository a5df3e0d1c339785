"""Which threads the native kernels run on: torch's once it is loaded, their own without it.

After each operation torch's OpenMP threads spin for some milliseconds, on the very cores that other threads would
need; so the kernels borrow them, through the entry every OpenMP runtime has for compiled `#pragma omp parallel`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from pathlib import Path


@functools.cache
def cores() -> int:
    """The cores this process may run on: the threads that NumPy's calls use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def torch_parallel() -> int:
    """The address of GOMP_parallel in the OpenMP runtime that torch is linked to; 0 where there is none.

    A symbol is looked up in a library and what it depends on, so a second runtime in the process is not found.
    """
    torch = sys.modules["torch"]
    if (
        "OpenMP"
        not in torch.__config__.parallel_info().partition("ATen parallel backend:")[2].partition("\n")[0]
    ):
        return 0
    for library in (Path(torch.__path__[0]) / "lib").glob("libtorch_cpu.*"):
        try:
            return ctypes.cast(ctypes.CDLL(str(library)).GOMP_parallel, ctypes.c_void_p).value or 0
        except (OSError, AttributeError):
            continue
    return 0
