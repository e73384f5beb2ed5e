"""Losses of the first steps of training small models, from torch, transformers and PEFT.

    python tools/golden/train.py        (packages as in tests/oracle/requirements.txt)

Writes tests/golden/train/<name>.json: the configuration, the recipe, the sequences with their
answers, which of them each batch holds, for each step the loss and the norm of the gradients, and
what some of the parameters are at the end (not the biases of keys: a softmax does not see them, so
that their gradients are rounding errors, which AdamW makes steps of). No dropout. The weights are
not stored: both sides make them from the tensor's name and shape (make_weight here, golden_weight
in tests/unit/train/golden_train.h).
"""
import json
import os
import tempfile

import numpy as np
import peft
import torch
import transformers
from transformers import (GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel, T5Config,
                          T5ForConditionalGeneration)
from transformers.trainer_pt_utils import get_parameter_names
from transformers.pytorch_utils import ALL_LAYERNORM_LAYERS

from weights import unit

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "train")
GPT2 = dict(model_type="gpt2", n_layer=2, n_head=2, n_embd=16, n_positions=24, vocab_size=40,
            pad_token_id=39, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
T5 = dict(model_type="t5", vocab_size=60, d_model=16, d_kv=8, d_ff=24, num_layers=2,
          num_decoder_layers=2, num_heads=2, feed_forward_proj="gated-gelu",
          tie_word_embeddings=False, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
          dropout_rate=0.0)
RECIPE = dict(learning_rate=3e-3, weight_decay=0.01, batch=4, accumulation=1, warmup=3, steps=24,
              shown=20, max_grad_norm=1.0)
CASES = {
    "gpt2_full": dict(config=GPT2, objective="classification"),
    "gpt2_lora": dict(config=GPT2, objective="classification", r=4, alpha=8,
                      target_modules=["c_attn", "mlp.c_proj"]),
    "gpt2_accumulated": dict(config=dict(GPT2, num_labels=3), objective="classification",
                             recipe=dict(accumulation=2)),
    "gpt2_language": dict(config=GPT2, objective="language-model"),
    "t5_full": dict(config=T5, objective="text-to-text"),
    "t5_tied": dict(config=dict(T5, feed_forward_proj="relu", tie_word_embeddings=True),
                    objective="text-to-text"),
    "t5_lora": dict(config=T5, objective="text-to-text", r=16, alpha=32, target_modules=["q", "v"]),
}
SHOWN = ["h.0.attn.c_attn.bias", "h.1.ln_2.weight", "ln_f.weight", "score.weight",
         "h.0.attn.c_attn.lora_B.weight", "encoder.final_layer_norm.weight",
         "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
         "decoder.block.1.layer.1.EncDecAttention.q.lora_A.weight"]


def make_weight(name, shape):
    """Rounded once from double precision."""
    numbers = unit(name, shape)
    if ".lora_B." in name:
        numbers = numbers * 0.0
    elif len(shape) == 1:
        numbers = numbers * 0.2 + 1.0 if name.endswith("weight") else numbers * 0.1
    else:
        numbers = numbers * 0.3
    return torch.from_numpy(numbers.astype(np.float32).reshape(shape))


def canonical(name):
    for part in ("base_model.model.", "transformer.", ".default", ".base_layer", ".modules_to_save"):
        name = name.replace(part, "")
    return name


def build(case):
    config, objective = case["config"], case["objective"]
    if objective == "text-to-text":
        model = T5ForConditionalGeneration(T5Config(**config))
    elif objective == "language-model":
        model = GPT2LMHeadModel(GPT2Config(**config))
    else:
        model = GPT2ForSequenceClassification(GPT2Config(**config))
    if "r" in case:
        kind = {"classification": "SEQ_CLS", "text-to-text": "SEQ_2_SEQ_LM"}[objective]
        model = peft.get_peft_model(model, peft.LoraConfig(
            task_type=kind, r=case["r"], lora_alpha=case["alpha"], lora_dropout=0.0,
            target_modules=case["target_modules"], fan_in_fan_out=objective == "classification"))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(make_weight(canonical(name), tuple(p.shape)))
        for name, p in model.named_parameters():  # the copy of the head that PEFT keeps
            if "original_module" in name:
                p.zero_()
    return model


def examples(case, rng):
    config = case["config"]
    low, high = (2, config["vocab_size"]) if "d_model" in config else (0, config["vocab_size"] - 1)
    draw = lambda n: rng.integers(low, high, n).tolist()
    inputs = [draw(rng.integers(2, 20)) for _ in range(10)]
    if case["objective"] == "text-to-text":
        return dict(inputs=inputs, targets=[draw(rng.integers(1, 6)) + [1] for _ in inputs])
    if case["objective"] == "classification":
        classes = config.get("num_labels", 2)
        return dict(inputs=inputs, labels=[int(x) for x in rng.integers(0, classes, len(inputs))])
    return dict(inputs=inputs)


def pad(rows, fill):
    width = max(map(len, rows))
    return torch.tensor([r + [fill] * (width - len(r)) for r in rows])


def loss_of(model, case, data, rows):
    inputs = [data["inputs"][i] for i in rows]
    ids = pad(inputs, case["config"]["pad_token_id"])
    mask = pad([[1] * len(r) for r in inputs], 0)
    if "labels" in data:
        labels = torch.tensor([data["labels"][i] for i in rows])
    else:
        labels = pad([data["targets"][i] for i in rows] if "targets" in data else inputs, -100)
    return model(input_ids=ids, attention_mask=mask, labels=labels).loss


def groups(model, decay):
    """As Trainer.create_optimizer."""
    names = get_parameter_names(model, ALL_LAYERNORM_LAYERS)
    names = {n for n in names if "bias" not in n}
    wanted = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    return [{"params": [p for n, p in wanted if n in names], "weight_decay": decay},
            {"params": [p for n, p in wanted if n not in names], "weight_decay": 0.0}]


def train(model, case, data, recipe, rng):
    optimizer = torch.optim.AdamW(groups(model, recipe["weight_decay"]), lr=recipe["learning_rate"])
    scheduler = transformers.get_scheduler("linear", optimizer, recipe["warmup"], recipe["steps"])
    parameters = [p for p in model.parameters() if p.requires_grad]
    batches, losses, norms = [], [], []
    for _ in range(recipe["shown"]):
        total = 0.0
        for _ in range(recipe["accumulation"]):
            rows = [int(i) for i in rng.permutation(len(data["inputs"]))[:recipe["batch"]]]
            loss = loss_of(model, case, data, rows) / recipe["accumulation"]
            loss.backward()
            batches.append(rows)
            total += float(loss)
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, recipe["max_grad_norm"])))
        losses.append(total)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return dict(batches=batches, losses=losses, norms=norms)


