"""The table of endpoints: what is shipped, and what a pyproject.toml says on top of it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from pytest_tritonbench.candidate.model.question import Price

KEYS = ("server", "base_url", "model", "key", "price", "context", "extra")
_PRICES = ("prompt", "completion", "cached")

# Lower case is refused on purpose: a variable may have it, but so have keys.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME_RULE = "letters, digits, '.', '_' and '-', the first a letter or digit, 64 at most"


class EndpointError(ValueError):
    """A model, or an entry of the table of endpoints, that cannot be used as it is written."""


@dataclass(frozen=True)
class Entry:
    """One entry of the table, its server's part filled in."""

    base_url: str
    model: str | None = None
    """``None``: a server, whose models are named ``NAME:MODEL``."""

    key_variable: str | None = None
    price: Price | None = None
    context: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_table(models: Mapping[str, Any] | None = None) -> dict[str, Entry]:
    """The shipped endpoints, extended and overridden by a pyproject.toml.

    An entry of the user's changes the keys that it has and keeps the others. One that names
    another server or address keeps neither key nor price: a key goes to its own server only.

    Args:
        models: ``[tool.tritonbench.models]`` of the pyproject.toml, parsed.

    Raises:
        EndpointError: An entry is not as it should be.
    """
    shipped = tomllib.loads(files(__package__).joinpath("endpoints.toml").read_text("utf-8"))
    raw: dict[str, dict[str, Any]] = {name: _checked(name, row) for name, row in shipped.items()}
    if models is not None and not isinstance(models, Mapping):
        raise EndpointError(
            "[tool.tritonbench.models] is no table; write one table an endpoint: "
            "[tool.tritonbench.models.NAME]"
        )
    for name, row in (models or {}).items():
        raw[name] = _merged(raw.get(name, {}), _checked(name, row))
    return {name: _entry(name, raw) for name in raw}


def safe_name(name: str) -> bool:
    """Whether a name can stand in node ids and be a folder's."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str, where: str) -> str:
    """The name, if it can stand in node ids and be a folder's."""
    if not safe_name(name):
        raise EndpointError(f"{where}: {name!r} cannot be a name; use {_NAME_RULE}")
    return name


def checked_url(url: str, where: str) -> str:
    """The address, without a slash at its end, if it is one and holds no secret.

    What may be a secret is not repeated in the message.
    """
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_right = urlsplit(""), False
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise EndpointError(
            f"{where}: the address holds a user or a key before its host; addresses are shown "
            "and stored, so put the key into an environment variable and name that as 'key' in "
            "[tool.tritonbench.models.NAME]"
        )
    if parts.query or parts.fragment:
        raise EndpointError(
            f"{where}: the address has something after '?' or '#'; expected "
            "http(s)://HOST[:PORT]/PATH as it stands before /chat/completions"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right:
        raise EndpointError(
            f"{where}: no usable address; expected http(s)://HOST[:PORT]/PATH, "
            "such as http://localhost:8000/v1"
        )
    if any(character.isspace() or not character.isprintable() for character in url):
        raise EndpointError(f"{where}: the address has a blank or a control character in it")
    return url.rstrip("/")


def close(name: str, names: Collection[str]) -> str:
    """The names that are meant perhaps, as a part of a sentence."""
    matches = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    if matches:
        return f"did you mean {' or '.join(matches)}?"
    return f"known: {', '.join(sorted(names))}"


def _checked(name: str, row: Any) -> dict[str, Any]:
    where = f"[tool.tritonbench.models.{name}]"
    checked_name(name, where)
    if not isinstance(row, Mapping):
        raise EndpointError(f"{where} is {_kind(row)}, no table; it takes {', '.join(KEYS)}")
    for key, value in row.items():
        if key not in KEYS:
            raise EndpointError(f"{where} has no key {key!r}: {close(key, KEYS)}")
        _check_value(f"{where} {key}", key, value)
    if "server" in row and "base_url" in row:
        raise EndpointError(f"{where} has both server and base_url; keep one: each is the address")
    return dict(row)


def _check_value(where: str, key: str, value: Any) -> None:
    if key in {"server", "base_url", "model", "key"}:
        if not isinstance(value, str) or not value.strip():
            raise EndpointError(f"{where} is {_kind(value)}; expected a text that is not empty")
        if key == "base_url":
            checked_url(value, where)
        if key == "key" and not _VARIABLE.fullmatch(value):
            raise EndpointError(
                f"{where} is no name of an environment variable in capitals (the value is not "
                'shown: it may be a key); write key = "MY_API_KEY" and set that variable'
            )
    elif key == "context":
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise EndpointError(f"{where} is {_kind(value)}; expected tokens, a positive integer")
    elif not isinstance(value, Mapping):
        raise EndpointError(f"{where} is {_kind(value)}; expected a table")
    elif key == "price":
        _check_price(where, value)


def _check_price(where: str, price: Mapping[str, Any]) -> None:
    for key, value in price.items():
        if key not in _PRICES:
            raise EndpointError(f"{where} has no key {key!r}: {close(key, _PRICES)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value < float("inf"):
            raise EndpointError(
                f"{where}.{key} is {_kind(value)}; expected dollars for a million tokens, "
                "a number that is not negative"
            )
    missing = [key for key in ("prompt", "completion") if key not in price]
    if missing:
        raise EndpointError(
            f"{where} lacks {' and '.join(missing)}; "
            "write price = { prompt = 3.0, completion = 15.0 } in dollars for a million tokens"
        )


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(old)
    if "server" in new or "base_url" in new:
        for key in ("server", "base_url", "key", "price", "context"):
            kept.pop(key, None)
    elif "model" in new:
        for key in ("price", "context"):
            kept.pop(key, None)
    return {**kept, **new}


def _entry(name: str, raw: Mapping[str, Mapping[str, Any]], seen: tuple[str, ...] = ()) -> Entry:
    row = raw[name]
    where = f"[tool.tritonbench.models.{name}]"
    if "server" in row:
        server = row["server"]
        if server not in raw or server == name:
            others = [other for other in raw if other != name]
            raise EndpointError(f"{where} server: no entry {server!r}; {close(server, others)}")
        if server in seen:
            raise EndpointError(f"{where} server: {' -> '.join((*seen, name, server))} is a ring")
        base = replace(
            _entry(server, raw, (*seen, name)), model=None, price=None, context=None, extra={}
        )
    elif "base_url" in row:
        base = Entry(checked_url(row["base_url"], where))
    else:
        raise EndpointError(
            f'{where} has no address; give base_url = "http://localhost:8000/v1", '
            'or server = "openrouter" for the address and key of another entry'
        )
    price = row.get("price")
    return replace(
        base,
        model=row.get("model"),
        key_variable=row.get("key", base.key_variable),
        price=None if price is None else Price(**{k: float(v) for k, v in price.items()}),
        context=row.get("context"),
        extra=dict(row.get("extra", {})),
    )


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "an empty text" if not value.strip() else "a text"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}"
    return f"of type {type(value).__name__}"
