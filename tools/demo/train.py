"""The base model (a causal language model of the tasks' text) and one classifier per task."""

import random

import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel

import sentences

SHAPE = dict(n_embd=48, n_layer=2, n_head=4, n_positions=512)
BASE = dict(epochs=12, batch=32, lr=3e-3)
EXPERT = dict(epochs=6, batch=32, lr=1e-3, head_lr=1e-2, decay=0.01)


def pad(rows, fill):
    width = max(map(len, rows))
    return torch.tensor([r + [fill] * (width - len(r)) for r in rows])


def encode(tokenizer, task, row):
    """Token ids as the evaluation makes them: the texts end to end, with nothing between."""
    return [i for c in sentences.COLUMNS[task] for i in tokenizer(row[c])["input_ids"]]


def batches(rng, items, size):
    order = list(range(len(items)))
    rng.shuffle(order)
    for at in range(0, len(order), size):
        yield [items[i] for i in order[at:at + size]]


def schedule(optimizer, steps):
    """Linear decay to a tenth, after a warm-up of one twentieth of the steps."""
    warm = max(1, steps // 20)
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / warm, 1 - 0.9 * s / steps))


def base(tokenizer, texts):
    end = tokenizer.eos_token_id
    torch.manual_seed(1)
    rng = random.Random(1)
    config = GPT2Config(vocab_size=len(tokenizer), bos_token_id=end, eos_token_id=end,
                        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **SHAPE)
    model = GPT2LMHeadModel(config)
    items = [[end] * (rng.random() < 0.5) + ids + [end] for ids in texts]
    optimizer = torch.optim.AdamW(model.parameters(), lr=BASE["lr"], weight_decay=0.01)
    steps = schedule(optimizer, BASE["epochs"] * -(-len(items) // BASE["batch"]))
    for epoch in range(BASE["epochs"]):
        total = 0.0
        for batch in batches(rng, items, BASE["batch"]):
            ids = pad(batch, end)
            labels = pad(batch, -100)
            loss = F.cross_entropy(model(ids).logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            steps.step()
            total += loss.item() * len(batch)
        print(f"base: epoch {epoch + 1}, loss {total / len(items):.4f}", flush=True)
    return model.transformer


def expert(base_folder, tokenizer, task, rows):
    end = tokenizer.eos_token_id
    names = sentences.LABELS[task]
    torch.manual_seed(2)
    rng = random.Random(2)
    model = GPT2ForSequenceClassification.from_pretrained(
        base_folder, num_labels=len(names), pad_token_id=end, id2label=dict(enumerate(names)),
        label2id={n: i for i, n in enumerate(names)})
    model.config._name_or_path = ""  # not where this machine keeps the base
    model.train()
    items = [(encode(tokenizer, task, r), r["label"]) for r in rows]
    optimizer = torch.optim.AdamW(
        [{"params": model.transformer.parameters(), "lr": EXPERT["lr"]},
         {"params": model.score.parameters(), "lr": EXPERT["head_lr"]}], weight_decay=EXPERT["decay"])
    steps = schedule(optimizer, EXPERT["epochs"] * -(-len(items) // EXPERT["batch"]))
    for epoch in range(EXPERT["epochs"]):
        total = 0.0
        for batch in batches(rng, items, EXPERT["batch"]):
            loss = F.cross_entropy(model(pad([ids for ids, _ in batch], end)).logits,
                                   torch.tensor([label for _, label in batch]))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            steps.step()
            total += loss.item() * len(batch)
        print(f"{task}: epoch {epoch + 1}, loss {total / len(items):.4f}", flush=True)
    return model
