"""One thread, as the tensors here are small and the machine may be busy; and who serves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")

from twins import serve  # noqa: E402

from leaky.kernels.select import why_not_native  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def native_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test passes because torch's own operations stood in, unless those are what is tested."""
    if why_not_native(torch.ones(2**13)) is None:
        serve("native", monkeypatch)
