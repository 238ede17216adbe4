"""Take URLs of services apart, and check their hosts and options. A leaf.

Used by `redis_urls` and `service_urls`.

An error repeats nothing of the URL except an option's name: where a password is not percent-encoded, it is
cut at its first special character, and its rest may appear in any other part.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

MAX_PORT: Final = 65535
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Option:
    """A known option. `expects` continues the sentence "its option <name> must be …"."""

    is_good: Callable[[str], bool]
    expects: str


def one_of(*words: str) -> Option:
    """Return the option whose value is one of these words."""
    return Option(words.__contains__, ", ".join(words))


TEXT: Final = Option(bool, "a text that is not empty")
FILE: Final = Option(bool, "the path of a file")
FLAG: Final = one_of("true", "false", "True", "False", "1", "0")


def host_and_port(text: str, usual: int) -> tuple[str, int]:
    """Return host and port of `host:port`; `usual` where it names no port."""
    found = _HOST.fullmatch(text)
    port = found[1] if found else None
    host = text.removesuffix(f":{port}") if port else text
    return host.strip("[]"), int(port or usual)


def split(text: str, schemes: Mapping[str, str]) -> tuple[str, str]:
    """Return scheme and rest, with our spelling of the scheme."""
    scheme, found, rest = text.partition("://")
    if not found or scheme.lower() not in schemes or not rest:
        *others, last = (f"{name}://" for name in schemes)
        raise ValueError(f"must be a URL that starts with {', '.join(others)} or {last}")
    return schemes[scheme.lower()], rest


def parts(rest: str) -> tuple[str, str, dict[str, str]]:
    """Split what follows the scheme into authority, path and options."""
    if re.search(r"[\s\x00-\x1f\x7f]", rest):
        raise ValueError("must not hold spaces; in a password a space is written %20")
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        raise ValueError("must not hold a % alone; in a password it is written %25")
    if "#" in rest:
        raise ValueError("must not hold a #; in a password it is written %23")
    address, _, query = rest.partition("?")
    authority, slash, path = address.partition("/")
    if authority.count("@") > 1 or "@" in path or "@" in query:
        raise ValueError(
            "must have one @, before the host; in a password @ is written %40, / %2F and ? %3F"
        )
    return authority, slash + path, dict(pairs(query))


def pairs(query: str) -> list[tuple[str, str]]:
    """Return the options, each with its value."""
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ValueError("must have options like name=value, joined by &") from None


def check_hosts(authority: str, most: int) -> None:
    """Refuse hosts that cannot be meant, and more than `most` of them."""
    hosts = authority.rpartition("@")[2].split(",")
    if len(hosts) > most:
        raise ValueError(f"must not name more hosts than {most}")
    for host in hosts:
        found = _HOST.fullmatch(host)
        if not found or not is_port(found[1] or "1"):
            raise ValueError(
                f"must name its host as host or host:port, with a port from 1 to {MAX_PORT}; in a "
                "password : is written %3A and / %2F"
            )


def is_port(text: str) -> bool:
    """Return whether the text is the number of a port."""
    return text.isdecimal() and 1 <= int(text) <= MAX_PORT


def check_options(options: Mapping[str, str], known: Mapping[str, Option]) -> None:
    """Refuse options that are not known, and values that are not good."""
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            raise ValueError(
                f"must not have the option {_printable(name)}; known are {', '.join(sorted(known))}"
            )
        if not option.is_good(value):
            raise ValueError(f"is wrong: its option {name} must be {option.expects}")


def _printable(name: str) -> str:
    """Return the name of an option, or other words where it may be a part of a password."""
    return name if re.fullmatch(r"[A-Za-z_]{1,40}", name) else "that it names"
