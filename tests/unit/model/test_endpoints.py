"""Names, servers and addresses of models."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from pytest_tritonbench.candidate.model.endpoints import (
    EndpointError,
    read_table,
    resolve,
    resolve_all,
)
from pytest_tritonbench.candidate.model.question import Endpoint, Price

LOCAL = ("ollama", "vllm", "trtllm", "llamacpp")


def models(text: str) -> Any:
    """``[tool.tritonbench.models]`` of a pyproject.toml."""
    return tomllib.loads(text)["tool"]["tritonbench"]["models"]


@pytest.mark.parametrize("name", ["claude", "gpt", "deepseek", "gemini", "qwen", "local"])
def test_a_name_is_enough(name: str) -> None:
    """For an address, a model and a price; where a key is wanted, for its variable."""
    endpoint = resolve(name)
    assert endpoint.name == name
    assert endpoint.model
    assert endpoint.price is not None
    assert endpoint.base_url.startswith("http://localhost" if name == "local" else "https://")
    assert (endpoint.key_variable is None) is (name == "local")


@pytest.mark.parametrize(
    "server",
    [
        "openrouter",
        "anthropic",
        "openai",
        "google",
        "dashscope",
        "ollama",
        "vllm",
        "trtllm",
        "llamacpp",
    ],
)
def test_a_server_wants_a_model(server: str) -> None:
    """Which stands after a colon and may have colons and slashes itself."""
    with pytest.raises(EndpointError, match=f"many models; write {server}:MODEL"):
        resolve(server)
    endpoint = resolve(f"{server}:maker/model-1.5:7b")
    assert (endpoint.name, endpoint.model) == ("model-1.5-7b", "maker/model-1.5:7b")
    assert (endpoint.price, endpoint.context) == (None, None)
    assert endpoint.base_url.startswith("http://localhost:") is (server in LOCAL)
    assert (endpoint.key_variable is None) is (server in LOCAL)


def test_another_model_of_a_name() -> None:
    """Has its server and key, and neither its price nor its name."""
    endpoint = resolve("claude:claude-opus-5-5")
    assert (endpoint.name, endpoint.model) == ("claude-opus-5-5", "claude-opus-5-5")
    assert endpoint.key_variable == "ANTHROPIC_API_KEY"
    assert endpoint.price is None


def test_an_address_needs_no_table() -> None:
    """A loopback's has no key; a slash at its end does not count."""
    assert resolve("http://localhost:8000/v1/#org/my-model") == Endpoint(
        "my-model", "http://localhost:8000/v1", "org/my-model"
    )
    assert resolve("https://gpu7.example.org/v1#m").key_variable is None


def test_a_key_belongs_to_its_address() -> None:
    """An address of the table gets the key of the table; one that looks like it gets none."""
    assert resolve("https://api.openai.com/v1#gpt-x").key_variable == "OPENAI_API_KEY"
    assert resolve("http://api.openai.com/v1#gpt-x").key_variable is None
    assert resolve("https://api.openai.com.example.org/v1#gpt-x").key_variable is None


