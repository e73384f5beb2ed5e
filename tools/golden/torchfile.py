"""Makes tests/golden/torch and tests/fuzz/corpus/{pickle,torchzip,legacy} with torch and safetensors.

    python tools/golden/torchfile.py        (packages: tests/oracle/requirements.txt)

NAME.pt, NAME.legacy.pt    what torch.save writes, in both formats; NAME.safetensors is what
                           torch.load reads back, each tensor made contiguous
types       every element type, 0-d and empty tensors, a Unicode name, special values
views       shared storages, offsets, slices, transposed, permuted, expanded and overlapping views,
            parameters
extras      a module's OrderedDict with its _metadata, and entries that are no tensors
checkpoint  a training checkpoint: the model under model_state_dict
deflated, zip64            `views`, packed again in other ways
sharded/    pytorch_model.bin.index.json and two files
refused/    files that must be refused, each with its own message
"""
import collections
import io
import json
import os
import pickle
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests" / "golden" / "torch"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
NEW = (torch.float8_e4m3fn, torch.float8_e5m2)  # torch 2.5.1 cannot save the wide unsigned ones


def types():
    tensors = {}
    for dtype in FLOATS:
        info = torch.finfo(dtype)
        values = [0.0, -0.0, 1.0, -1.5, info.max, info.min, info.tiny, float("nan")]
        tensors[str(dtype)] = torch.tensor(values, dtype=torch.float64).to(dtype).reshape(2, 4)
    for dtype in INTEGERS:
        info = torch.iinfo(dtype)
        tensors[str(dtype)] = torch.tensor([0, 1, info.min, info.max], dtype=dtype)
    for dtype in NEW:
        tensors[str(dtype)] = torch.arange(6).to(dtype).reshape(3, 2)
    tensors["torch.bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.empty(0)
    tensors["empty.3d"] = torch.empty(2, 0, 3, dtype=torch.int16)
    tensors["größe/重み"] = torch.tensor([7], dtype=torch.uint8)
    return tensors


def views():
    base = torch.arange(24, dtype=torch.float32)
    cube = base.reshape(2, 3, 4)
    return {
        "base": base,
        "same": base,
        "slice": base[5:11],
        "scalar": base[23],
        "empty": base[24:],
        "rows": cube[1],
        "steps": base[1::3],
        "transposed": base.reshape(4, 6).t(),
        "permuted": cube.permute(2, 0, 1),
        "columns": cube[:, :, 1:3],
        "expanded": base[:3].reshape(3, 1).expand(3, 5),
        "repeated": base[7].expand(2, 3),
        "overlapping": base.as_strided((4, 3), (2, 1), 1),
        "one": base.as_strided((1, 4, 1), (99, 1, 77), 2),
        "parameter": torch.nn.Parameter(cube[0]),
        "frozen": torch.nn.Parameter(base[:4].to(torch.float16), requires_grad=False),
    }


def extras():
    torch.manual_seed(1)
    state = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).state_dict()
    state.update(epoch=3, big=2**70, negative=-2**40, rate=0.1, name="x", none=None, flag=True,
                 sizes=(1, [2, 3]), size=torch.Size((2, 3)), device=torch.device("cpu"),
                 dtype=torch.float32, bytes=b"x\xff", array=bytearray(b"y"),
                 counts=collections.Counter("aab"))
    state[5] = "an integer key"
    state[(1, 2)] = "a tuple"
    return state


def checkpoint():
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {"epoch": 1, "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict()}


def save(value, path, zipped=True):
    torch.save(value, path, _use_new_zipfile_serialization=zipped)


def save_both(name, value, tensors=None):
    tensors = value if tensors is None else tensors
    save(value, OUT / f"{name}.pt")
    save(value, OUT / f"{name}.legacy.pt", zipped=False)
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()
               if torch.is_tensor(v)}, OUT / f"{name}.safetensors")


def members(path):
    with zipfile.ZipFile(path) as archive:
        return [(i.filename, archive.read(i)) for i in archive.infolist()]


def repack(source, target, method=zipfile.ZIP_STORED, change=None):
    """The same archive in another form; `change` maps a name's last part to other content."""
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members(source):
            content = (change or {}).get(name.split("/", 1)[1], content)
            if content is not None:
                archive.writestr(zipfile.ZipInfo(name), content, method)


def zip64(source, target):
    """Every number in the zip64 fields, as in archives beyond 4 GiB."""
    body, directory, count = b"", b"", 0
    for name, content in members(source):
        name, crc = name.encode(), zlib.crc32(content)
        record = struct.pack("<HHHHH", 0, 0, 0, 0, 0) + struct.pack("<III", crc, 2**32 - 1, 2**32 - 1)
        extra = struct.pack("<HHQQQ", 1, 24, len(content), len(content), len(body))
        directory += (b"PK\1\2" + struct.pack("<H", 45) + record +
                      struct.pack("<HHHHHII", len(name), len(extra), 0, 0, 0, 0, 2**32 - 1) +
                      name + extra)
        body += (b"PK\3\4" + record + struct.pack("<HH", len(name), 20) + name +
                 struct.pack("<HHQQ", 1, 16, len(content), len(content)) + content)
        count += 1
    end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory),
                      len(body))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(body) + len(directory), 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    target.write_bytes(body + directory + end + locator + last)


