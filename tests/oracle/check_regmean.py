"""RegMean on full-size GPT-2 by the program and by FusionBench's own class.

    python tools/bench_pool.py POOL --experts 3 --tokenizer TOKENIZER
    python tests/oracle/check_regmean.py --pool POOL --tokenizer TOKENIZER --data GLUE \\
        [--program build/release/fusion_bench] [--examples 4]

GLUE holds <task>/train-*.parquet. Both take the first examples of cola and mrpc in file order. Each
matrix is one check: the statistics of each expert to 1e-5 of their largest value, merged weights to
--tolerance of the tensor's largest value against the same regression in double precision over the
reference's statistics, and to --loose against the reference's weights, for which it inverts in f32.
(3072 inputs are more than four examples have rows: those matrices are badly conditioned.)
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/oracle"), str(ROOT / "tools/golden")]
import reference  # noqa: E402
import regmean  # noqa: E402

TASKS = ["cola", "mrpc"]
RATIO = 0.6


def run_program(args, folder):
    models = ", ".join(f"{{name: {n}, path: {args.pool / n}}}" for n in ["_pretrained_"] + TASKS)
    subprocess.run([args.program, "-q", "method=regmean/gpt2_regmean", "modelpool=gpt-2_glue",
                    f"modelpool.models=[{models}]", f"+modelpool.tokenizer={args.tokenizer}",
                    f"+modelpool.data_dir={args.data}", "taskpool=dummy", "print_config=false",
                    f"method.num_regmean_examples={args.examples}", "method.shuffle=false",
                    f"method.batch_size={args.examples}", f"method.statistics_dir={folder}/kept",
                    f"merged_model_save_path={folder}/merged.safetensors",
                    f"hydra.run.dir={folder}/run"], check=True, stdout=subprocess.DEVNULL)
    grams = {task: load_file(next(pathlib.Path(folder, "kept").glob(f"*-{task}-*")))
             for task in TASKS}
    return load_file(f"{folder}/merged.safetensors"), grams


def run_reference(args):
    config = {"tokenizer": str(args.tokenizer),
              "models": [{"name": n, "path": str(args.pool / n)} for n in ["_pretrained_"] + TASKS]}
    regmean.gpt2_regmean.DataLoader = regmean.in_order
    pool = reference.open_pool(config)
    method = regmean.RegMean(pool, str(args.data), str(args.tokenizer),
                             exclude_param_names_regex=[], reduce_non_diagonal_ratio=RATIO,
                             num_regmean_examples=args.examples, batch_size=args.examples)
    return method.run(pool).state_dict(), method.grams, [pool.load_model(t) for t in TASKS]


def in_double(layer, grams, models):
    """The regression of one layer over the reference's statistics."""
    left, right = 0, 0
    for task, model in zip(TASKS, models):
        gram = grams[f"{task}/{layer}"].double()
        gram = RATIO * gram + (1 - RATIO) * torch.diag(torch.diag(gram))
        left = left + gram
        right = right + gram @ model.state_dict()[f"{layer}.weight"].double()
    return torch.linalg.solve(left, right).float()


class Checks:
    def __init__(self):
        self.passed = self.failed = 0
        self.worst = {}

    def __call__(self, kind, name, found, wanted, tolerance):
        error = float((found - wanted).abs().max() / wanted.abs().max())
        self.worst[kind] = max(self.worst.get(kind, 0), error)
        if error <= tolerance:
            self.passed += 1
        else:
            self.failed += 1
            print(f"failed: {kind} of {name}: {error:.2e}, limit {tolerance:.0e}")


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("pool", "tokenizer", "data"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--program", default=str(ROOT / "build/release/fusion_bench"))
    parser.add_argument("--examples", type=int, default=4)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--loose", type=float, default=1e-2)
    args = parser.parse_args()
    check = Checks()
    with tempfile.TemporaryDirectory() as folder:
        merged, found = run_program(args, folder)
    state, grams, models = run_reference(args)
    for name, gram in grams.items():
        task, layer = name.split("/")
        check("statistics", name, found[task][layer], gram, 1e-5)
    for key, value in state.items():
        layer = key.removesuffix(".weight")
        if f"{TASKS[0]}/{layer}" not in grams:
            check("means", key, merged[key], value, 0)
            continue
        check("weights", key, merged[key], in_double(layer, grams, models),
              args.tolerance)
        check("weights of the reference", key, merged[key], value, args.loose)
    print(", ".join(f"{kind}: at most {error:.1e}" for kind, error in check.worst.items()))
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
