"""Small T5 models, adapters and data for the Flan-T5 page, and the reference's reports on them.

    python tools/golden/seed_t5.py        (packages as in tests/oracle/requirements.txt)

Writes tests/seed/t5/: base/, expert_0/, expert_1/ (whole models), lora_0/, lora_1/ (adapters), data/glue/,
all with the tokenizer of tests/golden/text/t5/json, and reports.json: what FusionBench's own evaluation
(tasks/flan_t5_text_generation) and merging classes give for the runs named in it. The base has learnt
the tasks' answers for some hundred steps; experts are the base with noise, so that answers vary.
"""
import json
import os
import shutil
import subprocess
import sys

import merge  # noqa: F401  makes FusionBench importable without what it does not need here
import torch
from fusion_bench.method import SimpleAverageAlgorithm, TaskArithmeticAlgorithm, TiesMergingAlgorithm
from fusion_bench.modelpool import BaseModelPool
from fusion_bench.tasks.flan_t5_text_generation.glue_evaluation import (evaluate_accuracy,
                                                                        evaluate_spearman_rho)
from peft import LoraConfig, PeftModel, get_peft_model
from torch.utils.data import DataLoader
from transformers import T5Config, T5ForConditionalGeneration, T5TokenizerFast

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
OUT = os.path.join(ROOT, "tests", "seed", "t5")
TASKS = ["cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb"]
ROWS, STEPS = 16, 400


def program(*args):
    out = subprocess.run([os.path.join(ROOT, "build", "release", "fusion_bench"), *args], check=True,
                         capture_output=True, text=True, cwd=ROOT)
    return [json.loads(line) for line in out.stdout.splitlines()]


def rows_of(task, n):
    split = "validation_matched" if task == "mnli" else "validation"
    if task == "stsb":
        pairs = program("dataset", "glue/mrpc", "--data-dir", "tests/seed", "--limit", str(n))
        return [{"sentence1": r["sentence1"], "sentence2": r["sentence2"],
                 "label": round(0.3 * ((7 * i) % 17), 3), "idx": i} for i, r in enumerate(pairs)]
    folder = "demo/data" if os.path.isdir(os.path.join(ROOT, "demo", "data", task)) else "tests/seed"
    return program("dataset", f"glue/{task}", "--split", split, "--data-dir", folder, "--limit", str(n))


def write_data(task, rows):
    folder = os.path.join(OUT, "data", "glue", task)
    os.makedirs(folder, exist_ok=True)
    name = "validation_matched" if task == "mnli" else "validation"
    path = os.path.join(folder, name + ".jsonl")
    with open(path, "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows)
    return program("dataset", path, "--task", task, "--prompts")


def encode(tokenizer, texts, length):
    return tokenizer(texts, max_length=length, padding="max_length", truncation=True,
                     return_tensors="pt")


def train(tokenizer, prompts):
    torch.manual_seed(0)
    config = T5Config(vocab_size=192, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4,
                      feed_forward_proj="gated-gelu", tie_word_embeddings=False, dropout_rate=0.0,
                      decoder_start_token_id=0)
    model = T5ForConditionalGeneration(config)
    pairs = [p for task in TASKS for p in prompts[task]]
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    generator = torch.Generator().manual_seed(1)
    for step in range(STEPS):
        pick = torch.randint(len(pairs), (16,), generator=generator).tolist()
        x = encode(tokenizer, [pairs[i]["input_text"] for i in pick], 256)
        y = encode(tokenizer, [pairs[i]["target_text"] for i in pick], 24)["input_ids"]
        loss = model(**x, labels=y.masked_fill(y == 0, -100)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 99:
            print(step + 1, float(loss), flush=True)
    return model.eval()


def save(model, tokenizer, name):
    folder = os.path.join(OUT, name)
    model.save_pretrained(folder)
    shutil.copy(os.path.join(ROOT, "tests/golden/text/t5/json/tokenizer.json"), folder)


def make_models(tokenizer, base):
    save(base, tokenizer, "base")
    for i in range(2):
        torch.manual_seed(10 + i)
        model = T5ForConditionalGeneration.from_pretrained(os.path.join(OUT, "base"))
        with torch.no_grad():
            for p in model.parameters():
                p += 0.04 * p.std() * torch.randn_like(p) if p.dim() > 1 else 0
        save(model, tokenizer, f"expert_{i}")
        lora = get_peft_model(T5ForConditionalGeneration.from_pretrained(os.path.join(OUT, "base")),
                              LoraConfig(task_type="SEQ_2_SEQ_LM", r=16, lora_alpha=32,
                                         target_modules=["q", "v"]))
        for n, p in lora.named_parameters():
            if "lora_B" in n:
                torch.nn.init.normal_(p, std=0.004)
        folder = os.path.join(OUT, f"lora_{i}")
        lora.save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))
        path = os.path.join(folder, "adapter_config.json")
        config = json.load(open(path))
        config.update(base_model_name_or_path="base", target_modules=["q", "v"])
        json.dump(config, open(path, "w"), indent=1)


