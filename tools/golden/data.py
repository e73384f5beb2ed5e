#!/usr/bin/env python3
"""Makes tests/golden/data and the fuzz corpora of the dataset readers with pyarrow.

    tools/golden/data.py [--glue DIR]

full.jsonl and nulls.jsonl hold what every file of the matrix (codec, page version, dictionary or not,
encoding) must give;
glue.txt holds row counts and digests of the rows of the published GLUE files below DIR, none of which
are copied. Everything is deterministic."""
import argparse
import datetime
import decimal
import hashlib
import json
import pathlib
import random
import struct

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/data"
CORPUS = ROOT / "tests/fuzz/corpus"
ROWS = 48
LEAN = dict(write_statistics=False, store_schema=False)
WORDS = ["", "plain", "trailing space ", 'a "quote"', "tab\tand\nline", "größer", "日本語", "🙂", "\x7f\u2028", "\\"]


def dumps(row):
    return json.dumps(row, ensure_ascii=False) + "\n"


def columns(nulls):
    """Values and types; every column also as Python reads it back."""
    rng = random.Random(7)
    f32 = lambda x: struct.unpack("f", struct.pack("f", x))[0]

    def some(values):
        return [None if nulls and i % 7 in (2, 3) else v for i, v in enumerate(values)]

    def ints(bits, signed):
        lo, hi = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << min(bits, 63)) - 1)
        return [lo, hi, 0, 1] + [rng.randint(lo, hi) for _ in range(ROWS - 4)]

    out = {"text": (some([WORDS[i * i % 10] for i in range(ROWS)]), pa.string())}
    out["unique"] = (some([f"row {i:03d} " + "x" * (i % 5) for i in range(ROWS)]), pa.string())
    out["fixed"] = (some([f"{i * 37 % 1000:03d}" for i in range(ROWS)]), pa.binary(3))
    for name, bits, signed, kind in [("i8", 8, True, pa.int8()), ("u16", 16, False, pa.uint16()),
                                     ("i32", 32, True, pa.int32()), ("u32", 32, False, pa.uint32()),
                                     ("i64", 64, True, pa.int64()), ("u64", 64, False, pa.uint64())]:
        out[name] = (some(ints(bits, signed)), kind)
    out["label"] = (some([i % 3 for i in range(ROWS)]), pa.int64())
    out["f32"] = (some([f32(0.1 * i) for i in range(ROWS - 2)] + [f32(3.8), -0.0]), pa.float32())
    out["f64"] = (some([i / 7 for i in range(ROWS - 3)] + [1e300, 5e-324, 1e16]), pa.float64())
    out["flag"] = (some([i % 3 == 0 or i > 40 for i in range(ROWS)]), pa.bool_())
    return out


def table(nulls):
    cols = columns(nulls)
    fields = [pa.field(n, t, nullable=nulls) for n, (_, t) in cols.items()]
    raw = {n: [x.encode() if n == "fixed" and x is not None else x for x in v] for n, (v, _) in cols.items()}
    return pa.table(raw, schema=pa.schema(fields)), [dict(zip(cols, r)) for r in zip(*(v for v, _ in cols.values()))]


def write(name, tab, **options):
    path = OUT / name
    pq.write_table(tab, path, **{**LEAN, **options})
    return path


def matrix():
    for nulls in (False, True):
        stem = "nulls" if nulls else "full"
        tab, rows = table(nulls)
        (OUT / f"{stem}.jsonl").write_text("".join(map(dumps, rows)), encoding="utf-8")
        for codec in ("none", "snappy", "gzip", "zstd"):
            for page in ("1.0", "2.0"):
                # Two of the four codecs with a dictionary, two without, then the other way round.
                dictionary = (codec in ("none", "gzip")) == (page == "1.0")
                write(f"{stem}_{codec}_v{page[0]}_{'dict' if dictionary else 'plain'}.parquet", tab,
                      compression=codec, data_page_version=page, use_dictionary=dictionary,
                      row_group_size=20, data_page_size=100, write_batch_size=8)
        ints = ["i8", "u16", "i32", "u32", "i64", "u64", "label"]
        delta = {n: "DELTA_BINARY_PACKED" for n in ints}
        split = {n: "BYTE_STREAM_SPLIT" for n in ints + ["f32", "f64", "fixed"]}
        write(f"{stem}_delta.parquet", tab, use_dictionary=False, data_page_version="2.0",
              column_encoding={**delta, "text": "DELTA_LENGTH_BYTE_ARRAY", "unique": "DELTA_BYTE_ARRAY",
                               "fixed": "DELTA_BYTE_ARRAY", "flag": "RLE"}, write_page_checksum=True)
        write(f"{stem}_split.parquet", tab, use_dictionary=False, data_page_version="1.0",
              column_encoding={**split, "text": "DELTA_BYTE_ARRAY", "flag": "RLE"})


