"""What is known of a key at its address."""

from __future__ import annotations

import pytest

from atlas_mcp.models.wire.accounts import Account, RouteClosed


async def test_a_key_that_is_taken_after_a_stray_refusal_is_not_refused_any_more() -> None:
    account = Account()
    account.refuse(RouteClosed("refused"), None)
    with pytest.raises(RouteClosed):
        async with account.calling("m"):
            pass

    account.accept()

    async with account.calling("m"):
        pass
