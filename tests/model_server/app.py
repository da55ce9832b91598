"""A server that speaks the protocol of OpenAI's chat completions and answers from a recording."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.model_server import wire
from tests.model_server.answers import Answers, Recorded
from tests.model_server.plan import ODD, Plan
from tests.model_server.refusals import reject
from tests.model_server.transport import reset

_HUGE = 10_000_000
_BLOCK = "x" * 64_000


class State:
    """The plan, and what came of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.answers = Answers(plan.answers)
        self.requests: list[dict[str, Any]] = []
        self.of_task: Counter[str | None] = Counter()
        self.at_once = 0
        self.most_at_once = 0


def application(plan: Plan) -> Starlette:
    """The server.

    ``POST /v1/chat/completions`` and ``GET /v1/models`` as everywhere; ``POST /plan`` takes
    another plan and forgets what was, ``GET /log`` tells which requests came and what came of
    each: ``answered`` once the last byte is out, ``gone`` if the client did not wait for
    it, or the fault.
    """
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", _chat, methods=["POST"]),
            Route("/v1/models", _models),
            Route("/plan", _replan, methods=["POST"]),
            Route("/log", _log),
        ]
    )
    app.state.now = State(plan)
    return app


async def _replan(request: Request) -> Response:
    request.app.state.now = State(Plan(**await request.json()))
    return JSONResponse({})


async def _log(request: Request) -> Response:
    now: State = request.app.state.now
    return JSONResponse({"requests": now.requests, "most_at_once": now.most_at_once})


async def _models(request: Request) -> Response:
    now: State = request.app.state.now
    rows = [{"id": name, "object": "model", "created": 0} for name in now.plan.models or ("any",)]
    return JSONResponse({"object": "list", "data": rows})


async def _chat(request: Request) -> Response:
    now: State = request.app.state.now
    asked = await request.json()
    task = now.answers.task(asked["messages"])
    fault = now.plan.fault(len(now.requests), task, now.of_task[task])
    line = {
        "task": task,
        "prompt": hashlib.sha256(json.dumps(asked["messages"]).encode()).hexdigest(),
        "model": asked["model"],
        "asked": {name: value for name, value in asked.items() if name != "messages"},
        "headers": dict(request.headers),
        "outcome": fault or "under way",
    }
    now.requests.append(line)
    now.of_task[task] += 1
    rejected = reject(now.plan, fault, request, asked)
    if rejected is not None:
        line["outcome"], response = rejected
        return response
    if fault == "reset-early":
        reset(request)
    if fault == "html":
        return Response("<html><body>Welcome</body></html>", media_type="text/html")
    number = asked.get("seed")
    if number is None:
        number = sum(r["task"] == task and r["outcome"] == "answered" for r in now.requests)
    reply = Reply(now, line, fault, asked, now.answers.answer(task, number))
    if asked.get("stream") and "one-piece" not in now.plan.quirks:
        return StreamingResponse(reply.stream(request), media_type="text/event-stream")
    return StreamingResponse(reply.whole(request), media_type="application/json")


class Reply:
    """One answer, as the plan wants it."""

    def __init__(
        self,
        now: State,
        line: dict[str, Any],
        fault: str | None,
        asked: Mapping[str, Any],
        recorded: Recorded,
    ) -> None:
        self.now = now
        self.line = line
        self.fault = fault
        self.asked = asked
        self.model = str(asked["model"])
        self.text, self.reasoning, self.finish = recorded.text, recorded.reasoning, "stop"
        self.refusal = "I cannot help with that." if fault == "refusal" else None
        if fault in {"refusal", "empty", "spent"}:
            self.text = ""
        if fault == "filter":
            self.finish = "content_filter"
        if fault in {"length", "spent"}:
            self.text, self.finish = self.text[: len(self.text) // 2], "length"
        prompt = json.dumps(asked["messages"])
        self.usage = {
            "prompt_tokens": wire.tokens(prompt),
            "completion_tokens": wire.tokens(self.text + self.reasoning),
            "total_tokens": wire.tokens(prompt) + wire.tokens(self.text + self.reasoning),
            "completion_tokens_details": {"reasoning_tokens": wire.tokens(self.reasoning)},
            **now.plan.usage,
        }

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """Piece by piece."""
        self._begin()
        try:
            thoughts = [
                {self.now.plan.reasoning_field: piece} for piece in wire.pieces(self.reasoning)
            ]
            texts = [{"content": piece} for piece in wire.pieces(self.text)]
            deltas: list[dict[str, Any]] = [{"role": "assistant"}, *thoughts, *texts]
            if self.refusal is not None:
                deltas.append({"refusal": self.refusal})
            for number, delta in enumerate(deltas):
                if number == len(deltas) // 2:
                    async for piece in self._break(request):
                        yield piece
                    if self.fault in {"cut", "error-event", "huge", "endless"}:
                        return
                yield wire.chunk(self.model, delta)
                await asyncio.sleep(self.now.plan.delay / len(deltas))
            yield wire.chunk(self.model, {}, self.finish)
            if (self.asked.get("stream_options") or {}).get("include_usage"):
                yield wire.chunk(self.model, None, usage=self.usage)
            yield wire.event("[DONE]")
            self._answered()
        finally:
            self._end()

    async def whole(self, request: Request) -> AsyncIterator[bytes]:
        """In one piece."""
        self._begin()
        try:
            await asyncio.sleep(self.now.plan.delay)
            if self.fault == "huge":
                self.text = "x" * _HUGE
            message = {
                "role": "assistant",
                "content": self.text,
                "refusal": self.refusal,
                self.now.plan.reasoning_field: self.reasoning,
            }
            choice = {"message": message, "finish_reason": self.finish}
            text = json.dumps(wire.completion(choice, self.model, self.usage)).encode()
            half = len(text) // 2
            yield text[:half]
            async for piece in self._break(request):
                yield piece
            if self.fault != "cut":
                yield text[half:]
            self._answered()
        finally:
            self._end()

    async def _break(self, request: Request) -> AsyncIterator[bytes]:
        """What goes wrong in the middle."""
        if self.fault == "reset":
            await asyncio.sleep(0.02)
            reset(request)
        elif self.fault == "stall":
            await asyncio.sleep(self.now.plan.pause)
        elif self.fault == "bad-json":
            yield b'data: {"choices": [{"delta": \n\n'
        elif self.fault == "bad-utf8":
            yield b"data: \xff\xfe\n\n"
        elif self.fault == "error-event":
            yield wire.event({"error": {"message": "the provider is overloaded", "code": 502}})
        elif self.fault == "huge" and self.asked.get("stream"):
            for _ in range(_HUGE // len(_BLOCK)):
                yield wire.chunk(self.model, {"content": _BLOCK})
        elif self.fault == "endless":
            yield b'data: {"choices": [{"delta": {"content": "'
            for _ in range(10 * _HUGE // len(_BLOCK)):
                yield _BLOCK.encode()

    def _begin(self) -> None:
        self.now.at_once += 1
        self.now.most_at_once = max(self.now.most_at_once, self.now.at_once)

    def _answered(self) -> None:
        if self.fault is None or self.fault in ODD:
            self.line["outcome"] = self.fault or "answered"

    def _end(self) -> None:
        self.now.at_once -= 1
        if self.line["outcome"] == "under way":
            self.line["outcome"] = "gone"