def odd_files():
    """Files with one thing each that is empty, skipped or refused."""
    flat = pa.table({"label": pa.array([1, 0], pa.int64())})
    write("empty.parquet", table(True)[0].slice(0, 0))
    write("brotli.parquet", flat, compression="brotli")
    write("lz4.parquet", flat, compression="lz4")
    write("checksum.parquet", pa.table({"text": ["one", "two", "three"]}), write_page_checksum=True,
          compression="none")
    mixed = pa.table({
        "before": ["a", "b"],
        "list": pa.array([[1, 2], []], pa.list_(pa.int64())),
        "struct": pa.array([{"x": 1, "y": "p"}, {"x": 2, "y": "q"}]),
        "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
        "price": pa.array([decimal.Decimal("1.25"), decimal.Decimal("3.50")], pa.decimal128(9, 2)),
        "when": pa.array([datetime.datetime(2024, 1, 2), None], pa.timestamp("ns")),
        "day": pa.array([datetime.date(1970, 1, 11), None], pa.date32()),
        "half": pa.array([1.5, 2.5], pa.float16()),
        "after": pa.array([10, 20], pa.int32()),
    })
    write("mixed.parquet", mixed, use_deprecated_int96_timestamps=True)
    write("stamps.parquet", pa.table({"ms": pa.array([0, 1700000000123], pa.timestamp("ms"))}))
    write("big_unsigned.parquet", pa.table({"n": pa.array([1, 2**63], pa.uint64())}))
    # One value a million times: 8 MB from some 2 kB, which must not look like an attack.
    write("constant.parquet", pa.table({"n": pa.array([5] * 1_000_000, pa.int64())}), compression="zstd")