def adapter_config(model):
    """As PEFT writes it; a set has no order."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with open(os.path.join(folder, "adapter_config.json")) as file:
            config = json.load(file)
    return dict(config, target_modules=sorted(config["target_modules"]))


def main():
    torch.set_num_threads(1)
    os.makedirs(OUT, exist_ok=True)
    for at, (name, case) in enumerate(CASES.items()):
        rng = np.random.default_rng(at)
        recipe = {**RECIPE, **case.get("recipe", {})}
        model = build(case).train()
        data = examples(case, rng)
        result = train(model, case, data, recipe, rng)
        shown = {canonical(n): [float(x) for x in p.detach().reshape(-1)[:16]]
                 for n, p in model.named_parameters() if canonical(n) in SHOWN and p.requires_grad}
        golden = dict(made_by=f"torch {torch.__version__}, transformers {transformers.__version__}, "
                              f"peft {peft.__version__}", **{k: v for k, v in case.items() if k != "recipe"},
                      recipe=recipe, **data, **result, parameters=shown)
        if "r" in case:
            golden["adapter_config"] = adapter_config(model)
        with open(os.path.join(OUT, name + ".json"), "w") as file:
            json.dump(golden, file, separators=(",", ":"))
            file.write("\n")


if __name__ == "__main__":
    main()
