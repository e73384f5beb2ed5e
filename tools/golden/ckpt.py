"""Makes tests/golden/ckpt and tests/fuzz/corpus/safetensors with torch and safetensors.

    python tools/golden/ckpt.py        (packages: tests/oracle/requirements.txt)

types/         one file with every element type, 0-d and empty tensors, Unicode names, metadata
narrow.*       f32 values and what torch makes of them in the narrower floats
sharded/       a folder in Hugging Face layout whose weights are split over three files
a, b           two checkpoints that differ in every way `fusion_bench diff` tells apart
"""
import json
import shutil
import struct
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests" / "golden" / "ckpt"
CORPUS = ROOT / "tests" / "fuzz" / "corpus" / "safetensors"
NARROW = {
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


def types():
    """Every element type with its extreme values."""
    tensors = {}
    for dtype in (torch.float64, torch.float32, *NARROW.values()):
        info = torch.finfo(dtype)
        values = [0.0, -0.0, 1.0, -1.5, info.max, info.min, info.tiny, float("nan")]
        tensors[str(dtype)] = torch.tensor(values, dtype=torch.float64).to(dtype).reshape(2, 4)
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint64, torch.uint32,
                  torch.uint16, torch.uint8):
        info = torch.iinfo(dtype)
        tensors[str(dtype)] = torch.tensor([0, 1, info.min, info.max], dtype=dtype)
    tensors["torch.bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(7.25)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["größe/重み \"q\"\\"] = torch.arange(3, dtype=torch.uint8)
    save_file(tensors, OUT / "types.safetensors", metadata={"format": "pt", "note": "ünï\n"})


def narrow():
    """Ties, neighbours of ties, subnormals and overflow around every kind of boundary."""
    generator = torch.Generator().manual_seed(1)
    bits = []
    for dtype in NARROW.values():
        size = torch.tensor([], dtype=dtype).element_size()
        step = 1 if size == 1 else 61  # all values of the 8-bit types, every 61st of the others
        codes = torch.arange(0, 256**size, step, dtype=torch.int32)
        codes = codes.to(torch.uint8) if size == 1 else codes.to(torch.uint16)
        exact = codes.view(dtype).float().view(torch.int32)
        # The half-way point to the next value lies one half in the last place above.
        half = {torch.float16: 1 << 12, torch.bfloat16: 1 << 15, torch.float8_e4m3fn: 1 << 19,
                torch.float8_e5m2: 1 << 20}[dtype]
        for offset in (0, half - 1, half, half + 1):
            bits.append(exact + offset)
    exponents = torch.randint(0, 256, (4000,), generator=generator, dtype=torch.int32)
    fractions = torch.randint(0, 1 << 23, (4000,), generator=generator, dtype=torch.int32)
    signs = torch.randint(0, 2, (4000,), generator=generator, dtype=torch.int32)
    bits.append((signs << 31) | (exponents << 23) | fractions)
    # Half-way points of the subnormal results.
    small = torch.arange(1, 400, dtype=torch.float32)
    for last in (2.0**-25, 2.0**-10, 2.0**-17):
        bits.append((small * last).view(torch.int32))
        bits.append((-small * last).view(torch.int32) + 1)
    values = torch.unique(torch.cat(bits)).view(torch.float32)
    values = values[~values.isnan()]
    tensors = {"f32": values}
    tensors.update({name: values.to(dtype) for name, dtype in NARROW.items()})
    save_file(tensors, OUT / "narrow.safetensors")


def sharded():
    folder = OUT / "sharded"
    folder.mkdir()
    names = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    parts = [
        {"h.1.weight": torch.arange(6.0).reshape(2, 3), "h.0.bias": torch.tensor([1.0, 2.0])},
        {"wte.weight": torch.arange(8.0).reshape(4, 2).half()},
        {"h.0.weight": -torch.arange(6.0).reshape(3, 2), "step": torch.tensor(3)},
    ]
    weight_map = {}
    for name, part in zip(names, parts):
        save_file(part, folder / name, metadata={"format": "pt"})
        weight_map.update({key: name for key in part})
    index = {"metadata": {"total_size": 80}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def pairs():
    nan, inf = float("nan"), float("inf")
    a = {
        "same": torch.tensor([1.0, nan, inf]),
        "values": torch.tensor([1.0, 2.0, -4.0, 0.0]),
        "nan": torch.tensor([1.0, nan]),
        "zero": torch.tensor([0.0]),
        "infinite": torch.tensor([inf, 1.0]),
        "half": torch.tensor([1.0, 2.0]).half(),
        "wide": torch.tensor([2**62, 5]),
        "dtype": torch.tensor([1.0]),
        "shape": torch.zeros(2, 3),
        "left": torch.tensor(1.0),
    }
    b = {
        "same": a["same"].clone(),
        "values": torch.tensor([1.0, 2.5, -4.0, 0.25]),
        "nan": torch.tensor([1.5, 2.0]),
        "zero": torch.tensor([-0.0]),
        "infinite": torch.tensor([1.0, 1.0]),
        "half": torch.tensor([1.0, 2.001953125]).half(),
        "wide": torch.tensor([2**62, 3]),
        "dtype": torch.tensor([1.0]).bfloat16(),
        "shape": torch.zeros(3, 2),
        "right": torch.zeros(0, 2),
    }
    save_file(a, OUT / "a.safetensors")
    save_file(b, OUT / "b.safetensors")


def raw(header, payload=b"", length=None):
    """A file with the given header text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + payload


def corpus():
    """Small valid and hostile files."""
    def entry(dtype, shape, begin, end):
        return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}

    one = entry("U8", [2], 0, 2)
    cases = {
        "valid": raw({"a": entry("F32", [2], 0, 8), "__metadata__": {"k": "v"}}, bytes(8)),
        "empty": raw({}),
        "scalar-empty": raw({"s": entry("BF16", [], 0, 2), "e": entry("F64", [3, 0], 2, 2)}, b"xy"),
        "no-length": b"\x02\0\0",
        "long-header": raw({"a": one}, b"xy", length=2**63),
        "overlap": raw({"a": one, "b": entry("U8", [2], 1, 3)}, b"xyz"),
        "hole": raw({"a": one, "b": entry("U8", [1], 3, 4)}, b"xyzw"),
        "trailing": raw({"a": one}, b"xyz"),
        "outside": raw({"a": entry("U8", [2**40], 0, 2**40)}, b"xy"),
        "overflow": raw({"a": entry("F64", [2**32, 2**32], 0, 0)}),
        "negative": raw({"a": entry("U8", [-2], 0, 2)}, b"xy"),
        "backwards": raw({"a": entry("U8", [2], 2, 0)}, b"xy"),
        "dtype": raw({"a": entry("F128", [2], 0, 2)}, b"xy"),
        "many-dims": raw({"a": entry("U8", [1] * 9, 0, 1)}, b"x"),
        "duplicate": raw(b'{"a":%(e)s,"a":%(e)s}' % {b"e": json.dumps(one).encode()}, b"xy"),
        "deep": raw(b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}"),
        "utf8": raw(b'{"\xff\xfe":' + json.dumps(one).encode() + b"}", b"xy"),
        "array": raw(b"[]"),
        "wrong-types": raw({"a": {"dtype": 1, "shape": "x", "data_offsets": {}}}),
        "metadata": raw({"__metadata__": {"k": 1}}),
        "big-int": raw(b'{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}'),
    }
    for name, data in cases.items():
        (CORPUS / name).write_bytes(data)


def main():
    for folder in (OUT, CORPUS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    types()
    narrow()
    sharded()
    pairs()
    corpus()


if __name__ == "__main__":
    main()
