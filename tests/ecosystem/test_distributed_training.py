"""DistributedDataParallel and FSDP2 in two processes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import distributed_lean
import pytest
from lean_nets import NETS
from side_by_side import needs_native


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of the two processes found."""
    folder = tmp_path_factory.mktemp("distributed")
    command = [sys.executable, distributed_lean.__file__, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("how", distributed_lean.HOW)
def test_losses_are_the_same_lean_and_undone(found: Any, how: str) -> None:
    for process in found:
        plain, rel = process[f"{how} plain"], 0.01 if "bfloat16" in how else 1e-4
        for lean in ("before", "after") if how == "ddp" else ("before",):
            got = process[f"{how} {lean}"]
            assert got["losses"] == pytest.approx(plain["losses"], rel=rel)
            assert got["undone"] == pytest.approx(plain["undone"], rel=rel)
            assert got["keys"] == plain["keys"]
    assert found[0][f"{how} plain"]["losses"] != found[1][f"{how} plain"]["losses"]  # batches of their own


@needs_native
@pytest.mark.parametrize("how", distributed_lean.HOW)
def test_less_is_kept(found: Any, how: str) -> None:
    for process in found:
        assert process[f"{how} before"]["kept"] <= 0.6 * process[f"{how} plain"]["kept"]


def test_what_fsdp_has_taken_is_refused_with_the_remedy(found: Any) -> None:
    assert "make it lean before it is wrapped" in found[0]["fsdp after"]["refused"]


@needs_native
@pytest.mark.parametrize(
    ("how", "name"), [(how, name) for how, names in distributed_lean.OTHERS.items() for name in names]
)
def test_inputs_computed_again_across_units(found: Any, how: str, name: str) -> None:
    """FSDP frees the parameters of a unit's norm before the unit behind asks for its output."""
    rel = 0.01 if "bfloat16" in how else 1e-5
    for process in found:
        plain, lean = (process[f"{how}, {name}, {which}"] for which in ("plain", "before"))
        assert lean["losses"] == pytest.approx(plain["losses"], rel=rel)
        assert lean["undone"] == pytest.approx(plain["undone"], rel=rel)
        assert lean["keys"] == plain["keys"]
        assert lean["kept"] <= NETS[name][1] * plain["kept"]
