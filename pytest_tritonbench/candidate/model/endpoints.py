"""From the text of ``--tb-model`` to an endpoint.

``claude``
    an entry of the table (see ``endpoints.toml`` beside this module)
``openrouter:deepseek/deepseek-v3.2``
    SERVER:MODEL, another model of an entry's server; price and context are not known then
``http://localhost:8000/v1#my-model``
    an address and a model, without any table
``fast=openrouter:qwen/qwen3-coder``
    NAME=... gives the name in node ids and folders

An address that is written out gets the key of the table's entry with the same address and no
other key: a key is sent to the server that it belongs to, and to nobody who merely listens.
A server of one's own that wants a key gets an entry in the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_tritonbench.candidate.model.question import Endpoint
from pytest_tritonbench.candidate.model.table import (
    EndpointError,
    Entry,
    checked_name,
    checked_url,
    close,
    read_table,
    safe_name,
)

__all__ = ["EndpointError", "Entry", "read_table", "resolve", "resolve_all"]

_OPTION = "--tb-model"


def resolve(text: str, table: Mapping[str, Entry] | None = None) -> Endpoint:
    """The endpoint that a ``--tb-model`` asks for.

    Args:
        text: NAME, SERVER:MODEL or URL#MODEL, each with ``NAME=`` before it if wanted.
        table: As `read_table` gives it; ``None``: the shipped one.

    Raises:
        EndpointError: There is no such endpoint, or the text is not well formed.
    """
    table = read_table() if table is None else table
    name, rest = _split_name(text.strip())
    if not rest:
        raise EndpointError(f"{_OPTION}: no model in it; {close('', table)}")
    if "://" in rest.partition("#")[0]:
        endpoint = _from_address(rest, table)
    else:
        endpoint = _from_table(rest, table)
    if name is None:
        return endpoint
    checked_name(name, f"{_OPTION}={name}=...")
    return replace(endpoint, name=name)


def resolve_all(texts: Sequence[str], table: Mapping[str, Entry] | None = None) -> list[Endpoint]:
    """The endpoints of several ``--tb-model``, no two of one name.

    Raises:
        EndpointError: As `resolve`; or two have a name in common, capitals aside (they would
            share a folder).
    """
    endpoints: dict[str, Endpoint] = {}
    for text in texts:
        endpoint = resolve(text, table)
        other = endpoints.setdefault(endpoint.name.casefold(), endpoint)
        if other is not endpoint:
            raise EndpointError(
                f"{_OPTION}: two models are called {endpoint.name!r} ({other.model} at "
                f"{other.base_url} and {endpoint.model} at {endpoint.base_url}); "
                f"name one of them: {_OPTION}=NAME=..."
            )
    return list(endpoints.values())


def _split_name(text: str) -> tuple[str | None, str]:
    before, equals, after = text.partition("=")
    if not equals or re.search(r"[:/#]", before):
        return None, text
    return before.strip(), after.strip()


def _from_address(text: str, table: Mapping[str, Entry]) -> Endpoint:
    address, _, model = text.partition("#")
    # The text is not repeated: a key may stand in it.
    base_url = checked_url(address, _OPTION)
    if not model.strip():
        raise EndpointError(
            f"{_OPTION}={base_url}: which model? Write its name after '#': "
            f"{_OPTION}={base_url}#MODEL; {base_url}/models lists them"
        )
    owner = next((entry for entry in table.values() if entry.base_url == base_url), None)
    key_variable = None if owner is None else owner.key_variable
    return Endpoint(_name_of(model), base_url, model.strip(), key_variable)


def _from_table(text: str, table: Mapping[str, Entry]) -> Endpoint:
    server, colon, model = text.partition(":")
    entry = table.get(server)
    if entry is None:
        raise EndpointError(
            f"{_OPTION}={_shown(text)}: no endpoint {_shown(server)!r}; {close(server, table)} "
            "Others: SERVER:MODEL, URL#MODEL, or an entry [tool.tritonbench.models.NAME] "
            "in pyproject.toml"
        )
    model = model.strip()
    if model and model != entry.model:
        return Endpoint(
            _name_of(model), entry.base_url, model, entry.key_variable, extra=entry.extra
        )
    if colon and not model:
        raise EndpointError(f"{_OPTION}={text}: no model after the colon; write {server}:MODEL")
    if entry.model is None:
        raise EndpointError(
            f"{_OPTION}={text}: {server} is a server of many models; write {server}:MODEL"
        )
    return Endpoint(
        _name_of(model) if colon else server,
        entry.base_url,
        entry.model,
        entry.key_variable,
        entry.price,
        entry.context,
        entry.extra,
    )


def _name_of(model: str) -> str:
    """A model's own name without its maker, in characters that node ids and folders may have."""
    last = model.strip().rstrip("/").rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._")[:64].rstrip("-._")
    if not safe_name(name):
        raise EndpointError(
            f"{_OPTION}: the model {model!r} has no letters for a name; "
            f"give one: {_OPTION}=NAME=..."
        )
    return name


def _shown(text: str) -> str:
    """A wrong text as a message may repeat it: whatever looks like a key is not shown."""
    return re.sub(r"(?i)\b(?:sk|gsk|hf|xai|aiza)[-_]?[\w-]{12,}|[\w-]{32,}", "***", text)
