"""A call that fails: the one mapping of HTTP failures to `ModelError`s.

Owns the meaning of refusals, broken connections and broken replies, for every adapter alike. Each
adapter supplies the exceptions of its client library and the usage counted so far.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.wire.connections import Route, RouteClosed
from atlas_mcp.models.wire.proxies import proxy_login, tls_fault
from atlas_mcp.models.wire.refusals import (
    Refusal,
    Wording,
    json_or_text,
    page_of,
    reason_of,
    redacted,
    refusal,
)
from atlas_mcp.models.wire.trips import Trip

if TYPE_CHECKING:
    import httpx2


class Consumed(NamedTuple):
    """The consumption of a call so far.

    Attributes:
        charge: The usage and the cost that were counted.
        complete: Whether no more than `charge` can be billed.
    """

    charge: Charge
    complete: bool


class ClientErrors(NamedTuple):
    """The exceptions of a vendor's client library.

    Attributes:
        status: Raised for an answer with an error status; has `response` and `request_id`.
        connection: Raised for a failure of the connection; its cause is the HTTP library's own.
    """

    status: type[Exception] | tuple[()]
    connection: type[Exception] | tuple[()]


NO_LIBRARY = ClientErrors((), ())
"""The exceptions of a vendor without a client library, whose calls raise those of `httpx2`."""


class FallibleCall(ABC):
    """A call and the errors that its failures become.

    Args:
        model: The model, as errors name it.
        route: Where the call goes.

    Attributes:
        request_id: The vendor's id of the call, `None` until it is known.
        secrets: The secrets to remove from every text of the endpoint.
        trip: The trip of the call, which removes secrets from its errors; `None` before the call.
    """

    def __init__(self, model: str, route: Route) -> None:
        self.request_id: str | None = None
        self.secrets = route.secrets
        self.trip: Trip | None = None
        self._model = model
        self._route = route

    @property
    @abstractmethod
    def wording(self) -> Wording:
        """The phrases by which error messages refer to the endpoint."""

    @property
    @abstractmethod
    def consumed(self) -> Consumed:
        """The consumption of the call so far."""

    @property
    def client_errors(self) -> ClientErrors:
        """The exceptions of the client library that carries the call."""
        return NO_LIBRARY

    @contextmanager
    def failures_mapped(self, *, asked: bool) -> Generator[None]:
        """Raise each failure of an HTTP call inside as the `ModelError` that it means.

        Args:
            asked: Whether a model was called, so that other calls to it would fail alike.
        """
        import httpx2

        library = self.client_errors
        try:
            yield
        except RouteClosed as error:
            raise self.cut(error) from error
        except library.status as error:
            answered: Any = error
            self.request_id = answered.request_id
            raise self.refused(answered.response, asked=asked) from error
        except UnicodeEncodeError:
            raise self.unsendable_key() from None
        except library.connection as error:
            raise self.cut(error.__cause__ or error) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self.cut(error) from error

    def refused(self, response: httpx2.Response, *, asked: bool) -> ModelError:
        """Build the error for an answer with an error status; such calls are not billed.

        Args:
            response: The answer.
            asked: Whether a model was called, so that other calls to it would fail alike.
        """
        # The body is parsed again: a client library may keep only the `error` in it.
        body = json_or_text(response.text)
        found = refusal(response.status_code, response.headers, body, self.wording, self.secrets)
        variable = self._route.proxy_variable
        if response.status_code == 407 and variable is not None:
            found = replace(found, text=proxy_login(variable, self._reason(body)), retryable=False)
        elif variable is not None and response.status_code in {403, 502, 503, 504, 511}:
            # The status may come from the proxy as well as from the endpoint.
            found = replace(found, text=f"{found.text} (the call went{self._route.by_proxy()})")
        if asked:
            self.remember(found)
        self._route.answered()
        if found.retryable:
            return ModelUnavailable(
                self._model,
                found.text,
                retry_after=found.retry_after,
                request_id=self.request_id,
                charge=Charge(Usage(requests=1)),
            )
        return self.rejected(found)

    def rejected(self, found: Refusal) -> ModelRejected:
        """Return the error of a call that was refused before it consumed any tokens."""
        return ModelRejected(
            self._model,
            found.text,
            request_id=self.request_id,
            charge=Charge(Usage(requests=1)),
        )

    def remember(self, found: Refusal) -> None:
        """Record the refusal if other calls would meet the same one."""
        if found.lasting is not None:
            model = self._model if found.lasting == "credit" else None
            self._route.refused(found.text, self.request_id, model=model)

    def unsendable_key(self) -> ModelError:
        """Build the error for a key that cannot be put into a header; it does not quote the key."""
        return ModelRejected(self._model, "the API key holds a character no key has; set it again")

    def cut(self, error: BaseException) -> ModelError:
        """Build the error for a failure of the connection."""
        import httpx2

        if isinstance(error, RouteClosed):
            return ModelRejected(
                self._model,
                error.message,
                request_id=error.request_id,
                charge=Charge(Usage(requests=error.requests)),
            )
        self._route.answered()
        unsent = self._unsendable(error) or self._unconnected(error)
        if unsent is not None:
            return unsent
        if isinstance(error, httpx2.TimeoutException):
            return self.broken_off(f"{self.wording.api} fell silent")
        if isinstance(error, httpx2.DecodingError):
            text = f"the reply could not be read: {error}"
            return self.broken_off(text, retryable=False)
        return self.broken_off(f"the connection was cut ({type(error).__name__})")

    def _unsendable(self, error: BaseException) -> ModelError | None:
        """Return the error of a request that can never be sent; `None` for other failures."""
        import httpx2

        wording = self.wording
        if isinstance(error, httpx2.TooManyRedirects):
            text = f"{wording.place} sends calls round in circles; check {wording.address}"
            return ModelRejected(self._model, text)
        if isinstance(
            error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError | httpx2.InvalidURL
        ):
            return ModelRejected(
                self._model,
                f"the request cannot be sent ({type(error).__name__}): "
                f"check {wording.address} and the key for stray characters",
            )
        by_proxy = self._route.proxy_variable is not None
        if (fault := tls_fault(error, by_proxy=by_proxy)) is not None:
            return ModelRejected(
                self._model,
                f"no connection to {wording.place}{self._route.by_proxy()}: {fault}",
            )
        if isinstance(error, httpx2.ProxyError) and (found := self._proxy_fault(error)):
            return ModelRejected(self._model, found)
        return None

    def _unconnected(self, error: BaseException) -> ModelError | None:
        """Return the error of a call that found no connection; `None` for other failures."""
        import httpx2

        unsent = httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout
        if not (isinstance(error, unsent | httpx2.ProxyError) or self._is_unsent(error)):
            return None
        wording, variable = self.wording, self._route.proxy_variable
        running = "" if self._route.base_url is None else "that it is running, "
        if variable is not None:
            running = f"that the proxy is running, {variable}, "
        cause = f" ({self.redacted(str(error))})" if isinstance(error, httpx2.ProxyError) else ""
        # If no call has ever passed the proxy, its variable is wrong, and a retry will not help.
        lost = variable is not None and not self._route.is_open and not _is_late(error)
        kind = ModelRejected if lost else ModelUnavailable
        return kind(
            self._model,
            f"no connection to {wording.place}{self._route.by_proxy()}{cause}; check {running}the "
            f"network and {wording.address}",
        )

    def _is_unsent(self, error: BaseException) -> bool:
        """Return whether a connection broke before the request was sent, as a proxy may cause."""
        import httpx2

        trip = self.trip
        return isinstance(error, httpx2.TransportError) and trip is not None and not trip.sent

    def _proxy_fault(self, error: BaseException) -> str | None:
        """Return why a proxy lets no call through, `None` if a later call may pass."""
        variable = self._route.proxy_variable
        reason = self.redacted(str(error))
        status = re.match(r"[45][0-9]{2}\b", reason)
        if variable is None or (status is not None and status[0].startswith("5")):
            return None
        if reason.startswith("407") or re.search(r"auth|password", reason, re.IGNORECASE):
            return proxy_login(variable, reason)
        if status is None:
            return None
        return (
            f"the proxy that {variable} names does not let the call through ({reason}); ask those "
            "who run it to, or have NO_PROXY name the host"
        )

    def broken_off(self, text: str, *, retryable: bool = True) -> ModelError:
        """Return the error of a reply that began and did not come to its end."""
        kind = ModelUnavailable if retryable else ModelRejected
        charge, complete = self.consumed
        return kind(
            self._model,
            text,
            request_id=self.request_id,
            charge=charge,
            complete=complete,
        )

    def _reason(self, body: object) -> str:
        """Return the error text in an answer's body; for a web page its title."""
        page = page_of(body)
        return self.redacted(reason_of(body) if page is None else page)

    def redacted(self, text: object) -> str:
        """Return a text of the endpoint as one short line, without secrets."""
        return redacted(text, self.secrets)


def _is_late(error: BaseException) -> bool:
    """Return whether a connection took too long, or a proxy could not reach the endpoint."""
    import httpx2

    return isinstance(error, httpx2.TimeoutException) or str(error)[:1] == "5"
