"""Records as a run over published prediction files leaves them, drawn from a seed.

``python -m tests.unit.report_pages.sample DIR [--full]`` writes a report of them, to look at.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUITES = {
    "TritonBench-G": {1: 3, 2: 27, 3: 65, 4: 84, 5: 5},
    "TritonBench-T": {1: 22, 2: 37, 3: 54, 4: 49, 5: 4},
}
FAMILIES = {
    "TritonBench-G": {
        "elementwise/activation": 22,
        "reduction/scan": 12,
        "softmax": 11,
        "norm": 17,
        "matmul/gemv/bmm": 20,
        "LoRA bgmv/sgmv": 4,
        "quantised matmul": 9,
        "quantise/dtype conversion": 8,
        "softmax attention": 23,
        "linear-attention/SSM/recurrent": 18,
        "RoPE": 11,
        "kv-cache/copy/scatter": 10,
        "index/gather/transpose/embedding": 5,
        "loss": 7,
        "random/sampling/penalty": 5,
        "optimizer": 1,
        "conv": 1,
    },
    "TritonBench-T": {
        "elementwise": 28,
        "special functions": 10,
        "activation": 10,
        "reduction": 14,
        "softmax": 7,
        "matmul/blas(+fusion)": 23,
        "norm": 5,
        "conv(+fusion)": 12,
        "pooling/grid": 8,
        "linalg decomposition/solve": 24,
        "loss/distance": 6,
        "index/shape": 9,
        "factory/random": 4,
        "fft": 2,
        "optimizer/module/context": 4,
    },
}
_G = (
    *("deepseek_094", "deepseek_rag_145", "deepseek_rag_303", "deepseek_tune_255", "qwen_092"),
    *("qwen_rag_145", "qwen_tune_300", "qwen_tune_rag_250", "output_o1-2024-12-17_comp"),
    "output_o1-2024-12-17_comp_rag_",
    *(
        f"{name}_{style}"
        for name in (
            "Qwen2.5-72B-Instruct",
            "output_DeepSeek-R1",
            "output_claude-3-5-sonnet-20240620",
            "output_gpt-4o",
        )
        for style in ("comp", "comp_rag", "simp", "simp_rag")
    ),
)
_T = (
    *("deepseek", "deepseek_full", "deepseek_full_rag", "deepseek_rag", "qwen", "qwen_full"),
    *("qwen_full_rag", "qwen_rag"),
    *(
        f"{name}{style}"
        for name in (
            "output_DeepSeek-R1",
            "output_Qwen2.5-72B-Instruct",
            "output_claude-3-5-sonnet-20240620",
            "output_gpt-4o",
            "output_o1-2024-12-17",
        )
        for style in ("", "_rag")
    ),
)
MODELS = {"TritonBench-G": _G, "TritonBench-T": _T}

_VERBS = ("fused", "softmax", "rope", "matmul", "chunk", "norm", "scaled", "masked", "attention")
_NOUNS = ("fwd", "bwd", "triton", "kernel", "int8", "rows", "gelu", "dropout", "sum", "copy", "ops")
_RAISES = (
    ("exception", "AttributeError", "module 'triton.language' has no attribute 'libdevice'"),
    ("exception", "TypeError", "unexpected keyword argument 'num_ctas'"),
    ("exception", "NameError", "name 'BLOCK_SIZE' is not defined"),
    ("exception", "ValueError", "arange's arguments must be of power of 2"),
    ("exception", "RuntimeError", "The size of tensor a (8) must match tensor b (4)"),
    ("import-error", "ImportError", "cannot import name 'next_power_of_2' from 'triton'"),
    ("compile-error", "CompilationError", "at 14:12: tl.load(x + offs, mask=offs < n)"),
    ("syntax-error", "SyntaxError", "invalid syntax (prediction, line 41)"),
    ("hang-in-kernel", None, "no end after 60 s"),
)
_ENVIRONMENT = {
    "device": "NVIDIA H200",
    "gpu": "GPU-0f5b6c2e",
    "capability": "9.0",
    "driver": "580.82.07",
    "python": "3.12.3",
    "torch": "2.11.0+cu130",
    "triton": "3.6.0",
    "plugin": "0.1.0",
    "os": "Linux 6.8.0",
    "commit": "0123456789ab",
}


def tasks(suite: str, rng: random.Random) -> dict[str, tuple[int, str]]:
    """Difficulty and family of every task, by name."""
    levels = [level for level, count in SUITES[suite].items() for _ in range(count)]
    kinds = [family for family, count in FAMILIES[suite].items() for _ in range(count)]
    rng.shuffle(kinds)
    names: set[str] = set()
    while len(names) < len(levels):
        names.add(f"{rng.choice(_VERBS)}_{rng.choice(_NOUNS)}_{rng.randrange(99)}{suite[-1]}")
    return dict(zip(sorted(names), zip(levels, kinds, strict=True), strict=True))


def records(seed: int = 0, *, full: bool = False) -> Iterator[dict[str, Any]]:
    """Draw four records for each answer.

    Args:
        seed: Of everything that is drawn.
        full: Let every model answer both suites: 44 models, 350 tasks, 61,600 records.
    """
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    for suite in SUITES:
        asked = tasks(suite, rng)
        states = {
            task: rng.choice(("gold-broken", "gold-unstable", "vacuous"))
            for task in rng.sample(sorted(asked), 14)
        }
        models = dict.fromkeys((*_G, *_T)) if full else MODELS[suite]
        for model in models:
            skill = 0.0 if model.startswith(("qwen", "deepseek")) else rng.uniform(0.2, 0.7)
            for task, (difficulty, family) in asked.items():
                head = {
                    "schema": 2,
                    "suite": suite,
                    "task": task,
                    "model": model,
                    "sample": 0,
                    "difficulty": difficulty,
                    "family": family,
                    "task_hash": f"{abs(hash(task)):064x}"[:64],
                    "candidate": None,
                    "case": None,
                    "exception": None,
                    "environment": _ENVIRONMENT,
                    "run": "2026-11-20T10:00:00Z",
                    "seed": 1,
                    "kernels": [],
                    "timing": None,
                    "ratio": None,
                    "reason": None,
                    "message": None,
                }
                chance = skill * (1.25 - 0.2 * difficulty)
                yield from _four(head, states.get(task), chance, rng)


def _four(
    head: dict[str, Any], state: str | None, chance: float, rng: random.Random
) -> Iterator[dict[str, Any]]:
    name = f"{head['suite']}::{head['task']}::test_"
    ids = {p: f"{name}{p}[{head['model']}-0]" for p in ("call", "exec", "fuzz", "bench")}

    told: dict[str, Any]

    def of(phase: str, outcome: str, **more: Any) -> dict[str, Any]:
        seconds = rng.uniform(0.02, 2.0)
        return {**head, "phase": phase, "test": ids[phase], "outcome": outcome} | {
            "seconds": seconds,
            "launches": 4 if outcome == "passed" else None,
            **more,
        }

    runs = rng.random() < min(0.95, 1.5 * chance)
    if not runs:
        reason, exception, message = rng.choice(_RAISES)
        told = {"reason": reason, "exception": exception, "message": message}
        yield of("call", "failed", **told)
        policy = {
            "published": {"call": False, "exec": False},
            "strict": {"call": False, "exec": False, "fuzz": None},
        }
        yield of("exec", "skipped", reason=f"call failed: {reason}", policy=policy)
        yield of("fuzz", "skipped", reason=f"call failed: {reason}")
        yield of("bench", "skipped", reason=f"call failed: {reason}")
        return
    yield of("call", "passed", similarity={"published": _tally(rng), "proper": _tally(rng)})
    published = {"call": True, "exec": rng.random() < 0.95}
    if state is not None:
        strict: dict[str, Any] = {"call": True, "exec": False, "fuzz": None}
        reason = f"{state}: two runs of the gold under one seed differ"
        told = {"reason": reason, "message": "calls[0].result differs"}
        yield of("exec", "skipped", policy={"published": published, "strict": strict}, **told)
        yield of("fuzz", "skipped", **told)
        yield of("bench", "skipped", **told)
        return
    right = rng.random() < 0.7
    torch_only = right and rng.random() < 0.12
    strict = {"call": True, "exec": right and not torch_only, "fuzz": None}
    policy = {"published": published, "strict": strict}
    if not right or torch_only:
        told = {"reason": "not-triton" if torch_only else "wrong-values", "policy": policy}
        told["message"] = (
            "no Triton kernel was launched" if torch_only else "calls[2].result has wrong values"
        )
        told |= (
            {"right_without_triton": True} if torch_only else {"ratio": rng.lognormvariate(5, 3)}
        )
        yield of("exec", "failed", **told)
        yield of("fuzz", "skipped", reason=f"exec failed: {told['reason']}")
        yield of("bench", "skipped", reason=f"exec failed: {told['reason']}")
        return
    strict["fuzz"] = rng.random() < 0.7
    yield of("exec", "passed", policy=policy, ratio=rng.uniform(0.01, 0.9))
    case = {"m": rng.randrange(1, 300), "n": rng.randrange(1, 300), "dtype": "float16", "seed": 7}
    told = {"case": case, "varied": ["m", "n", "dtype"], "ratio": rng.uniform(0.1, 0.9)}
    if not strict["fuzz"]:
        told |= {"reason": "wrong-values", "message": "output has wrong values", "ratio": 1e4}
    yield of("fuzz", "passed" if strict["fuzz"] else "failed", **told)
    speedup = rng.lognormvariate(-0.1, 0.5)
    sizes = [
        {
            "input_size": f"[{2**k}, 1024]",
            "ms": 0.01 * 2 ** (k - 8),
            "gold_ms": 0.01 * 2 ** (k - 8) * speedup,
            "gbs": 200.0 * math.sqrt(k),
            "tflops": 0.2 * k,
        }
        for k in range(8, 16)
    ]
    yield of("bench", "passed", timing={"sizes": sizes, "speedup": speedup})


def _tally(rng: random.Random) -> dict[str, Any]:
    counted = [float(rng.randrange(80, 600)) for _ in range(4)]
    matched = [count * rng.uniform(0.1, 0.6) for count in counted]
    return {
        "programs": 1,
        "matched": matched,
        "counted": counted,
        "recalled": matched,
        "wanted": counted,
        "reference": 500,
        "candidate": 400,
        "trees": 100,
        "flows": 50,
        "trees_matched": rng.randrange(10, 70),
        "flows_matched": rng.randrange(5, 30),
    }


def predictions(seed: int = 0, *, full: bool = False) -> dict[tuple[str, str, str], str]:
    """Draw a program for every answer, about as long as a real one."""
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    made = {}
    for record in records(seed, full=full):
        key = (record["suite"], record["model"], record["task"])
        if record["phase"] == "call":
            made[key] = _program(record["task"], rng)
    return made


def _program(task: str, rng: random.Random) -> str:
    lines = ["import torch", "import triton", "import triton.language as tl", "", ""]
    lines += ["@triton.jit", f"def _{task}(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):"]
    names = ["x", "y", "acc", "scale", "mask", "offs", "row", "value", "total", "weight"]
    for _ in range(rng.randrange(15, 70)):
        a, b, c = rng.choice(names), rng.choice(names), rng.choice(names)
        lines.append(
            rng.choice(
                (
                    f"    {a} = tl.load({b}_ptr + {c} * {rng.randrange(4096)}, mask={a} < n)",
                    f"    {a} = {b} * {c} + {rng.random():.6f}  # {rng.choice(_NOUNS)}",
                    f"    tl.store(out_ptr + {a} + {rng.randrange(512)}, {b}, mask={c} < n)",
                    f"    {a} = tl.where({b} > {rng.randrange(99)}, tl.exp({c}), {a})",
                )
            )
        )
    lines += ["", "", f"def {task}(x):", "    out = torch.empty_like(x)"]
    lines += [f"    _{task}[(1,)](x, x, out, x.numel(), BLOCK=1024)", "    return out", ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Write a report of the sample into a folder."""
    from pytest_tritonbench.report.pages import write_report  # noqa: PLC0415 - only to look at it

    full = "--full" in arguments
    written = write_report(
        records(full=full), Path(arguments[0]), predictions=predictions(full=full)
    )
    print(written.page, written.page.stat().st_size)  # noqa: T201 - a command's output


if __name__ == "__main__":
    main(sys.argv[1:])