class Call:
    """Pickled as a call of any function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def refused():
    out = OUT / "refused"
    out.mkdir()
    weight = torch.arange(4, dtype=torch.float32)
    save(weight, out / "tensor.pt")
    save([weight], out / "list.pt")
    save({"epoch": 3}, out / "no_tensors.pt")
    save({"a": {"w": weight}}, out / "nested.pt")
    save({"w": weight, "model": {"w": weight}}, out / "unclear.pt")
    save({"model": {"w": weight}, "state_dict": {"w": weight}}, out / "two_models.pt")
    save({1: weight}, out / "integer_name.pt")
    save({"w": torch.zeros(2, dtype=torch.complex64)}, out / "complex.pt")
    save({"w": weight.to_sparse()}, out / "sparse.pt")
    save({"w": torch.quantize_per_tensor(weight, 0.1, 0, torch.quint8)}, out / "quantized.pt")
    save({"w": torch.zeros(2, dtype=torch.complex64).imag._neg_view()}, out / "negative.pt")
    save({"w": weight.numpy()}, out / "numpy.pt")
    save({"w": weight, "x": Call(os.system, "touch executed")}, out / "system.pt")
    save({"w": weight, "x": Call(os.system, "touch executed")}, out / "system.legacy.pt", False)
    save({"w": Call(eval, "open('executed', 'w')")}, out / "eval.pt")
    save(checkpoint()["optimizer_state_dict"], out / "optimizer.pt")
    save({"w": weight.as_strided((2**40,), (0,))}, out / "expanded.pt")
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), out / "script.pt")
    (out / "protocol4.pt").write_bytes(pickle.dumps({"w": 1}, 4))
    (out / "plain.pt").write_bytes(pickle.dumps({"w": 1}, 2))
    repack(OUT / "views.pt", out / "big_endian.pt", change={"byteorder": b"big"})
    repack(OUT / "views.pt", out / "short.pt", change={"data/0": bytes(95)})
    repack(OUT / "views.pt", out / "lost.pt", change={"data/0": None})
    repack(OUT / "views.pt", out / "no_pickle.pt", change={"data.pkl": None})
    broken = bytearray((OUT / "views.pt").read_bytes())
    broken[broken.index(b"transposed")] ^= 0x20
    (out / "checksum.pt").write_bytes(broken)


def sharded():
    folder = OUT / "sharded"
    folder.mkdir()
    files = {"pytorch_model-00001-of-00002.bin": {"a": torch.arange(3.0), "c": torch.ones(2, 2)},
             "pytorch_model-00002-of-00002.bin": {"b": torch.arange(5)}}
    for name, tensors in files.items():
        save(tensors, folder / name)
    table = {"metadata": {"total_size": 68},
             "weight_map": {k: name for name, tensors in files.items() for k in tensors}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(table, indent=2) + "\n")


def pickles():
    """Hostile and odd pickles for the fuzzer to begin with; tests/unit says what becomes of each."""
    yield "plain", pickle.dumps({"a": [1, 2.5, None, True], "b": (1, 2**70), "c": set()}, 2)
    yield "system", b"\x80\x02cos\nsystem\n(X\x04\x00\x00\x00truetR."
    yield "inst", b"(X\x04\x00\x00\x00trueios\nsystem\n."
    yield "obj", b"(cos\nsystem\nX\x04\x00\x00\x00trueo."
    yield "build", b"\x80\x02}}b."
    yield "newlines", b"cos\rsystem\nsystem\n."
    yield "extension", b"\x80\x02\x82\x01."
    yield "long4", b"\x80\x02\x8b\xff\xff\xff\x7f."
    yield "memo", b"\x80\x02Nr\xff\xff\xff\x7f."
    yield "deep", b"\x80\x02" + b"]" * 400 + b"a" * 399 + b"."
    yield "marks", b"(" * 2000 + b"."
    yield "itself", b"\x80\x02]q\x00h\x00a."
    yield "unhashable", b"\x80\x02}]Ns."
    yield "underflow", b"\x80\x02\x86."
    yield "no_stop", b"\x80\x02N"
    yield "persistent", b"\x80\x02X\x06\x00\x00\x00moduleN\x86Q."
    for name in ("types", "views", "extras"):
        yield name, dict(members(OUT / f"{name}.pt"))[f"{name}/data.pkl"]


def corpus():
    for noun in ("pickle", "torchzip", "legacy"):
        shutil.rmtree(CORPUS / noun, ignore_errors=True)
        (CORPUS / noun).mkdir(parents=True)
    for name, content in pickles():
        (CORPUS / "pickle" / name).write_bytes(content)
    for path in ("types.pt", "views.pt", "extras.pt", "checkpoint.pt", "deflated.pt", "zip64.pt",
                 "refused/short.pt", "refused/checksum.pt", "refused/expanded.pt"):
        shutil.copy(OUT / path, CORPUS / "torchzip" / Path(path).name)
    for path in ("types.legacy.pt", "views.legacy.pt", "extras.legacy.pt", "checkpoint.legacy.pt",
                 "refused/system.legacy.pt", "refused/plain.pt"):
        shutil.copy(OUT / path, CORPUS / "legacy" / Path(path).name)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    torch.manual_seed(0)
    save_both("types", types())
    save_both("views", views())
    save_both("extras", extras())
    value = checkpoint()
    save_both("checkpoint", value, value["model_state_dict"])
    repack(OUT / "views.pt", OUT / "deflated.pt", zipfile.ZIP_DEFLATED)
    zip64(OUT / "views.pt", OUT / "zip64.pt")
    sharded()
    refused()
    corpus()


if __name__ == "__main__":
    main()
