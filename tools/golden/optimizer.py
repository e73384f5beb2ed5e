"""Steps of torch's AdamW, gradient norms, learning rates of transformers' schedules.

    python tools/golden/optimizer.py        (packages as in tests/oracle/requirements.txt)

Writes tests/golden/train/optimizer.json. Every f32 is written as the shortest decimal of its double
value, which reads back as the same f32.
"""
import json
import os

import numpy as np
import torch
import transformers

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden", "train")
COUNT, STEPS = 37, 6
CASES = {
    "defaults": dict(lr=5e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0),
    "decay": dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1),
    "quick averages": dict(lr=1e-3, betas=(0.3, 0.5), eps=1e-3, weight_decay=0.01),
    "no averages": dict(lr=1e-3, betas=(0.0, 0.9), eps=1e-8, weight_decay=0.0),
}
SCHEDULES = [("linear", 0, 7), ("linear", 3, 10), ("linear", 12, 10), ("constant", 3, 4),
             ("constant_with_warmup", 3, 6), ("cosine", 2, 9), ("cosine", 0, 3)]


def numbers(tensor):
    return [float(x) for x in tensor.detach().numpy().reshape(-1)]


def adamw(arguments, rng):
    value = torch.nn.Parameter(torch.from_numpy(rng.standard_normal(COUNT).astype(np.float32)))
    optimizer = torch.optim.AdamW([value], **arguments)
    case = dict(arguments, value=numbers(value), gradients=[])
    for step in range(STEPS):
        scale = 10.0 ** rng.integers(-6, 1, COUNT)
        gradient = (rng.standard_normal(COUNT) * scale).astype(np.float32)
        value.grad = torch.from_numpy(gradient)
        case["gradients"].append(numbers(value.grad))
        optimizer.step()
    state = optimizer.state[value]
    return dict(case, result=numbers(value), exp_avg=numbers(state["exp_avg"]),
                exp_avg_sq=numbers(state["exp_avg_sq"]))


def clip(size, most, rng):
    values = [torch.nn.Parameter(torch.zeros(n)) for n in (5, 9)]
    for v in values:
        v.grad = torch.from_numpy((rng.standard_normal(len(v)) * size).astype(np.float32))
    case = dict(most=most, gradients=[numbers(v.grad) for v in values])
    norm = torch.nn.utils.clip_grad_norm_(values, most)
    return dict(case, norm=float(norm), clipped=[numbers(v.grad) for v in values])


def schedule(kind, warmup, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
    scheduler = transformers.get_scheduler(kind, optimizer, warmup, steps)
    rates = []
    for _ in range(steps + 2):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return dict(kind=kind, warmup=warmup, steps=steps, rates=rates)


def main():
    rng = np.random.default_rng(11)
    torch.set_num_threads(1)
    golden = {
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "adamw": {name: adamw(arguments, rng) for name, arguments in CASES.items()},
        "clip": [clip(0.01, 1.0, rng), clip(3.0, 1.0, rng), clip(50.0, 0.25, rng)],
        "schedules": [schedule(*s) for s in SCHEDULES],
    }
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, "optimizer.json"), "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