def arrow_files():
    """The tables of the matrix as Arrow streams and files, in batches of 20 rows, with dictionaries
    and compressed; the rows are those of full.jsonl and nulls.jsonl."""
    def save(name, tab, file=False, batch=20, **options):
        make = pa.ipc.new_file if file else pa.ipc.new_stream
        with make(str(OUT / name), tab.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
            out.write_table(tab, max_chunksize=batch)

    for nulls in (False, True):
        stem = "nulls" if nulls else "full"
        tab, _ = table(nulls)
        save(f"{stem}_stream.arrow", tab)
        save(f"{stem}_file.arrow", tab, file=True)
        save(f"{stem}_zstd.arrow", tab, compression="zstd")
        coded = tab
        for name, index in (("text", pa.int8()), ("unique", pa.uint16()), ("label", pa.int32()), ("f32", pa.int64())):
            kind = pa.dictionary(index, pa.large_string() if name == "unique" else tab.schema.field(name).type)
            coded = coded.set_column(coded.schema.get_field_index(name), pa.field(name, kind, nullable=nulls),
                                     coded.column(name).cast(kind.value_type).dictionary_encode().cast(kind))
        save(f"{stem}_dictionary.arrow", coded, file=not nulls)
    flat = pa.table({"label": pa.array([1, 0], pa.int64())})
    save("lz4.arrow", flat, compression="lz4")
    save("old.arrow", flat, use_legacy_format=True, file=True, metadata_version=pa.ipc.MetadataVersion.V4)
    save("empty.arrow", table(True)[0].slice(0, 0))
    # A dictionary that grows from batch to batch, then one that is replaced.
    kind = pa.dictionary(pa.int8(), pa.string())
    with pa.ipc.new_stream(str(OUT / "delta.arrow"), pa.schema([("d", kind)]),
                           options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)) as out:
        for words, index in ((["a", "b"], [1, 0]), (["a", "b", "c"], [2, None]), (["z", None], [0, 1])):
            array = pa.DictionaryArray.from_arrays(pa.array(index, pa.int8()), pa.array(words, pa.string()))
            out.write_batch(pa.record_batch([array], names=["d"]))
    mixed = pa.table({
        "before": ["a", "b"],
        "list": pa.array([[1, 2], []], pa.list_(pa.int64())),
        "struct": pa.array([{"x": 1, "y": "p"}, {"x": 2, "y": "q"}]),
        "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
        "price": pa.array([decimal.Decimal("1.25"), decimal.Decimal("3.50")], pa.decimal128(9, 2)),
        "half": pa.array([1.5, 2.5], pa.float16()),
        "view": pa.array(["a text that is too long for a view", "short"], pa.string_view()),
        "coded": pa.array([["x"], ["y"]], pa.list_(pa.string())).cast(pa.list_(kind)),
        "nothing": pa.nulls(2),
        "day": pa.array([datetime.date(1970, 1, 11), None], pa.date32()),
        "when": pa.array([datetime.datetime(1970, 1, 1, 0, 0, 1), None], pa.timestamp("ms")),
        "after": pa.array([10, 20], pa.int32()),
    })
    save("mixed.arrow", mixed)
    # What the library `datasets` writes for GLUE.
    save("sst2.arrow", pa.table({"sentence": ["a fine film ", "dull "], "label": pa.array([1, 0], pa.int64()),
                                 "idx": pa.array([0, 1], pa.int32())}))


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def struct_of(*fields):
    """A thrift struct in the compact protocol from (id, type, bytes)."""
    out, last = b"", 0
    for number, kind, value in fields:
        out += bytes([number - last << 4 | kind]) + value
        last = number
    return out + b"\0"


def integer(number, value):
    return number, 5, varint(value * 2)


def wide(number, value):
    return number, 6, varint(value * 2)


def text(number, value):
    return number, 8, varint(len(value)) + value


def items(number, kind, *values):
    return number, 9, bytes([len(values) << 4 | kind]) + b"".join(values)


def structs(number, *values):
    return items(number, 12, *values)


def legacy_image(levels):
    """Six rows of one optional column of i32 whose definition levels are one byte of BIT_PACKED."""
    body = bytes([levels]) + struct.pack("<4i", 10, 20, 30, 40)
    header = struct_of(integer(1, 0), integer(2, len(body)), integer(3, len(body)),
                       (5, 12, struct_of(integer(1, 6), integer(2, 0), integer(3, 4), integer(4, 4))))
    page = header + body
    root = struct_of(text(4, b"root"), integer(5, 1))
    leaf = struct_of(integer(1, 1), integer(3, 1), text(4, b"n"))
    meta = struct_of(integer(1, 1), items(2, 5, varint(0), varint(8)), items(3, 8, b"\x01n"), integer(4, 0),
                     wide(5, 6), wide(6, len(page)), wide(7, len(page)), wide(9, 4))
    group = struct_of(structs(1, struct_of(wide(2, 4), (3, 12, meta))), wide(2, len(page)), wide(3, 6))
    footer = struct_of(integer(1, 1), structs(2, root, leaf), wide(3, 6), structs(4, group))
    return b"PAR1" + page + footer + struct.pack("<I", len(footer)) + b"PAR1"


def legacy():
    """Definition levels in the retired encoding BIT_PACKED, which no current writer makes.

    Encodings.md packs them from the most significant bit, and so does parquet-mr, which wrote such
    files. Arrow reads them from the least significant one; so the oracle gets the mirrored byte,
    which checks all of the file but the order of the bits, for which there is the specification."""
    assert pq.read_table(pa.BufferReader(legacy_image(0b00111001))).column(0).to_pylist() == \
        [10, None, None, 20, 30, 40]
    (OUT / "legacy.parquet").write_bytes(legacy_image(0b10011100))