@pytest.mark.parametrize(
    ("text", "name", "model"),
    [
        ("fast=claude", "fast", None),
        (" fast = claude ", "fast", None),
        ("a.b-c_1=openrouter:x/y", "a.b-c_1", "x/y"),
        ("openrouter:x=y", "x-y", "x=y"),
        ("http://localhost:1/v1#a=b", "a-b", "a=b"),
        ("me=http://localhost:1/v1#a=b", "me", "a=b"),
        ("ollama:日本/モデル-7b", "7b", "日本/モデル-7b"),
        ("ollama:../../etc/..passwd", "passwd", "../../etc/..passwd"),
    ],
)
def test_a_name_is_fit_for_node_ids_and_folders(text: str, name: str, model: str | None) -> None:
    """The given one, or what is left of the model's own."""
    endpoint = resolve(text)
    assert endpoint.name == name
    assert model in {endpoint.model, None}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no model in it; known: anthropic, claude"),
        ("x=", "no model in it"),
        ("cluade", "no endpoint 'cluade'; did you mean claude?"),
        ("opnrouter:a/b", "did you mean openrouter"),
        ("mistral", "no endpoint 'mistral'"),
        ("claude:", "no model after the colon; write claude:MODEL"),
        ("a b=claude", "'a b' cannot be a name; use letters"),
        ("../x=claude", "no endpoint"),
        ("..=claude", "'..' cannot be a name"),
        ("a[0]=claude", "cannot be a name"),
        ("=claude", "'' cannot be a name"),
        ("ollama:日本", "has no letters for a name; give one: --tb-model=NAME="),
        ("http://localhost:8000/v1", "which model? Write its name after '#'"),
        ("http://localhost:8000/v1#", "which model?"),
        ("http://:8000/v1#m", "no usable address"),
        ("http://localhost:99999/v1#m", "no usable address"),
        ("ftp://localhost/v1#m", "no usable address"),
        ("http://local host/v1#m", "blank"),
        ("http://localhost/v1?version=1#m", "something after '?'"),
    ],
)
def test_what_is_not_there_or_not_well_formed_is_told(text: str, told: str) -> None:
    """With what was meant perhaps, or what would be right."""
    with pytest.raises(EndpointError) as caught:
        resolve(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://sk-secret-0123456789@localhost/v1#m",
        "http://me:sk-secret-0123456789@localhost/v1#m",
        "a=http://me:sk-secret-0123456789@localhost/v1",
        "http://localhost/v1?key=sk-secret-0123456789#m",
        "sk-secret-0123456789",
        "sk-secret-0123456789:gpt",
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(text: str) -> None:
    """In the error, which is stored and shown."""
    with pytest.raises(EndpointError) as caught:
        resolve(text)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_two_of_one_name_are_told() -> None:
    """They would share a folder; capitals tell them apart on some disks only."""
    with pytest.raises(EndpointError, match=r"two models are called 'm' .* --tb-model=NAME="):
        resolve_all(["M=claude", "ollama:m"])
    assert [endpoint.name for endpoint in resolve_all(["claude", "o=claude"])] == ["claude", "o"]


def test_a_pyproject_adds_endpoints() -> None:
    """With an address of their own, or with the server of another entry."""
    table = read_table(
        models("""
[tool.tritonbench.models.box]
base_url = "http://gpu7.example.org:8000/v1/"
key = "BOX_KEY"
[tool.tritonbench.models.coder]
server = "box"
model = "org/coder"
price = { prompt = 1, completion = 2.5 }
context = 32768
extra = { top_k = 20 }
""")
    )
    assert resolve("coder", table) == Endpoint(
        "coder",
        "http://gpu7.example.org:8000/v1",
        "org/coder",
        "BOX_KEY",
        Price(1.0, 2.5),
        32768,
        {"top_k": 20},
    )
    assert resolve("box:other", table).key_variable == "BOX_KEY"
    assert resolve("claude", table) == resolve("claude")


def test_a_pyproject_changes_endpoints() -> None:
    """What it does not name stays; another address has not the old one's key, price or context."""
    table = read_table(
        models("""
[tool.tritonbench.models.claude]
model = "claude-opus-5-5"
[tool.tritonbench.models.gpt]
price = { prompt = 9, completion = 9 }
[tool.tritonbench.models.gemini]
base_url = "https://proxy.example.org/v1"
""")
    )
    claude, gpt, gemini = (resolve(name, table) for name in ("claude", "gpt", "gemini"))
    assert (claude.model, claude.key_variable) == ("claude-opus-5-5", "ANTHROPIC_API_KEY")
    assert (claude.price, claude.context) == (None, None)
    assert (gpt.model, gpt.price) == (resolve("gpt").model, Price(9.0, 9.0))
    assert gemini.base_url == "https://proxy.example.org/v1"
    assert (gemini.key_variable, gemini.price) == (None, None)
    assert gemini.model == resolve("gemini").model


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"modle": "m"}, "x] has no key 'modle': did you mean model"),
        ({"model": 3}, "x] model is 3; expected a text that is not empty"),
        ({"model": " "}, "x] model is an empty text; expected a text"),
        ({"model": "m"}, "x] has no address; give base_url"),
        ({"server": "opnai"}, "x] server: no entry 'opnai'; did you mean openai"),
        ({"server": "x"}, "x] server: no entry 'x'"),
        ({"server": "openai", "base_url": "http://a/v1"}, "both server and base_url"),
        ({"base_url": "localhost:8000"}, "x] base_url: no usable address"),
        ({"server": "openai", "context": "8k"}, "x] context is a text; expected tokens"),
        ({"server": "openai", "context": True}, "x] context is of type bool; expected tokens"),
        ({"server": "openai", "price": 3}, "x] price is 3; expected a table"),
        ({"server": "openai", "price": {"prompt": 1}}, "x] price lacks completion; write"),
        ({"server": "openai", "price": {"input": 1}}, "x] price has no key 'input'"),
        (
            {"server": "openai", "price": {"prompt": -1, "completion": 1}},
            "price.prompt is -1; expected dollars",
        ),
        (
            {"server": "openai", "price": {"prompt": float("nan"), "completion": 1}},
            "price.prompt is nan; expected dollars",
        ),
        ({"server": "openai", "extra": []}, "x] extra is of type list; expected a table"),
        ("claude", "x] is a text, no table; it takes server, base_url"),
    ],
)
def test_a_wrong_entry_is_told(row: Any, told: str) -> None:
    """With table, key and what would be right."""
    with pytest.raises(EndpointError) as caught:
        read_table({"x": row})
    assert str(caught.value).startswith("[tool.tritonbench.models.x")
    assert told in str(caught.value)


def test_a_wrong_table_is_told() -> None:
    """As well as a wrong name in it, and servers that refer to one another."""
    with pytest.raises(EndpointError, match=r"models\] is no table"):
        read_table(["claude"])  # type: ignore[arg-type]
    with pytest.raises(EndpointError, match="'a/b' cannot be a name"):
        read_table({"a/b": {"server": "openai"}})
    with pytest.raises(EndpointError, match="is a ring"):
        read_table({"a": {"server": "b"}, "b": {"server": "a"}})


@pytest.mark.parametrize("key", ["sk-secret-0123456789", "gsk_secret0123456789", "", 3])
def test_a_key_instead_of_its_variable_is_not_repeated(key: Any) -> None:
    """The message says what belongs there."""
    with pytest.raises(EndpointError, match=r"models.x\] key is ") as caught:
        read_table({"x": {"server": "openai", "key": key}})
    assert "secret" not in str(caught.value)
