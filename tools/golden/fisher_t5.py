"""Fisher merging of the small T5 models of tests/seed/t5: tests/golden/fisher/t5.safetensors.

    python tools/golden/fisher_t5.py     (packages as in tests/oracle/requirements.txt)

FusionBench has no Fisher merging for T5. This is the formula with torch's gradients of the
answers' log-likelihood, summed over batches of 3 examples, each example computed alone so that
nothing is padded. Experts and rows are those of regmean_t5.py; the first 9 rows are taken. The
merge itself is FusionBench's function. The file holds the merged tensors, and for those in KEPT
"EXPERT/KEY", the Fisher weights.
"""
import os

import torch
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

from fusion_bench.method.fisher_merging.fisher_merging import merging_with_fisher_weights
from regmean_t5 import EXPERTS, ROOT, T5, prompts

EXAMPLES, BATCH = 9, 3
KEPT = ["shared.weight", "lm_head.weight", "encoder.block.0.layer.0.SelfAttention.q.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "decoder.block.1.layer.1.EncDecAttention.k.weight", "decoder.final_layer_norm.weight"]


def fisher_weights(model, tokenizer, rows):
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for first in range(0, len(rows), BATCH):
        model.zero_grad()
        for row in rows[first:first + BATCH]:
            ids, labels = (torch.tensor([tokenizer(row[k], add_special_tokens=False)["input_ids"]
                                         + [1]]) for k in ("input_text", "target_text"))
            logits = model(input_ids=ids, labels=labels).logits[0]
            torch.log_softmax(logits, -1)[range(labels.shape[1]), labels[0]].sum().backward()
        for name, p in model.named_parameters():
            sums[name] += p.grad ** 2
    return {name: value / len(rows) for name, value in sums.items()}


def main():
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=os.path.join(T5, "base/tokenizer.json"))
    out, params, weights = {}, {}, []
    for task, folder in EXPERTS.items():
        model = T5ForConditionalGeneration.from_pretrained(os.path.join(T5, folder)).eval()
        weights.append(fisher_weights(model, tokenizer, prompts(task)[:EXAMPLES]))
        for name, p in model.named_parameters():
            params.setdefault(name, []).append(p.detach())
        for name in KEPT:
            out[f"{task}/{name}"] = weights[-1][name].clone()
    merged = merging_with_fisher_weights(params, weights, torch.ones(2) / 2)
    out.update({name: value.contiguous() for name, value in merged.items()})
    path = os.path.join(ROOT, "tests/golden/fisher/t5.safetensors")
    save_file(out, path)
    os.chmod(path, 0o644)
    print(len(merged), "tensors")


if __name__ == "__main__":
    main()
