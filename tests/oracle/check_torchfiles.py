"""Compares what `fusion_bench inspect` says of torch files with torch.load(weights_only=True).

    python tests/oracle/check_torchfiles.py PROGRAM FILE_OR_FOLDER...

Every .pt, .pth, .bin and .ckpt file is one check: the same names, element types, shapes and SHA-256
of the values. What the program refuses is listed with its message. Exits 1 on a difference.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import warnings

import torch

TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
         "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
         "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2"}


def files(arguments):
    for argument in map(pathlib.Path, arguments):
        for path in sorted(argument.rglob("*")) if argument.is_dir() else [argument]:
            if path.suffix in (".pt", ".pth", ".bin", ".ckpt"):
                yield path


def describe(tensor):
    flat = tensor.detach().contiguous().reshape(-1)
    content = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return (TYPES[str(tensor.dtype).removeprefix("torch.")], list(tensor.shape),
            hashlib.sha256(content).hexdigest())


def wanted(path):
    value = torch.load(path, weights_only=True, map_location="cpu")
    if not any(torch.is_tensor(v) for v in value.values()):
        value = next(value[k] for k in ("state_dict", "model_state_dict", "model") if k in value)
    return {k: describe(v) for k, v in value.items() if torch.is_tensor(v)}


def main():
    warnings.simplefilter("ignore")
    equal = different = refused = 0
    for path in files(sys.argv[2:]):
        run = subprocess.run([sys.argv[1], "inspect", str(path), "--json", "--sha256"],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            refused += 1
            print("refused", run.stderr.strip())
            continue
        found = {}
        for row in map(json.loads, run.stdout.splitlines()):
            found[row["name"]] = (row["dtype"], row["shape"], row["sha256"])
        try:
            same = found == wanted(path)
        except (AttributeError, KeyError, RuntimeError) as error:
            print(f"torch fails on {path}: {error}")
            continue
        equal += same
        different += not same
        print("equal" if same else "DIFFERENT", path, len(found))
    print(f"{equal} equal, {different} different, {refused} refused")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
