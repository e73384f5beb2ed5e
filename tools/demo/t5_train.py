"""The T5 base model, and per task a full fine-tuned model and a LoRA adapter of it.

Every model answers a prompt in words. Both stacks see ragged texts: padding is masked.
"""

import random

import torch
from peft import LoraConfig, get_peft_model
from transformers import T5Config, T5ForConditionalGeneration

from train import batches, pad, schedule

SHAPE = dict(d_model=48, d_kv=16, d_ff=96, num_layers=2, num_decoder_layers=2, num_heads=4)
BASE = dict(steps=5000, batch=32, lr=4e-3, asked=0.25, noise=0.2, span=2)
MIXTURE = dict(epochs=3, batch=16, lr=1.5e-3)
MIXED_ROWS = {"cola": 1000, "mnli": 1000, "qnli": 4000, "sst2": 500, "stsb": 4000}
EPOCHS = {"cola": 2, "mnli": 2, "qnli": 5, "sst2": 1, "stsb": 5}
RATE = {"cola": 7e-4, "mnli": 1e-3, "qnli": 1.5e-3, "sst2": 5e-4, "stsb": 1.5e-3}
ADAPTER = dict(rank=8, alpha=16, faster=2)  # an adapter learns at twice the rate
TARGETS = ["q", "k", "v", "o", "wi_0", "wi_1", "wo"]
PAD, NONE = 0, -100


def new_model(tokenizer):
    config = T5Config(vocab_size=-(-len(tokenizer) // 32) * 32, feed_forward_proj="gated-gelu",
                      tie_word_embeddings=False, dropout_rate=0.0, decoder_start_token_id=PAD, **SHAPE)
    torch.manual_seed(1)
    model = T5ForConditionalGeneration(config)
    with torch.no_grad():  # T5 starts with logits of the size of the width
        model.lm_head.weight *= SHAPE["d_model"] ** -0.5
    return model


def corrupt(rng, ids, sentinels):
    """Span corruption (Raffel et al. 2020, section 3.1.4): gaps in the text, and what was there."""
    left, gone, at, number = [], [], 0, 0
    body = ids[:-1]
    while at < len(body):
        size = rng.randint(1, 2 * BASE["span"] - 1)
        if rng.random() < BASE["noise"] / BASE["span"] and number + 1 < len(sentinels):
            left.append(sentinels[number])
            gone += [sentinels[number]] + body[at:at + size]
            at, number = at + size, number + 1
        if at < len(body):
            left.append(body[at])
        at += 1
    return left + ids[-1:], gone + [sentinels[number]] + ids[-1:]


def step(model, optimizer, batch):
    ids = pad([source for source, _ in batch], PAD)
    loss = model(input_ids=ids, attention_mask=(ids != PAD).long(),
                 labels=pad([target for _, target in batch], NONE)).loss
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def base(tokenizer, texts, pairs):
    """`texts` are ids to corrupt, `pairs` ids of question and answer; a part of every batch asks."""
    model = new_model(tokenizer)
    rng = random.Random(1)
    sentinels = [tokenizer.convert_tokens_to_ids(f"<extra_id_{i}>") for i in range(16)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=BASE["lr"], weight_decay=0.01)
    rate, total = schedule(optimizer, BASE["steps"]), 0.0
    for number in range(BASE["steps"]):
        batch = [rng.choice(pairs) if rng.random() < BASE["asked"]
                 else corrupt(rng, rng.choice(texts), sentinels) for _ in range(BASE["batch"])]
        total += step(model, optimizer, batch)
        rate.step()
        if number % 500 == 499:
            print(f"base: step {number + 1}, loss {total / 500:.4f}", flush=True)
            total = 0.0
    return model


def tune(model, name, pairs, how):
    torch.manual_seed(2)
    rng = random.Random(2)
    some = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(some, lr=how["lr"], weight_decay=0.01, fused=True)
    rate = schedule(optimizer, how["epochs"] * -(-len(pairs) // how["batch"]))
    for epoch in range(how["epochs"]):
        total = 0.0
        for batch in batches(rng, pairs, how["batch"]):
            total += step(model, optimizer, batch) * len(batch)
            rate.step()
        print(f"{name}: epoch {epoch + 1}, loss {total / len(pairs):.4f}", flush=True)
    return model


def mixture(folder, pairs):
    """The base after it has been asked the questions of all tasks for a while."""
    model = T5ForConditionalGeneration.from_pretrained(folder)
    return tune(model.train(), "mixture", pairs, MIXTURE)


def expert(folder, task, pairs):
    model = T5ForConditionalGeneration.from_pretrained(folder)
    return tune(model.train(), task, pairs, dict(epochs=EPOCHS[task], batch=16, lr=RATE[task]))


def adapter(folder, task, pairs):
    config = LoraConfig(task_type="SEQ_2_SEQ_LM", r=ADAPTER["rank"], lora_alpha=ADAPTER["alpha"],
                        lora_dropout=0.0, target_modules=TARGETS)
    torch.manual_seed(2)
    model = get_peft_model(T5ForConditionalGeneration.from_pretrained(folder), config)
    how = dict(epochs=EPOCHS[task], batch=16, lr=ADAPTER["faster"] * RATE[task])
    return tune(model.train(), f"{task}, adapter", pairs, how)
