"""Errors of endpoints of Chat Completions, as their stand-in answers with them."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_mcp.testing.chat_endpoints import ChatEndpoint


@dataclass(frozen=True, slots=True)
class ChatError:
    """The status and error with which the endpoint answers a broken rule."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


class BrokenRule(Exception):
    """Carries the error out of a check."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.error = ChatError(status, message, param=param, code=code)


def error_body(error: ChatError, endpoint: ChatEndpoint) -> object:
    """Return an error as the endpoint writes it."""
    fields = {
        "message": error.message,
        "type": error.kind,
        "param": error.param,
        "code": error.code,
    }
    match endpoint.errors:
        case "openai":
            return {"error": fields}
        case "flat":
            return {"object": "error", **fields}
        case "list":
            return [{"error": {**fields, "code": error.status, "status": "INVALID_ARGUMENT"}}]
        case "detail":
            return {"detail": error.message}
