"""RegMean on the small T5 models of tests/seed/t5: tests/golden/regmean/t5.safetensors.

    python tools/golden/regmean_t5.py     (packages as in tests/oracle/requirements.txt)

FusionBench has no RegMean for T5. This is its formula in double precision over the inputs that
transformers gives each nn.Linear but lm_head: encoder over the prompts, decoder over the answers,
one example at a time, so that nothing is padded. Experts are expert_0 on cola and expert_1 on rte,
all rows of the validation split in file order; the ratio is 0.6. The file holds the merged
weights of these layers, and for the layers in GRAMS "EXPERT/LAYER", the statistics. Needs the
program for prompts (build/release/fusion_bench).
"""
import json
import os
import subprocess

import torch
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
T5 = os.path.join(ROOT, "tests/seed/t5")
EXPERTS = {"cola": "expert_0", "rte": "expert_1"}
GRAMS = ["encoder.block.1.layer.0.SelfAttention.q", "decoder.block.1.layer.1.EncDecAttention.v",
         "decoder.block.0.layer.2.DenseReluDense.wi_1", "decoder.block.1.layer.2.DenseReluDense.wo"]
RATIO = 0.6


def prompts(task):
    path = os.path.join(T5, f"data/glue/{task}/validation.jsonl")
    out = subprocess.run([os.path.join(ROOT, "build/release/fusion_bench"), "dataset", path,
                          "--task", task, "--prompts"], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def statistics(model, tokenizer, rows):
    sums, counts = {}, {}

    def look(name):
        def hook(_module, inputs, _output):
            x = inputs[0].reshape(-1, inputs[0].shape[-1]).double()
            sums[name] = sums.get(name, 0) + x.T @ x
            counts[name] = counts.get(name, 0) + len(x)
        return hook

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            module.register_forward_hook(look(name))
    for row in rows:
        ids, labels = (torch.tensor([tokenizer(row[k], add_special_tokens=False)["input_ids"] + [1]])
                       for k in ("input_text", "target_text"))
        model(input_ids=ids, labels=labels)
    return {name: sums[name] / counts[name] for name in sums}


def reduce(gram):
    return RATIO * gram + (1 - RATIO) * torch.diag(torch.diag(gram))


@torch.no_grad()
def main():
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=os.path.join(T5, "base/tokenizer.json"))
    out, left, right = {}, {}, {}
    for task, folder in EXPERTS.items():
        model = T5ForConditionalGeneration.from_pretrained(os.path.join(T5, folder)).eval()
        weights = model.state_dict()
        for name, gram in statistics(model, tokenizer, prompts(task)).items():
            weight = weights[f"{name}.weight"].double().T
            left[name] = left.get(name, 0) + reduce(gram)
            right[name] = right.get(name, 0) + reduce(gram) @ weight
            if name in GRAMS:
                out[f"{task}/{name}"] = gram.float().contiguous()
    for name in left:
        out[f"{name}.weight"] = torch.linalg.solve(left[name], right[name]).T.float().contiguous()
    worst = max(float(torch.linalg.cond(gram)) for gram in left.values())
    print(len(left), "layers, largest condition number %.1e" % worst)
    path = os.path.join(ROOT, "tests/golden/regmean/t5.safetensors")
    save_file(out, path)
    os.chmod(path, 0o644)


if __name__ == "__main__":
    main()
