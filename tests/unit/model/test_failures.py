"""What servers say, each in its own words, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_tritonbench.candidate.model.failures import Explainer, Fault
from pytest_tritonbench.candidate.model.question import Endpoint

EXPLAIN = Explainer(Endpoint("m", "https://host.example.org/v1", "model-1", "M_KEY"), str)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # OpenAI
        (429, {"message": "Rate limit reached for gpt on tokens per min", "code": "x"}, "rate-"),
        (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, "quo"),
        (404, {"message": "The model `x` does not exist", "code": "model_not_found"}, "unk"),
        (403, {"message": "Project does not have access to model `x`"}, "wrong-key"),
        (400, {"message": "x", "code": "context_length_exceeded"}, "context"),
        (400, {"message": "Invalid prompt: flagged", "code": "invalid_prompt"}, "refusal"),
        # OpenRouter
        (402, {"message": "This request requires more credits", "code": 402}, "quota"),
        (400, {"message": "deepseek/x is not a valid model ID", "code": 400}, "unknown-model"),
        (404, {"message": "No endpoints found for a/b.", "code": 404}, "unknown-model"),
        (403, {"message": "Your input was flagged", "metadata": {"reasons": []}}, "refusal"),
        (429, {"message": "Rate limit exceeded: free-models-per-day"}, "quota"),
        (401, {"message": "User not found.", "code": 401}, "wrong-key"),
        # Anthropic
        (401, {"type": "authentication_error", "message": "invalid x-api-key"}, "wrong-key"),
        (400, {"message": "Your credit balance is too low to access the API"}, "quota"),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, "context"),
        (404, {"type": "not_found_error", "message": "model: claude-x"}, "unknown-model"),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, "server-error"),
        (413, "Request exceeds the maximum size", "context"),
        # DeepSeek
        (402, {"message": "Insufficient Balance", "type": "unknown_error"}, "quota"),
        (400, {"message": "Model Not Exist", "type": "invalid_request_error"}, "unknown-model"),
        # Gemini: a list around it
        (400, [{"error": {"code": 400, "message": "API key not valid."}}], "wrong-key"),
        (
            429,
            [{"error": {"message": "You exceeded your current quota ... PerMinute", "code": 429}}],
            "rate-limited",
        ),
        (404, [{"error": {"message": "models/x is not found for API version"}}], "unknown-model"),
        (400, [{"error": {"message": "The input token count (9) exceeds the maximum"}}], "context"),
        # DashScope
        (400, {"code": "Arrearage", "message": "Access denied, account is in arrears"}, "quota"),
        (400, {"code": "data_inspection_failed", "message": "inappropriate content"}, "refusal"),
        (400, {"message": "Range of input length should be [1, 98304]"}, "context"),
        # vLLM, TensorRT-LLM
        (400, {"message": "This model's maximum context length is 10 tokens."}, "context"),
        (404, {"message": "The model `x` does not exist.", "code": 404}, "unknown-model"),
        (404, {"detail": "Not Found"}, "unreachable"),
        (401, {"error": "Unauthorized"}, "wrong-key"),
        # llama.cpp, Ollama
        (400, {"type": "exceed_context_size_error", "message": "request exceeds"}, "context"),
        (404, {"message": "model 'x' not found", "type": "api_error"}, "unknown-model"),
        (503, {"message": "Loading model", "type": "unavailable_error"}, "server-error"),
        # Whatever stands in between
        (504, "<html><body>Gateway Time-out</body></html>", "timeout"),
        (502, "", "server-error"),
        (None, {"message": "Internal error"}, "server-error"),
        (405, "Method Not Allowed", "unreachable"),
        (400, {"message": "temperature must be 1", "param": "temperature"}, "bad-request"),
        (418, None, "bad-request"),
    ],
)
def test_kinds(status: int | None, body: Any, kind: str) -> None:
    """Every server's own words lead to the kind that they mean."""
    error = EXPLAIN.told(Fault(status, body))
    assert error.kind.startswith(kind)
    assert error.message.startswith("m: ")
    assert "<html>" not in error.message


def test_what_the_server_says_is_kept_short() -> None:
    """On one line, however long it is and however it is wrapped."""
    error = EXPLAIN.told(Fault(500, {"error": {"message": "a\nb  c " + "x" * 100_000}}))
    assert "(500: a b c xxx" in error.message
    assert len(error.message) < 500
    assert EXPLAIN.told(Fault(500, {"odd": [1]})).message.count('{"odd": [1]}') == 1


def test_an_unknown_model_asks_for_those_that_there_are() -> None:
    """And only an unknown model does."""
    asked: list[int] = []

    def models() -> str:
        asked.append(1)
        return "it has model-2"

    assert "it has model-2" in EXPLAIN.told(Fault(404, "no such model"), models).message
    EXPLAIN.told(Fault(500, "no such model"), models)
    assert asked == [1]
