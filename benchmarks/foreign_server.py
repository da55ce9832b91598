"""The whole path of ``--tb-model`` against a server that this project did not write.

``transformers serve`` speaks the protocol of OpenAI's chat completions. It gets a Llama of a
hundred thousand weights, drawn at random here, so what it answers is nonsense. With the Python of
an environment that has ``transformers[serving]`` and torch, which need not be this one::

    python -m benchmarks.foreign_server --python OTHER/bin/python

Three runs of pytest over two tasks with two samples each: asked, again from disk with the server
ended, and asked for a model that it does not have. Prints what came of each, and one answer; exits
with 1 where it is not what it should be: every answer kept with the server's count of tokens,
nonsense judged as an answer without code, nothing asked twice, no test failed as a wrong kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.model_project import Done, ModelProject

TASKS, SAMPLES, TOKENS = ("double", "twice"), 2, 200
_START_S = 180.0

# Runs in the other environment: a tokenizer of single bytes and a small model around it.
_MAKE = """
import sys
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

tokens = ["<s>", "</s>", "<pad>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
raw = Tokenizer(models.BPE(vocab={token: n for n, token in enumerate(tokens)}, merges=[]))
raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
raw.decoder = decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
)
tokenizer.chat_template = (
    "{% for message in messages %}{{ message['content'] }}\\n{% endfor %}"
)
tokenizer.save_pretrained(sys.argv[1])
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=len(tokens), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=8192,
    bos_token_id=0, eos_token_id=1, pad_token_id=2,
)
model = LlamaForCausalLM(config)
model.generation_config = GenerationConfig(
    do_sample=True, bos_token_id=0, eos_token_id=1, pad_token_id=2
)
model.save_pretrained(sys.argv[1])
import transformers
print(transformers.__version__)
"""


@contextmanager
def served(python: Path, model: Path, log: Path) -> Iterator[str]:
    """The server while the block lasts.

    Args:
        python: Of the environment that has it.
        model: Folder of the model.
        log: Where its own output goes.

    Yields:
        Its address.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # The environment's own command; the arguments are this file's.
    command = [str(python.parent / "transformers"), "serve", str(model)]
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(  # noqa: S603 - as above
            [*command, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
            env=_quiet(),
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def _quiet() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with opener.open(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"the server does not answer:\n{log.read_text(encoding='utf-8')}")


def stored(project: ModelProject) -> list[dict[str, Any]]:
    """What lies beside the answers."""
    paths = sorted((project.path / "generations").glob("references/*/*/*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def told(name: str, done: Done, records: list[dict[str, Any]]) -> Counter[str]:
    """Print what came of a run.

    Returns:
        Its records, by outcome and reason.
    """
    found = Counter(f"{record['outcome']} {record['reason'] or ''}".strip() for record in records)
    print(f"{name}: exit {done.status}, {dict(found)}")
    return found


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    python: Path = parser.parse_args().python.absolute()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = subprocess.run(  # noqa: S603 - the arguments are this file's own
            [str(python), "-c", _MAKE, str(folder / "tiny")],
            env=_quiet(),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            print(f"{python} has no transformers[serving] and torch:\n{made.stderr}")
            return 1
        print(f"transformers {made.stdout.split()[-1]}, serve")
        return _judged(folder, python)


def _judged(folder: Path, python: Path) -> int:
    project = ModelProject(folder / "repository")
    for task in TASKS:
        project.task(task)
    options = ["-m", "tb_call", f"--tb-samples={SAMPLES}", "--tb-sampling-seed=0"]
    options += [f"--tb-max-tokens={TOKENS}", "--tb-temperature=0.9", "--tb-timeout-model=120"]
    with served(python, folder / "tiny", folder / "server.log") as address:
        model = f"--tb-model=tiny={address}#{folder / 'tiny'}"
        first = project.pytest(model, *options, "--tb-results", "first")
        # It may not download, so it does not have this one.
        other = f"--tb-model=other={address}#nobody/has-this"
        unknown = project.pytest(other, *options, "--tb-results", "unknown")
    again = project.pytest(model, *options, "--tb-results", "again")
    runs = {"first": first, "unknown": unknown, "again": again}
    found = {run: told(run, done, project.records(run)) for run, done in runs.items()}
    for run, done in runs.items():
        if run != "again":
            print(
                "\n".join(
                    [line for line in done.output.splitlines() if "not generated" in line][:2]
                )
            )
    kept = stored(project)
    for content in kept[:1]:
        shown = {key: content[key] for key in ("served_by", "finish_reason", "usage", "requests")}
        print(f"one of {len(kept)} answers: {shown}\n{content['text'][:100]!r}")
    outcomes = {outcome for records in found.values() for outcome in records}
    checks = {
        "every answer is kept": len(kept) == len(TASKS) * SAMPLES,
        "with the tokens that the server counted": all(c["usage"]["completion"] for c in kept),
        "answers differ": len({content["text"] for content in kept}) > 1,
        "each sample has one record": sum(found["first"].values()) == len(kept),
        "from disk it is the same": found["first"] == found["again"],
        "nothing failed as a wrong kernel": not any(o.startswith("failed") for o in outcomes),
        # It answers 400, and in words of its own.
        "another model is an error": set(found["unknown"])
        <= {"error unknown-model", "error bad-request"},
    }
    for check, holds in checks.items():
        print(f"{'yes' if holds else 'NO '} {check}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
