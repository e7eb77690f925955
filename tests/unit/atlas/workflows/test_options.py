from __future__ import annotations

import pytest

from atlas_mcp.atlas.workflows.options import whole_number
from atlas_mcp.errors import InvalidInput


def test_an_option_is_a_whole_number_within_bounds() -> None:
    assert whole_number(None, least=1, most=9) is None
    assert [whole_number(one, least=1, most=9) for one in ("1", "9", "05")] == [1, 9, 5]


@pytest.mark.parametrize("option", ["", "0", "10", "-1", "1.5", "x", "\u0663", "9" * 5_000])
def test_any_other_option_is_refused(option: str) -> None:
    with pytest.raises(InvalidInput, match="takes a whole number from 1 to 9 behind the colon"):
        whole_number(option, least=1, most=9)
