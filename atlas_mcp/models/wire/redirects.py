"""The rule for which redirects are followed, and the error for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_mcp.addresses import is_same_origin, place_of
from atlas_mcp.models.wire.accounts import RouteClosed

if TYPE_CHECKING:
    import httpx2


def check_redirect(response: httpx2.Response) -> None:
    """Refuse a redirect that leaves its origin, or that would turn a POST into a GET.

    Raises:
        RouteClosed: The message names the target of the redirect, by scheme and host alone.
    """
    import httpx2

    status = f"status {response.status_code}"
    try:
        target = response.url.join(response.headers["location"])
    except httpx2.InvalidURL:
        raise RouteClosed(
            f"the endpoint redirects calls to an invalid address ({status}); check base_url",
            requests=1,
        ) from None
    if not is_same_origin(str(target), str(response.url)):
        raise RouteClosed(
            f"the endpoint sends calls on to {place_of(str(target))} ({status}), which was not "
            "followed: no entry names it; if it is right, make it the base_url, and if not, a "
            "proxy or a login page of your network answered",
            requests=1,
        )
    if response.status_code in {301, 302, 303} and response.request.method not in {"GET", "HEAD"}:
        raise RouteClosed(
            f"the endpoint has moved within {place_of(str(target))} ({status}); correct base_url",
            requests=1,
        )
