"""Compiles every kernel in Triton for a GPU that need not be here, and prints what its code does with memory.

The interpreter takes what the compiler does not, and says nothing about how memory is read. A process of its own:
TRITON_INTERPRET decides at import.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections import Counter
from typing import Any

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from leaky.kernels.gpu import BLOCK, WARPS
from leaky.kernels.triton import (
    bias_act,
    bias_sums,
    elementwise,
    layers,
    norm_backward,
    norm_forward,
    prelu,
    rrelu,
)

DTYPES = {"float32": "fp32", "float64": "fp64", "bfloat16": "bf16", "float16": "fp16"}
INSTRUCTION = re.compile(r"^\s*(?:@!?%\w+\s+)?([a-z][\w.]*)", re.MULTILINE)


def compiled(kernel: Any, capability: int, warps: int, sized: str | None, **arguments: Any) -> dict[str, Any]:
    """Compile `kernel`; an argument is a type, or a constant.

    Pointers are aligned as torch allocates, and the size called `sized` is a multiple of 16.
    """
    names = list(kernel.arg_names)
    arguments = {name: value for name, value in arguments.items() if name in names}
    types = {name: value if isinstance(value, str) else "constexpr" for name, value in arguments.items()}
    constants = {(names.index(name),): v for name, v in arguments.items() if not isinstance(v, str)}
    aligned = [["tt.divisibility", 16]]
    source = ASTSource(
        fn=kernel,
        signature={name: types[name] for name in names},
        constexprs=constants,
        attrs={(i,): aligned for i, name in enumerate(names) if types[name].startswith("*") or name == sized},
    )
    made = triton.compile(
        source,
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": warps, "enable_fp_fusion": False},
    )
    counts = Counter(INSTRUCTION.findall(made.asm["ptx"]))
    return {"shared": made.metadata.shared, "instructions": counts, "binary": len(made.asm["cubin"])}


def elementwise_cases() -> Any:
    for (dtype, code), relu, mask in itertools.product(DTYPES.items(), (False, True), (True, False)):
        common: dict[str, Any] = {"negative_slope": "fp64", "count": "i64", "RELU": relu, "BLOCK": BLOCK}
        common["WORK"] = tl.float64 if dtype == "float64" else tl.float32
        pointers: dict[str, Any] = {"x": f"*{code}", "out": f"*{code}", "bits": "*u8" if mask else None}
        about = {"dtype": dtype, "relu": relu, "mask": mask}
        yield {"kernel": "forward", **about}, elementwise.forward, BLOCK, WARPS, pointers | common
        if mask:
            pointers = {"grad": f"*{code}", "bits": "*u8", "out": f"*{code}"}
            yield {"kernel": "backward", **about}, elementwise.backward, BLOCK, WARPS, pointers | common


def layers_cases() -> Any:
    for (dtype, code), mask in itertools.product(DTYPES.items(), (True, False)):
        arguments: dict[str, Any] = {"x": f"*{code}", "out": f"*{code}", "bits": "*u8" if mask else None}
        arguments |= {"low": "fp64", "high": "fp64", "count": "i64", "BLOCK": BLOCK}
        arguments["WORK"] = tl.float64 if dtype == "float64" else tl.float32
        yield {"kernel": "clamp", "dtype": dtype, "mask": mask}, layers.clamp, BLOCK, WARPS, arguments
        if mask and dtype != "float64":
            both = {"grad": f"*{code}", "y": f"*{code}", "beta": "fp64", "threshold": "fp64"}
            about = {"kernel": "softplus", "dtype": dtype}
            yield about, layers.softplus_backward, BLOCK, WARPS, arguments | both
        given = {"given": arguments.pop("x"), "seed": "*i64", "bits": "*u8", "BACK": not mask, "DIVIDE": mask}
        yield (
            {"kernel": "rrelu", "dtype": dtype, "back": not mask},
            rrelu.rrelu,
            BLOCK,
            WARPS,
            arguments | given,
        )


def prelu_cases() -> Any:
    from leaky.kernels.gpu_walk import LANES, TILE

    for dtype, code in DTYPES.items():
        wide = "*fp64" if dtype == "float64" else "*fp32"
        arguments: dict[str, Any] = dict.fromkeys(("x", "out", "grad", "source", "grad_x"), f"*{code}")
        arguments |= dict.fromkeys(("outer", "units", "inner", "per", "splits"), "i32")
        arguments |= {
            "slopes": wide,
            "sums": "*fp64",
            "WORK": tl.float64 if dtype == "float64" else tl.float32,
        }
        for walk, sized, shape in ((0, "inner", (1, TILE)), (2, "units", (TILE // LANES, LANES))):
            sizes = {"WALK": walk, "N": shape[0], "W": shape[1]}
            about = {"kernel": "forward", "dtype": dtype, "walk": walk, "sized": sized}
            yield about, prelu.forward, TILE, 4, arguments | sizes
            for kept in (True, False):
                about = {
                    "kernel": "prelu backward",
                    "dtype": dtype,
                    "walk": walk,
                    "sized": sized,
                    "kept": kept,
                }
                yield about, prelu.backward, TILE, 4, arguments | sizes | {"KEPT": kept}


def bias_act_cases() -> Any:
    from leaky.kernels.gpu_bias_act import TILE

    for dtype, code in DTYPES.items():
        work = tl.float64 if dtype == "float64" else tl.float32
        slopes: dict[str, Any] = {"upper": "fp64", "lower": "fp64"}
        flat = {"bits": "*u8", "plane": "i32", "PLANES": 2, "KIND": 0, "WORK": work} | slopes
        arguments = {"x": f"*{code}", "bias": f"*{code}", "out": f"*{code}", "clamp": "fp64", "shift": "i32"}
        arguments |= {"count": "i32", "c": "i32", "s": "i32", "CLAMP": True, "BLOCK": BLOCK, **flat}
        for space, channels in ((0, 0), (1, 0), (2, 2), (3, 3)):
            more = {"SPACE": space, "CHANNELS": channels}
            about = {"kernel": "forward", "dtype": dtype, "space": space, "channels": channels}
            yield about, bias_act.forward, BLOCK, WARPS, arguments | more
        huge = {"count": "i64", "s": "i64", "plane": "i64", "SPACE": 1, "CHANNELS": 0}
        yield {"kernel": "forward", "dtype": dtype, **huge}, bias_act.forward, BLOCK, WARPS, arguments | huge
        arguments = {"grad": f"*{code}", "grad_x": f"*{code}", "count": "i32", "BLOCK": BLOCK, **flat}
        yield {"kernel": "backward", "dtype": dtype}, bias_act.backward, BLOCK, WARPS, arguments
        sums = {"grad": f"*{code}", "grad_x": f"*{code}", "sums": "*fp64" if dtype == "float64" else "*fp32"}
        sums |= {"n": "i32", "c": "i32", "per": "i32", "splits": "i32", "N": 1, **flat}
        arguments = sums | {"s": "i32", "S": TILE}
        yield {"kernel": "rows", "dtype": dtype, "sized": "s"}, bias_sums.rows, TILE, 4, arguments
        arguments = sums | {"N": 32, "C": TILE // 32}
        yield {"kernel": "columns", "dtype": dtype, "sized": "c"}, bias_sums.columns, TILE, 4, arguments
        arguments = sums | {"s": "i64", "plane": "i64", "S": TILE}  # beyond 2^31 elements
        yield {"kernel": "rows", "dtype": dtype, "sized": "s"}, bias_sums.rows, TILE, 4, arguments


def norms_cases() -> Any:
    from leaky.kernels.gpu_norms import PARTS
    from leaky.kernels.gpu_walk import LANES, TILE

    for dtype, code in DTYPES.items():
        work = tl.float64 if dtype == "float64" else tl.float32
        wide = "*fp64" if dtype == "float64" else "*fp32"
        norm: dict[str, Any] = dict.fromkeys(("weight", "bias", "mean", "var"), wide)
        norm |= {"eps": "fp64", "negative_slope": "fp64"}
        sizes = dict.fromkeys(("outer", "units", "inner", "channels", "groups", "share"), "i32")
        sizes |= {"per": "i32", "splits": "i32"}
        parts = dict.fromkeys(("counts", "means", "squares", "firsts", "seconds"), "*fp64")
        arguments = {"x": f"*{code}", "out": f"*{code}", "grad": f"*{code}", "source": f"*{code}"}
        arguments |= {"grad_x": f"*{code}", "offsets": wide, "products": wide, "inverse_slope": "fp64"}
        arguments |= {"ACT": 1, "KEPT": True, "WORK": work, **parts, **norm, **sizes}
        for walk, sized in enumerate(("inner", "inner", "units")):
            shape = {"N": TILE // LANES, "W": LANES} if sized == "units" else {"N": 1, "W": TILE}
            for name, kernel in (
                ("moments", norm_forward.moments),
                ("apply", norm_forward.apply),
                ("sums", norm_backward.sums),
                ("gradient", norm_backward.gradient),
            ):
                about = {"kernel": name, "dtype": dtype, "walk": walk, "sized": sized}
                yield about, kernel, TILE, 4, arguments | shape | {"WALK": walk}
        for walk, ones in ((0, "inner"), (1, "inner"), (2, "units")) if dtype == "float32" else ():
            few = {"N": TILE, "W": 1, "WALK": walk, ones: 1}  # a size of 1 is a constant to Triton
            for name, kernel in (("moments", norm_forward.moments), ("gradient", norm_backward.gradient)):
                about = {"kernel": f"{name} of 1", "dtype": dtype, "walk": walk}
                yield about, kernel, TILE, 4, arguments | few
        huge = {"inner": "i64", "N": 1, "W": TILE, "WALK": 0}  # beyond 2^31 elements of a channel
        about = {"kernel": "gradient", "dtype": dtype, "sized": "inner", "inner": "i64"}
        yield about, norm_backward.gradient, TILE, 4, arguments | huge
        stage = {"G": 1, "P": PARTS, "all_groups": "i32", "parts": "i32", "count": "fp64"}
        stage |= {"running_mean": wide, "running_var": wide, "momentum": "fp64"}
        last = (("combine", norm_forward.combine), ("averages", norm_backward.averages))
        for name, kernel in last:
            yield {"kernel": name, "dtype": dtype}, kernel, PARTS, 4, arguments | stage
        # without weights, running statistics and averages, from the output
        bare = dict.fromkeys(("weight", "bias", "running_mean", "running_var"))
        without = (
            arguments
            | bare
            | {"offsets": None, "products": None, "KEPT": False, "N": 1, "W": TILE, "WALK": 0}
        )
        yield {"kernel": "apply", "dtype": dtype, "sized": "inner"}, norm_forward.apply, TILE, 4, without
        for name, kernel in (("sums", norm_backward.sums), ("gradient", norm_backward.gradient)):
            yield {"kernel": name, "dtype": dtype, "sized": "inner"}, kernel, TILE, 4, without
        for name, kernel in last:
            yield {"kernel": name, "dtype": dtype}, kernel, PARTS, 4, arguments | stage | bare


CASES = {
    "elementwise": elementwise_cases,
    "layers": layers_cases,
    "bias_act": bias_act_cases,
    "norms": norms_cases,
    "prelu": prelu_cases,
}


def main() -> None:
    """CAPABILITY SUBJECT DTYPE ...: of a GPU, of kernels, of numbers."""
    capability, subject, *dtypes = sys.argv[1:]
    rows = []
    for about, kernel, block, warps, arguments in CASES[subject]():
        if about["dtype"] in dtypes:
            found = compiled(kernel, int(capability), warps, about.get("sized"), **arguments)
            rows.append({**about, "subject": subject, "block": block, "warps": warps, **found})
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