def corpora():
    rng = random.Random(3)
    parquet = CORPUS / "parquet"
    for folder in ("parquet", "arrow", "jsonl", "tsv"):
        (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    for name in ("nulls_zstd", "nulls_dictionary", "full_dictionary", "mixed", "delta", "old", "lz4"):
        (CORPUS / "arrow" / f"{name}.arrow").write_bytes((OUT / f"{name}.arrow").read_bytes())
    stream = (OUT / "mixed.arrow").read_bytes()
    (CORPUS / "arrow" / "cut.arrow").write_bytes(stream[: len(stream) // 2])
    for i in range(4):
        hurt = bytearray(stream)
        for _ in range(6):
            hurt[rng.randrange(4, len(hurt))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        (CORPUS / "arrow" / f"hurt_{i}.arrow").write_bytes(hurt)
    seeds = ["full_none_v1_dict", "nulls_snappy_v2_dict", "nulls_delta", "full_split", "mixed", "checksum", "legacy"]
    for name in seeds:
        data = (OUT / f"{name}.parquet").read_bytes()
        (parquet / f"{name}.parquet").write_bytes(data)
    data = (OUT / "nulls_none_v1_dict.parquet").read_bytes()
    (parquet / "cut.parquet").write_bytes(data[: len(data) // 2])
    (parquet / "footer_too_long.parquet").write_bytes(data[:-8] + b"\xff\xff\xff\x7fPAR1")
    (parquet / "encrypted.parquet").write_bytes(b"PARE" + data[4:-4] + b"PARE")
    for i in range(8):  # four in the pages, four in the footer
        hurt = bytearray(data if i in (2, 5) else (OUT / "nulls_split.parquet").read_bytes())
        footer = len(hurt) - 8 - int.from_bytes(hurt[-8:-4], "little")
        for _ in range(6):
            lo, hi = (4, footer) if i < 4 else (footer, len(hurt) - 8)
            hurt[rng.randrange(lo, hi)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        (parquet / f"hurt_{i}.parquet").write_bytes(hurt)
    texts = {
        "jsonl/lines": '{"text": "a", "label": 1}\r\n\n{"label": 2.5, "more": [1, {"x": null}]}\n',
        "jsonl/list": '\ufeff[{"a": true}, {"a": false, "b": "\\u00e9\\u0000"}]',
        "jsonl/object": '{\n"0": {"text_a": "x", "label": "yes"},\n"1": {"text_a": "y"}\n}',
        "jsonl/mixed": '{"a": 1}\n{"a": "x"}\n',
        "jsonl/deep": "[" * 3000,
        "jsonl/number": '{"a": 99999999999999999999}\n{"a": 1e999}\n',
        "jsonl/duplicate": '{"a": 1, "a": 2}\n',
        "jsonl/surrogate": '{"a": "\\ud800"}\n',
        "tsv/plain": 'index\tquestion\tlabel\n0\tsay "what\tentailment\n1\t\tnot_entailment\r\n',
        "tsv/numbers": "a\tb\tc\n1\t-2.5e3\t007\n\t4\t12\n",
        "tsv/quoted": 'a,b\n"x, ""y""\nz",1\n"open',
        "tsv/narrow": "a\tb\n1\n",
        "tsv/twice": "a\ta\n1\t2\n",
        "tsv/zero": "a\0b\tc\n1\0\t2\n",
    }
    for name, text in texts.items():
        (CORPUS / name).write_bytes(text.encode())


def glue(folder):
    lines = []
    for path in sorted(pathlib.Path(folder).glob("*/*.parquet")):
        rows = pq.read_table(path).to_pylist()
        digest = hashlib.sha256("".join(map(dumps, rows)).encode()).hexdigest()
        lines.append(f"{path.relative_to(folder)} {len(rows)} {digest}\n")
    (OUT / "glue.txt").write_text("".join(lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glue", help="folder with <task>/<split>-*.parquet as published")
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    matrix()
    odd_files()
    arrow_files()
    legacy()
    corpora()
    if args.glue:
        glue(args.glue)
    (OUT / "VERSIONS").write_text(f"pyarrow {pa.__version__}\n")
