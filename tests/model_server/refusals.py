"""Requests that are answered with an error of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.model_server import wire
from tests.model_server.plan import Plan

# Status, message, type, code: in the words of servers that are well known.
_ERRORS: dict[str, tuple[int, str, str, str | None]] = {
    "429": (429, "Rate limit reached for requests", "requests", "rate_limit_exceeded"),
    "500": (500, "The server had an error while processing your request", "server_error", None),
    "503": (503, "The engine is currently overloaded", "server_error", None),
    "401": (401, "Incorrect API key provided: {key}.", "invalid_request_error", "invalid_api_key"),
    "403": (403, "You are not allowed to sample from this model", "permission_error", None),
    "404": (
        404,
        "The model `{model}` does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    "quota": (
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "context": (
        400,
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
        "invalid_request_error",
        "context_length_exceeded",
    ),
    "policy": (400, "The prompt was filtered", "invalid_request_error", "content_filter"),
    "bad-request": (
        400,
        "Unsupported value: 'temperature' does not support 0.2 with this model.",
        "invalid_request_error",
        "unsupported_value",
    ),
    "echo-key": (500, "upstream got headers {{'authorization': '{key}'}}", "server_error", None),
    "no-stream-options": (400, "stream_options: Extra inputs are not permitted", "invalid", None),
    "no-stream": (400, "Streaming is not supported by this server", "invalid", None),
    "max-completion-tokens": (
        400,
        "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "invalid_request_error",
        "unsupported_parameter",
    ),
}


def reject(
    plan: Plan, fault: str | None, request: Request, asked: Mapping[str, Any]
) -> tuple[str, Response] | None:
    """What a request is refused for, and how; ``None`` if it is not."""
    authorization = request.headers.get("authorization", "")
    kind = _kind(plan, fault, authorization, asked)
    if kind is None:
        return None
    status, message, type_, code = _ERRORS[kind]
    text = message.format(key=authorization.removeprefix("Bearer "), model=asked["model"])
    headers = {"Retry-After": plan.retry_after} if kind == "429" else {}
    return kind, JSONResponse(wire.error(text, type_, code), status, headers)


def _kind(
    plan: Plan, fault: str | None, authorization: str, asked: Mapping[str, Any]
) -> str | None:
    if plan.key is not None and authorization != f"Bearer {plan.key}":
        return "401"
    if plan.models is not None and asked["model"] not in plan.models:
        return "404"
    if "no-stream-options" in plan.quirks and "stream_options" in asked:
        return "no-stream-options"
    if "no-stream" in plan.quirks and asked.get("stream"):
        return "no-stream"
    if "max-completion-tokens" in plan.quirks and "max_tokens" in asked:
        return "max-completion-tokens"
    return fault if fault in _ERRORS else None
