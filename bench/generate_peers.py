"""Flan-T5 generation with other tools on the prompts that bench_generate runs, and ours beside them.

    python bench/generate_peers.py [--batch 32] [--limit ROWS] BUILD MODEL DATA TASK [TASK ...]

BUILD is the folder with fusion_bench and bench_generate. CTranslate2 (float32, int8) and transformers,
whichever are installed, greedy, at most 9 new tokens, prompts sorted by length and padded to the
longest of a batch. Prints examples per second and the ratio to ours.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time


def ids_of(program, model, data, task, limit):
    split = ["--split", "validation_matched"] if task == "mnli" else []
    rows = subprocess.run([program, "dataset", f"glue/{task}", "--data-dir", data, "--prompts",
                           "--limit", str(limit), *split], check=True, capture_output=True,
                          text=True).stdout
    lines = "".join(json.dumps({"text": json.loads(r)["input_text"]}) + "\n"
                    for r in rows.splitlines())
    return subprocess.run([program, "tokenize", "--tokenizer", model, "--max-length", "512"],
                          input=lines, check=True, capture_output=True, text=True).stdout


def ours(build, model, path):
    out = subprocess.run([os.path.join(build, "bench_generate"), model, path], check=True,
                         capture_output=True, text=True).stdout
    print(out, end="", flush=True)
    return float(out.splitlines()[1].split()[6])


def with_transformers(model, ids, size):
    import torch
    order = sorted(ids, key=len, reverse=True)
    start = time.perf_counter()
    with torch.inference_mode():
        for k in range(0, len(order), size):
            part = order[k:k + size]
            x = torch.zeros((len(part), len(part[0])), dtype=torch.long)
            for r, row in enumerate(part):
                x[r, :len(row)] = torch.tensor(row)
            model.generate(x, attention_mask=(x != 0).long(), max_length=10)
    return len(ids) / (time.perf_counter() - start)


def with_ctranslate2(translator, tokens, size):
    start = time.perf_counter()
    translator.translate_batch(tokens, max_batch_size=size, beam_size=1, max_decoding_length=9,
                               max_input_length=512)
    return len(tokens) / (time.perf_counter() - start)


def open_ctranslate2(model, folder, quantization, threads):
    try:
        import ctranslate2
        from ctranslate2.converters import TransformersConverter
    except ImportError as e:
        print(f"CTranslate2 is skipped: {e}")
        return None

    class Converter(TransformersConverter):
        def load_model(self, cls, path, **kw):
            kw.pop("dtype", None)
            return super().load_model(cls, path, **kw)

    Converter(model).convert(folder, quantization=quantization, force=True)
    return ctranslate2.Translator(folder, device="cpu", inter_threads=1, intra_threads=threads)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--limit", type=int, default=-1)
    p.add_argument("build"), p.add_argument("model"), p.add_argument("data")
    p.add_argument("task", nargs="+")
    a = p.parse_args()
    from transformers import AutoTokenizer, T5ForConditionalGeneration
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))
    with tempfile.TemporaryDirectory() as d:
        peers = [(f"ctranslate2 {q or 'float32'}", open_ctranslate2(a.model, os.path.join(d, q or "f"),
                                                                    q, threads))
                 for q in (None, "int8")]
        tokenizer = AutoTokenizer.from_pretrained(a.model)
        model = T5ForConditionalGeneration.from_pretrained(a.model).eval()
        for task in a.task:
            path = os.path.join(d, task)
            lines = ids_of(os.path.join(a.build, "fusion_bench"), a.model, a.data, task, a.limit)
            with open(path, "w") as f:
                f.write(lines)
            ids = [json.loads(line)["ids"] for line in lines.splitlines()]
            tokens = [tokenizer.convert_ids_to_tokens(row) for row in ids]
            rate = ours(a.build, a.model, path)
            print(f"{task:5} {'ours':20} {rate:7.2f} examples/s", flush=True)
            for name, peer in peers:
                if peer:
                    r = with_ctranslate2(peer, tokens, a.batch)
                    print(f"{task:5} {name:20} {r:7.2f} examples/s, ours {rate / r:.2f} x", flush=True)
            r = with_transformers(model, ids, a.batch)
            print(f"{task:5} {'transformers':20} {r:7.2f} examples/s, ours {rate / r:.2f} x", flush=True)


main()
