"""LU without pivoting, which torch has on a GPU alone."""

import pytest
import torch

from pytest_tritonbench.sandbox.interpreter import cuda_linalg


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the mended functions, and torch's own again when the test ends."""
    for name in ("lu", "lu_factor", "lu_factor_ex"):
        monkeypatch.setattr(torch.linalg, name, getattr(torch.linalg, name))
    cuda_linalg.install()


@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 3), (2, 3, 5), (1, 1)])
@pytest.mark.usefixtures("installed")
def test_product_is_the_matrix(shape: tuple[int, ...]) -> None:
    """L is lower with a unit diagonal, U is upper, L U is the matrix, and P is empty."""
    a = torch.randn(shape, dtype=torch.float64)
    p, lower, upper = torch.linalg.lu(a, pivot=False)
    assert p.numel() == 0
    torch.testing.assert_close(lower @ upper, a)
    assert torch.equal(lower.tril(), lower)
    assert torch.equal(upper.triu(), upper)
    diagonal = torch.diagonal(lower, dim1=-2, dim2=-1)
    assert torch.equal(diagonal, torch.ones_like(diagonal))


@pytest.mark.usefixtures("installed")
def test_factors_in_one_matrix() -> None:
    """`lu_factor` packs both, with the identity for pivots, and `lu_solve` takes them."""
    a = torch.randn(2, 4, 4, dtype=torch.float64)
    b = torch.randn(2, 4, 1, dtype=torch.float64)
    both, pivots = torch.linalg.lu_factor(a, pivot=False)
    assert pivots.tolist() == [[1, 2, 3, 4]] * 2
    torch.testing.assert_close(a @ torch.linalg.lu_solve(both, pivots, b), b)
    zero = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    assert torch.linalg.lu_factor_ex(zero, pivot=False).info.item() == 2


@pytest.mark.usefixtures("installed")
def test_out_and_pivoting() -> None:
    """`out` is filled and returned; with pivoting torch does its own work."""
    a = torch.randn(3, 3)
    out = (torch.empty(0), torch.empty(3, 3), torch.empty(3, 3))
    found = torch.linalg.lu(a, pivot=False, out=out)
    assert found[1] is out[1]
    torch.testing.assert_close(out[1] @ out[2], a)
    p, lower, upper = torch.linalg.lu(a)
    torch.testing.assert_close(p @ lower @ upper, a)
