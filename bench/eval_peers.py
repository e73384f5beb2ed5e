"""GPT-2 classification with other tools on the rows that bench_eval runs, and ours beside them.

    python bench/eval_peers.py [--limit ROWS] [--batch 32] [--rounds 3] BUILD MODEL DATA TASK [TASK ...]

BUILD is the folder with fusion_bench and bench_eval. onnxruntime and transformers, whichever are
installed, both in evaluation mode with rows sorted by length and padded to the longest of a batch.
Each round runs every tool once. Prints the median of the rounds as examples and real tokens per
second, and how many times as fast ours is.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

TEXT = {"cola": ["sentence"], "sst2": ["sentence"], "mrpc": ["sentence1", "sentence2"],
        "rte": ["sentence1", "sentence2"], "mnli": ["premise", "hypothesis"],
        "qnli": ["question", "sentence"], "qqp": ["question1", "question2"]}
PAD = 50256


def rows_of(program, data, task, limit):
    split = ["--split", "validation_matched"] if task == "mnli" else []
    out = subprocess.run([program, "dataset", f"glue/{task}", "--data-dir", data, *split],
                         check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [json.loads(line) for line in out[:limit]]
    return [[r[c] for c in TEXT[task]] for r in rows]


def ours(build, model, data, task, limit):
    """Seconds of one pass, without loading as for the others."""
    rows = ["--limit", str(limit)] if limit else []
    out = subprocess.run([os.path.join(build, "bench_eval"), "--repeat", "1", *rows, model, model, data,
                          task], check=True, capture_output=True, text=True).stdout.splitlines()
    names, values = out[0].replace("best s", "best_s").replace("median s", "median_s").split(), out[1].split()
    return float(values[names.index("best_s")])


def batches(ids, size):
    """Padded ids, mask and lengths, longest rows first."""
    import numpy as np
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    for k in range(0, len(order), size):
        part = [ids[i] for i in order[k:k + size]]
        x = np.full((len(part), len(part[0])), PAD, np.int64)
        mask = np.zeros_like(x)
        for r, row in enumerate(part):
            x[r, :len(row)] = row
            mask[r, :len(row)] = 1
        yield x, mask, np.array([len(row) - 1 for row in part], np.int64)


def with_transformers(model, ids, size):
    import torch
    prepared = [(torch.from_numpy(x), torch.from_numpy(m)) for x, m, _ in batches(ids, size)]
    with torch.inference_mode():
        model(prepared[-1][0], attention_mask=prepared[-1][1])
        start = time.perf_counter()
        for x, mask in prepared:
            model(x, attention_mask=mask)
        return time.perf_counter() - start


def export(model, path):
    import torch

    class Last(torch.nn.Module):
        """Logits at a given position: no search for padding inside the graph."""

        def __init__(self):
            super().__init__()
            self.backbone, self.score = model.transformer, model.score

        def forward(self, ids, mask, last):
            h = self.backbone(input_ids=ids, attention_mask=mask, use_cache=False)[0]
            return self.score(h[torch.arange(h.shape[0]), last])

    ids = torch.randint(0, 1000, (2, 7))
    axes = {"ids": {0: "b", 1: "n"}, "mask": {0: "b", 1: "n"}, "last": {0: "b"}, "logits": {0: "b"}}
    with torch.no_grad():
        torch.onnx.export(Last(), (ids, torch.ones_like(ids), torch.tensor([6, 5])), path,
                          opset_version=17, input_names=["ids", "mask", "last"],
                          output_names=["logits"], dynamic_axes=axes)


def with_onnxruntime(session, ids, size):
    prepared = [dict(zip(("ids", "mask", "last"), b)) for b in batches(ids, size)]
    session.run(None, prepared[-1])
    start = time.perf_counter()
    for feed in prepared:
        session.run(None, feed)
    return time.perf_counter() - start


def open_onnx(folder, directory):
    try:
        import onnx  # noqa: F401  torch's exporter needs it
        import onnxruntime
    except ImportError as e:
        print(f"onnxruntime is skipped: {e}")
        return None
    from transformers import GPT2ForSequenceClassification
    model = GPT2ForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    path = os.path.join(directory, "model.onnx")
    export(model, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def compare(task, runs, ids, rounds):
    """Prints a row per tool of `runs`, [(name, seconds of a pass)], the first being ours."""
    tokens, seconds = sum(map(len, ids)), {tool: [] for tool, _ in runs}
    for _ in range(rounds):
        for tool, run in runs:
            seconds[tool].append(run())
    first = statistics.median(seconds[runs[0][0]])
    for tool, _ in runs:
        s = statistics.median(seconds[tool])
        print(f"{task:5} {tool:12} {len(ids):6} {tokens:8} {s:8.2f} {len(ids) / s:7.1f} "
              f"{tokens / s:7.0f} {s / first:6.2f} x", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--limit", type=int)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("build"), p.add_argument("model"), p.add_argument("data")
    p.add_argument("task", nargs="+", choices=sorted(TEXT))
    a = p.parse_args()
    from transformers import GPT2ForSequenceClassification, GPT2TokenizerFast
    tokenizer = GPT2TokenizerFast.from_pretrained(a.model)
    model = GPT2ForSequenceClassification.from_pretrained(a.model, attn_implementation="sdpa").eval()
    with tempfile.TemporaryDirectory() as directory:
        session = open_onnx(a.model, directory)
        print(f"{'task':5} {'tool':12} {'rows':>6} {'tokens':>8} {'s':>8} {'ex/s':>7} {'tok/s':>7} ours is")
        for task in a.task:
            texts = rows_of(os.path.join(a.build, "fusion_bench"), a.data, task, a.limit)
            ids = [sum((tokenizer(t, add_special_tokens=False)["input_ids"] for t in row), [])
                   for row in texts]
            runs = [("ours", lambda: ours(a.build, a.model, a.data, task, a.limit))]
            if session:
                runs.append(("onnxruntime", lambda: with_onnxruntime(session, ids, a.batch)))
            runs.append(("transformers", lambda: with_transformers(model, ids, a.batch)))
            compare(task, runs, ids, a.rounds)


main()
