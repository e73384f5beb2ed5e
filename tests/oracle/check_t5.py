"""Full-size T5 against transformers: encoder states, logits of the first step, generated ids.

    python tests/oracle/check_t5.py BUILD MODEL DATA [PROMPTS_PER_TASK=25]

BUILD is the folder with fusion_bench and bench_generate, MODEL a T5 folder with tokenizer (random weights
will do), DATA holds glue/. Prompts are the first rows of all eight tasks. Encoder states of the last token
and first logits must agree within 2e-4 of the largest value of the row; generated ids must be equal, or
part at a step where the two largest logits of transformers lie within that tolerance.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import AutoConfig, T5ForConditionalGeneration

TASKS = ["cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb"]
LIMIT, STEPS = 2e-4, 9


def prompts(build, model, data, n):
    program, out = os.path.join(build, "fusion_bench"), []
    for task in TASKS:
        split = ["--split", "validation_matched"] if task == "mnli" else []
        rows = subprocess.run([program, "dataset", f"glue/{task}", "--data-dir", data, "--prompts",
                               "--limit", str(n), *split], check=True, capture_output=True,
                              text=True).stdout
        lines = "".join(json.dumps({"text": json.loads(r)["input_text"]}) + "\n"
                        for r in rows.splitlines())
        out += subprocess.run([program, "tokenize", "--tokenizer", model, "--max-length", "512"],
                              input=lines, check=True, capture_output=True,
                              text=True).stdout.splitlines()
    return out


def ours(build, model, lines, config):
    with tempfile.TemporaryDirectory() as d:
        ids, dump = os.path.join(d, "ids"), os.path.join(d, "dump")
        with open(ids, "w") as f:
            f.write("\n".join(lines) + "\n")
        subprocess.run([os.path.join(build, "bench_generate"), "--dump", dump, model, ids], check=True)
        raw = np.fromfile(dump, dtype=np.float32)
    width = config.d_model + config.vocab_size + STEPS
    raw = raw.reshape(len(lines), width)
    split = config.d_model + config.vocab_size
    return raw[:, :config.d_model], raw[:, config.d_model:split], raw[:, split:].view(np.int32)


def error(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())


def main():
    build, folder, data = sys.argv[1:4]
    n = int(sys.argv[4]) if len(sys.argv) > 4 else 25
    lines = prompts(build, folder, data, n)
    states, logits, generated = ours(build, folder, lines, AutoConfig.from_pretrained(folder))
    # Not before: the largest models fit into memory once, not twice.
    model = T5ForConditionalGeneration.from_pretrained(folder).eval()
    worst, equal, excused, failed = [0.0, 0.0], 0, [], []
    for i, line in enumerate(lines):
        x = torch.tensor([json.loads(line)["ids"]])
        with torch.no_grad():
            encoded = model.encoder(x)
            start = torch.tensor([[model.config.decoder_start_token_id]])
            first = model(encoder_outputs=encoded, decoder_input_ids=start).logits[0, 0].numpy()
            out = model.generate(x, max_length=STEPS + 1, attention_mask=torch.ones_like(x),
                                 output_logits=True, return_dict_in_generate=True)
        worst[0] = max(worst[0], error(states[i], encoded[0][0, -1].numpy()))
        worst[1] = max(worst[1], error(logits[i], first))
        want, got = out.sequences[0, 1:].tolist(), [v for v in generated[i].tolist() if v >= 0]
        if want == got:
            equal += 1
            continue
        step = next(k for k in range(STEPS) if want[k:k + 1] != got[k:k + 1])
        top = out.logits[step][0].topk(2).values
        margin = float((top[0] - top[1]) / out.logits[step].abs().max())
        (excused if margin < LIMIT else failed).append((i, step, margin))
    print(f"{len(lines)} prompts: encoder states within {worst[0]:.2e}, first logits within {worst[1]:.2e} "
          f"(limit {LIMIT:g}); generated ids equal for {equal}")
    print(f"distinct first ids {len(set(generated[:, 0].tolist()))}, parted within the tolerance: {excused}, "
          f"failed: {failed}")
    sys.exit(bool(failed) or max(worst) > LIMIT)


main()