class Pool(BaseModelPool):
    def load_model(self, name, *args, **kwargs):
        base = T5ForConditionalGeneration.from_pretrained(os.path.join(OUT, "base"))
        if name == "_pretrained_":
            return base
        kind, number = name.split("-")[0], TASKS.index(name.split("-")[1]) % 2
        if kind == "lora":
            return PeftModel.from_pretrained(base, os.path.join(OUT, f"lora_{number}")).merge_and_unload()
        return T5ForConditionalGeneration.from_pretrained(os.path.join(OUT, f"expert_{number}"))


def dataset(tokenizer, rows):
    """Batches of 32 as the reference's loader gives them: padded to 512, -100 behind labels."""
    x = encode(tokenizer, [r["input_text"] for r in rows], 512)["input_ids"]
    y = encode(tokenizer, [r["target_text"] for r in rows], 512)["input_ids"]
    items = [{"input_ids": a, "labels": b.masked_fill(b == 0, -100)} for a, b in zip(x, y)]
    return DataLoader(items, batch_size=32)


def evaluate(model, tokenizer, prompts):
    report, count = {}, lambda some: sum(p.numel() for p in model.parameters() if p.requires_grad or not some)
    report["model_info"] = {"trainable_params": count(True), "all_params": count(False),
                            "trainable_percentage": count(True) / count(False)}
    for task in TASKS:
        loader = dataset(tokenizer, prompts[task])
        if task == "stsb":
            report[task] = {"spearman_rho": float(evaluate_spearman_rho(model, loader, tokenizer))}
        else:
            report[task] = {"accuracy": float(evaluate_accuracy(model, loader, tokenizer))}
    return report


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    tokenizer = T5TokenizerFast(tokenizer_file=os.path.join(ROOT, "tests/golden/text/t5/json/tokenizer.json"))
    prompts = {task: write_data(task, rows_of(task, ROWS)) for task in TASKS}
    make_models(tokenizer, train(tokenizer, prompts))
    pools = {kind: Pool(models={n: n for n in ["_pretrained_"] + [f"{kind}-{t}" for t in TASKS]})
             for kind in ("full", "lora")}
    reports = {}
    for kind, pool in pools.items():
        reports[f"{kind} base"] = evaluate(pool.load_model("_pretrained_"), tokenizer, prompts)
        reports[f"{kind} simple_average"] = evaluate(SimpleAverageAlgorithm().run(pool), tokenizer, prompts)
        for factor in (0.3, 1.0):
            reports[f"{kind} task_arithmetic {factor}"] = evaluate(
                TaskArithmeticAlgorithm(scaling_factor=factor).run(pool), tokenizer, prompts)
        reports[f"{kind} ties_merging 0.3"] = evaluate(
            TiesMergingAlgorithm(scaling_factor=0.3, threshold=20, remove_keys=[],
                                 merge_func="sum").run(pool), tokenizer, prompts)
    for i in range(2):
        model = T5ForConditionalGeneration.from_pretrained(os.path.join(OUT, f"expert_{i}"))
        reports[f"expert {i}"] = evaluate(model, tokenizer, prompts)
    with open(os.path.join(OUT, "reports.json"), "w") as f:
        json.dump(reports, f, indent=1)
        f.write("\n")
    for name, report in reports.items():
        print(name, {k: list(v.values())[0] for k, v in report.items()}, file=sys.stderr)


main()
