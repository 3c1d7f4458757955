"""By which names the server goes, and whether a request comes from a page of its own.

A website that somebody has open can send requests to their own computer, and can give its own name the address of
that computer (DNS rebinding). The browser tells on both: the name is in Host, the website in Origin.
"""

from __future__ import annotations

import hmac
import socket
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from llm.ui.door.refusal import Refused

PAGE_HEADER = "x-glassbox-page"


class Names:
    """The server's names: those given, this computer's own, and every address that is a number.

    A number can't be rebound: who asks for one has been there. A name below .localhost always is this computer.
    """

    def __init__(self, given: Iterable[str] = ()) -> None:
        own = socket.gethostname().lower()
        self.given = {name.lower() for name in given}
        self.names = self.given | {"localhost", own, f"{own}.local"}

    def ours(self, host: str) -> bool:
        """Whether a Host header, with or without a port, names this server."""
        name = _name(host)
        return name in self.names or name.endswith(".localhost") or _number(name) is not None

    def check_host(self, headers: Headers) -> None:
        """Raises Refused for a name that isn't ours, in Host or where a proxy says what Host was."""
        for host in _hosts(headers):
            if not self.ours(host):
                raise Refused(421, "This server does not go by that name; `--allow-host NAME` lets it.")

    def check_origin(self, headers: Headers, word: str) -> None:
        """Raises Refused for a request from somebody else's page.

        A frame that may store nothing has no origin, and any website can open such a frame. Ours proves that it shows
        our page by the `word` in it, which no other website can read: see `Door`, which gives the page to none.
        """
        origin = headers.get("origin")
        if origin is None:
            good = headers.get("sec-fetch-site") != "cross-site" or headers.get("sec-fetch-mode") == "navigate"
        elif origin == "null":
            good = hmac.compare_digest(headers.get(PAGE_HEADER, "").encode(), word.encode())
        else:
            place = origin.lower().partition("://")[2]
            good = place in {host.lower() for host in _hosts(headers)} or _name(place) in self.given
        if not good:
            raise Refused(403, "Only this server's own page may ask; open its address itself.")


def given_names(options: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Names from the command line, and those of a Space, which has several when its owner has a domain."""
    return [*options, *filter(None, (name.strip() for name in environment.get("SPACE_HOST", "").split(",")))]


def address_of(scope: Scope, proxied: bool) -> str:
    """The address that a request comes from; of an IPv6 address the network, since one household has them all.

    uvicorn reads X-Forwarded-For of the proxies that FORWARDED_ALLOW_IPS names. On a Space (`proxied`) nobody knows
    the proxy's own address, but nobody else can reach the server: there the last public address counts. Those before
    it the visitor could have written.
    """
    address = (scope.get("client") or ("",))[0]
    if proxied:
        told = [_number(one.strip()) for one in Headers(scope=scope).get("x-forwarded-for", "").split(",")]
        address = str(next((one for one in reversed(told) if one and one.is_global), address))
    number = _number(address)
    if isinstance(number, IPv6Address):
        number = number.ipv4_mapped or ip_address(int(number) >> 64 << 64)
    return str(number or address)


def _hosts(headers: Headers) -> list[str]:
    forwarded = headers.get("x-forwarded-host", "").split(",")
    return [host.strip() for host in [headers.get("host", ""), *forwarded] if host.strip()]


def _name(host: str) -> str:
    """A host without its port and brackets; empty for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _number(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
