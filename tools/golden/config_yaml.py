#!/usr/bin/env python3
"""Writes tests/golden/config/{parse,print,interp}.json from the real OmegaConf.

Each file is a list of cases. "in" is the input; "data" is json.dumps of the container that comes
out, as a string (it may hold integers that JSON readers refuse); "yaml" is OmegaConf.to_yaml of
it; "error" stands instead of both when OmegaConf refuses, "message" is the text we promise to give
too. Run from the root of the tree with the packages of tests/oracle/requirements.txt.
"""
import io
import json
import os
import random
import re
import warnings

import omegaconf
import yaml
from omegaconf import OmegaConf
from omegaconf._utils import get_omega_conf_dumper

OUT = os.path.join("tests", "golden", "config")

SCALARS = """
a yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE y Y n N tRUE
~ null Null NULL nULL 0 -0 +1 -1 12 1_000 1__0 _1 1_ 0_ 00 017 -017 08 09 0o17 0x1F 0xff_f 0X1F 0b11 0b12
9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809
0xffffffffffffffffff 123456789012345678901234567890 1:30 -1:30 1:60 0:30 1:5:7 1_0:30 1:30.5 1:30.
190:20:30.15 12: 1.5 -1.5 +1.5 1. 1._ .5 -.5 +.5 ._5 1_0.5 1__0.5 1e3 1e-3 1E+3 1.e5 1.5e 1.5e5 1.5e+5
.5e5 .5e+5 .5e-5 1_0e5 1__0e5 1e400 -1e400 1e-400 .inf -.inf +.inf .Inf .INF .iNF .nan .NaN .NAN -.nan inf
nan NaN 2020-01-01 2020-01-01T10:00:00 2020-1-1 ??? a:b a:b:c a?b http://x.y/z C:\\x ${a} $a \\${a}
x${a}y --- ... -a -1a a- ?a :a é 日本 😀 % @ ` %a @a `a & * ! | > # #a a#b = << '1' "1" 'null' "yes" ''
"" 'it''s' "a\\tb\\u00e9\\x41\\n" "\\q" ${a ${a.b ${} ${a:b} ${.a} ${a[0]} ${a b}
"!!str 1" "!!int '12'" "!!int x" "!!float 1" "!!float x" "!!bool 'yes'" "!!bool 1" "!!null x"
"!foo x" "! 12" "! '12'" "!!binary aGk=" "!!timestamp 2020-01-01" "!!python/object:x y"
""".split(" ")
SCALARS = [s.strip('"') if s.startswith('"!') else s for s in re.findall(r'"!+[^"]*"|[^\s]+', " ".join(SCALARS))]

# Left out: a tab after ":" and "!!str," in flow context, which libyaml reads and PyYAML does not;
# "[a:]", which is the other way round; and "\\0", which our strings cannot hold.
DOCUMENTS = [
    "", "\n", "# only a comment\n", "null", "~", "abc", "'a: 1'", '"abc"', "12", "true", "[]", "{}",
    "[1, 2]", "- 1\n- 2\n", "a: 1\n---\nb: 2\n", "---\na: 1\n", "---\na: 1\n...\n", "a: 1\n...\n---\n",
    "a: 1\na: 2\n", "a: 1\nb: {c: 1, c: 2}\n", "1: a\n1: b\n", "1: a\n'1': b\n", "true: a\nTrue: b\n",
    "'a': 1\na: 2\n", "a: &x 1\nb: *x\n", "a: *x\n", "a: &x 1\nb: &x 2\n", "a: &x [*x]\n",
    "a: &x {b: *x}\n", "a: &x {b: 1}\nc: *x\n", "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n",
    "a: &x {b: 1, e: 5}\nc:\n  d: 2\n  b: 3\n  <<: *x\n",
    "a: &x {b: 1}\ny: &y {b: 2, c: 3}\nc:\n  <<: [*x, *y]\n  d: 2\n", "c:\n  <<: 5\n", "c:\n  <<: [1]\n",
    "c:\n  <<: {a: 1}\n  <<: {b: 2}\n", "c:\n  <<: []\n", "'<<': 1\n", "c: <<\n", "c: =\n", "=: 1\n",
    "a: &x {b: 1}\nc: &y\n  <<: *x\n  d: 2\ne:\n  <<: *y\n  f: 3\n",
    "? a\n: b\n", "? [a]\n: b\n", "? {a: b}\n: c\n", ": a\n", "null: a\n", "~: a\n", "1.5: a\n",
    "1e-5: a\n", "0x10: a\n", "yes: a\n", ".nan: a\n", "a:\n", "a: \nb:\n  c:\n", "a:\n- 1\n- 2\n",
    "a:\n  - 1\n  - b: 2\n    c: 3\n", "a: [1, ???]\n", "a: [${x}]\n", "a: ['${x}', \"???\"]\n",
    "a: [a?b]\n", "a: {b: c?}\n", "a: [1, [2, {b: 3}]]\n", "a: {b: [], c: {}}\n", "a: [b: 1, c]\n",
    "a: {b, c}\n", "a: [1,]\n", "a: [,]\n", "a: {b: 1,}\n", "a: [1\n", "a: {b\n", "a: 'b\n", "a: b: c\n",
    "a: |\n  x\n  y\n", "a: |-\n  x\n\n  y\n\n", "a: >\n  x\n  y\n\n  z\n", "a: |+\n  x\n\n", "a: |2\n   x\n",
    "a: x\n  y\n", "a: 'x\n  y\n\n  z'\n", 'a: "x\\\n  y"\n', "a: x # c\n", "a: x# c\n", "\ta: x\n",
    "a:\n\tb: 1\n", "a: 1\n b: 2\n", "a:\n  b: 1\n c: 2\n", "- a\nb: 1\n", "a: 1\n- b\n", "%YAML 1.1\n---\na: 1\n",
    "%YAML 2.0\n---\na: 1\n", "a: &x\nb: *x\n", "&x a: 1\nb: *x\n", "a: !!map {b: 1}\n", "a: !!seq [1]\n",
    "a: !!set {b}\n", "a: !x [1]\n", "\ufeffa: 1\n", "a: \x07\n", "a: \x85b\n", "a: b\rc: d\r", "a: 1\r\nb: 2\r\n",
    "# @package _global_\na: 1\n", "a: 'x'  \nb:   y   \n", "${a}: 1\n", "? ${a}\n: 1\n",
    "a: [" * 50 + "]" * 50, "- " * 60 + "a\n", "key with spaces: v\n", "'quoted key': v\n", "a.b: 1\n",
    "a: [0x10, 1e3, yes, ~, 'x']\n", "defaults:\n  - base\n  - override hydra/x: y\n  - _self_\n",
    "k: " + "x" * 300 + "\n", "x" * 130 + ": 1\n", "a: '" + "word " * 40 + "'\n",
]

PIECES = """a word longer-word - ? : # ' " \\ [ ] { } , & * ! | > % @ ` = ~ << 0 1 12 1.5 1e5 1_0 . ... --- .inf inf
nan Infinity true yes y n on null 2020-01-01 0x1f 017 1:30 + e é 日本 😀 ${x} ??? _""".split()
PIECES += [" ", "  ", "\n", "\n\n", ": ", " #", "- ", "? ", "\t", "\r", "\x85", "\u2028", "\u2029", "\ufeff",
           "\xa0", "\x07", "\x1b", "\x7f", "\u200b", "\ue000", "\ufffe", "\U0010ffff", "\u0663", "\uff11",
           "\u3000", "x" * 30, "y " * 20]

STRINGS = [
    "", " ", "a", " a", "a ", "a b", "a: b", "a:", ":a", "a :b", "a #b", "a#b", "#a", "- a", "-a", "-", "--", "---",
    "--- a", "...", "? a", "?a", "?", "'", "''", '"', "it's", 'say "x"', "'a'", '"a"', "[a", "{a", "a]", "a}", "a,b",
    ",a", "&a", "*a", "!a", "|a", ">a", "%a", "@a", "`a", "=", "<<", "~", "null", "Null", "nULL", "true", "yes", "y",
    "N", "on", "1", "-1", "+1", "1_0", "_1", " 1", "1 ", "1.5", ".5", "1.", "1e5", "1e", "inf", "-inf", "nan",
    "Infinity", ".inf", ".nan", "0x1F", "0o17", "017", "08", "1:30", "1:60", "1:30.5", "2020-01-01", "2020-1-1",
    "2020-01-01 10:00:00", "2020-1-1T1:00:00Z", "2020-01-01 10:00:00.5 +1:30", "???", "${a}", "x ${a.b}", "\n", "a\n",
    "\na", "a\nb", "a\n\nb", "a \nb", "a\n b", "a\tb", "\t", "a\rb", "a\x85b", "a\u2028b", "\ufeff", "a\ufeffb", "é",
    "日本語", "😀", "a\x00"[:1], "\x07", "\x1b[0m", "\x7f", "\xa0", "\u200b", "\ud7ff", "\ue000", "\uffff", "\u0663",
    "\uff11.\uff15", "\u30001", "a" * 200, "word " * 40, "word  " * 40, "it's " * 40, 'say "x" ' * 30, "é\t" * 60,
    "😀 \x07" * 30, "a: b " * 30, ("w" * 79) + " x", ("w" * 80) + " x", ("w" * 81) + " x y", ("w" * 81) + "  x",
    "line one is long " * 8 + "\nsecond " * 12, "x" * 122, "x" * 123, "x" * 124, "\\", "\\n", "a\\ b\x07c", "C:\\x",
    "key=value", "a=b", "http://x.y:80/z?a=b#c", "/path/to/file", "~/x", "a?b", "100%", "user@host", "`x`", "<a>", "(a)",
]

NUMBERS = [0, 1, -1, 10**18, -(2**63), 2**63 - 1, 0.0, -0.0, 0.1, 1.5, 1e-4, 1e-5, 1.5e-7, 1e15, 1e16, 1.5e16, 1e22,
           1e300, 5e-324, 1 / 3, 100.0, 123456789012345680.0, float("inf"), float("-inf"), float("nan"), True, False,
           None]

TREES = [
    {}, [], {"a": {}}, {"a": []}, [[]], [{}], [[], {}], {"a": [1, 2]}, {"a": [[1, 2], [3]]}, {"a": [{"b": 1, "c": [2]}]},
    [{"a": 1}, {"b": 2}], [[[1]]], {"a": {"b": {"c": 1}}}, {"a": [{"b": {"c": [{}]}}]}, {1: "a", 1.5: "b", True: "c"},
    {"": 1}, {"a\nb": 1}, {"a\nb": [1, {"c": 2}]}, {"x" * 122: 1}, {"x" * 123: 1}, {"x" * 130: [1, 2]},
    {"x" * 130: {"y" * 130: {"z": 1}}}, {"word " * 30: {"a": 1}}, {"a: b": 1, "# c": 2, "'": 3, "yes": 4, "1": 5},
    {"1e-5": 1, "null": 2, "~": 3, "=": 4, "<<": 5, "${a}": 6}, {1e-5: 1, float("inf"): 2}, {10**20: 10**30},
    {"é": {"日本": ["😀"]}},
]

BASE = """a: 1
b: a
c:
  a: 2
  b: [x, 5]
  d: {e: "q'"}
  r: ${.a}
  up: ${..a}
l: [10, b, null]
n: null
m: "???"
t: true
f: 1e-5
i: {1: one, k: true}
self: ${self}
p: ${q}
q: ${p}
tomissing: ${m}
"""

INTERPOLATIONS = """
${a} ${c} ${l} ${n} ${t} ${f} ${c.a} ${c.b} ${c.b[0]} ${c.b.1} ${c[b][1]} ${[c].a} ${[c][b].0} ${c.d.e} ${ a } ${c.r}
${c.up} ${.a} ${..a} ${...a} ${x.a} ${c.x} ${c.a.x} ${n.x} ${l.x} ${l[3]} ${l[-1]} ${l.-1} ${i.1} ${i.k} ${m}
${m.x} ${self} ${p} ${tomissing} ${v} ${v.x} ${c.${b}} ${c.${n}} ${c.${a}} ${${b}} ${.${b}} ${c[${b}]} ${${b}x} x${a}
${a}x ${a}${a} ${n}${t}${f} x${c} x${l} x${i} \\${a} \\\\${a} \\\\\\${a} x\\${a}y \\a $a $ a$ $${a} {a} } ${a}} ${ ${}
${a ${a.} ${.} ${..} ${a..b} ${a b} ${a[} ${a[b} ${a]} ${[a} ${a[]} ${a,b} ${é} ${a-b} ${a/b} ${'a'} ${(a)}
${oc.env:FB_TEST_SET} ${oc.env:FB_TEST_UNSET} ${oc.env:FB_TEST_UNSET,12} ${oc.env:FB_TEST_UNSET,null}
${oc.env:FB_TEST_UNSET,'null'} ${oc.env:FB_TEST_UNSET,true} ${oc.env:FB_TEST_UNSET,1e3} ${oc.env:FB_TEST_UNSET,a·b}
${oc.env:FB_TEST_UNSET,${a}} ${oc.env:FB_TEST_UNSET,${c}} ${oc.env:FB_TEST_UNSET,[1,x,null]}
${oc.env:FB_TEST_UNSET,{x:1,y:[]}} ${oc.env:FB_TEST_UNSET,} ${oc.env:FB_TEST_UNSET,,} ${oc.env:FB_TEST_UNSET,a/b.c}
${oc.env:FB_TEST_UNSET,'a·b,·c'} ${oc.env:FB_TEST_UNSET,"x·${a}"} ${oc.env:FB_TEST_UNSET,'\\'q\\''}
${oc.env:FB_TEST_UNSET,a\\,b} ${oc.env:FB_TEST_UNSET,\\{a\\}} ${oc.env:FB_TEST_UNSET,'\\\\'} ${oc.env:FB_TEST_UNSET,'\\${a}'}
${oc.env:FB_TEST_UNSET,·x·} ${oc.env:FB_TEST_UNSET·,·x} ${oc.env:·FB_TEST_SET·} ${oc.env·:FB_TEST_SET}
${oc.env:FB_TEST_UNSET,'a'b} ${oc.env:FB_TEST_UNSET,a'b'} ${oc.env:FB_TEST_UNSET,'a} ${oc.env:FB_TEST_UNSET,a=b}
${oc.env:FB_TEST_UNSET,(a)} ${oc.env:FB_TEST_UNSET,é} ${oc.env:FB_TEST_UNSET,'é'} ${oc.env:FB_TEST_UNSET,a:b}
${oc.env:FB_TEST_UNSET,C:\\x} ${oc.env:FB_TEST_UNSET,[a} ${oc.env:FB_TEST_UNSET,{a}} ${oc.env:FB_TEST_UNSET,{a:1,}}
${oc.env:5} ${oc.env:null} ${oc.env:} ${oc.env:a,b,c} ${oc.env} x${oc.env:FB_TEST_SET}y
${oc.decode:1} ${oc.decode:null} ${oc.decode:'1'} ${oc.decode:'1.5'} ${oc.decode:'1e3'} ${oc.decode:'.5'} ${oc.decode:'1.'}
${oc.decode:'inf'} ${oc.decode:'-inf'} ${oc.decode:'nan'} ${oc.decode:'1_0'} ${oc.decode:'1__0'} ${oc.decode:'007'}
${oc.decode:'0x1F'} ${oc.decode:'null'} ${oc.decode:'NULL'} ${oc.decode:'True'} ${oc.decode:'tRuE'} ${oc.decode:'yes'}
${oc.decode:'+1'} ${oc.decode:'-0'} ${oc.decode:'123456789012345678901'} ${oc.decode:'[1,·2]'} ${oc.decode:'{x:·1,·2:·y}'}
${oc.decode:'[a,·[b],·{c:·[]}]'} ${oc.decode:'a·b'} ${oc.decode:'·a'} ${oc.decode:'a·'} ${oc.decode:''} ${oc.decode:'1,2'}
${oc.decode:'${a}'} ${oc.decode:'{x:·${c.b}}'} ${oc.decode:'\\'x\\''} ${oc.decode:'a\\,b'} ${oc.decode:'\\a'} ${oc.decode:'a:b'}
${oc.decode:'{true:·1,·null:·2}'} ${oc.decode:'{\\'a\\':·1}'} ${oc.decode:'"x·${a}"'} ${oc.decode:'+'} ${oc.decode:'1e5x'}
${oc.select:a} ${oc.select:x} ${oc.select:x,5} ${oc.select:m,5} ${oc.select:m} ${oc.select:c.x,${b}} ${oc.select:c.a.x,5}
${oc.select:n.x,5} ${oc.select:m.x,5} ${oc.select:.a} ${oc.select:..a,5} ${oc.select:l.x,5} ${oc.select:l.0} ${oc.select:l.9,z}
${oc.select:a.,5} ${oc.select:c.a.} ${a.}
${oc.select:'c[b][0]'} ${oc.select:c} ${oc.select:c.r} ${oc.select:1} ${oc.select:tomissing,5}
${oc.create:[1,2]} ${oc.create:{x:1}} ${oc.create:[]} ${oc.create:{}} ${oc.create:null} ${oc.create:5} ${oc.create:'x:·[1,·y]'}
${oc.create:'x:·${a}'} ${oc.create:'abc'} ${oc.create:''} ${oc.create:${c}} ${oc.create:[${c.b},${a}]} ${oc.create:[,1,]}
${oc.dict.keys:c} ${oc.dict.keys:i} ${oc.dict.keys:x} ${oc.dict.keys:l} ${oc.dict.keys:5} ${oc.dict.keys:.c} ${oc.dict.values:c}
${oc.dict.values:c.d} ${oc.dict.values:.c} ${oc.dict.values:x} ${oc.dict.values:n} ${oc.deprecated:a} ${oc.deprecated:c}
${oc.deprecated:x} ${oc.deprecated:a,'$OLD_KEY·->·$NEW_KEY'} ${oc.deprecated:5} ${nosuch:1} ${nosuch:} ${oc.nosuch:a}
${oc.${b}:1} ${oc.env:${oc.env:FB_TEST_UNSET,FB_TEST_SET}} ${now} ${1:a} ${a.:b} ${.a:b} ${[a]:b}
"""

PROMISED = re.compile(
    r"(Interpolation key '[^']*' not found|Recursive interpolation detected|Interpolation to parent node detected"
    r"|Missing mandatory value: [\w.]+|Unsupported interpolation type [\w.]+|Error resolving key '[^']*'"
    r"|Environment variable '[^']*' not found|Error trying to access [\w.]+|Key not found: '[^']*')")


def plain(x):
    """The container without configuration objects, which survive inside arguments of resolvers."""
    if OmegaConf.is_config(x):
        return plain(OmegaConf.to_container(x, resolve=True))
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return x


def attempt(case, make):
    try:
        case.update(make())
    except RecursionError:
        case["error"] = "RecursionError"
    except Exception as e:  # every refusal of the reference is a case
        case["error"] = type(e).__name__
        promised = PROMISED.search(str(e))
        if promised and type(e).__name__.startswith(("Interp", "Unsupp")):
            case["message"] = promised.group(0)
    return case


def parse_case(text):
    def make():
        cfg = OmegaConf.load(io.StringIO(text))
        return {"data": json.dumps(OmegaConf.to_container(cfg)), "yaml": OmegaConf.to_yaml(cfg)}
    return attempt({"in": text}, make)


def print_case(data):
    text = yaml.dump(data, default_flow_style=False, allow_unicode=True, sort_keys=False,
                     Dumper=get_omega_conf_dumper())
    return {"data": json.dumps(data), "yaml": text}


def interp_case(text):
    quoted = text.replace("'", "''")
    whole = BASE + "v: '" + quoted + "'\n"

    def make():
        cfg = OmegaConf.load(io.StringIO(whole))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {"data": json.dumps(plain(cfg["v"]))}
    return attempt({"in": text}, make)


def random_documents(r, count):
    words = [s for s in SCALARS if not s.startswith(("!", "%", "@", "`", "&", "*"))]
    out = []
    while len(out) < count:
        lines = []
        for _ in range(r.randint(1, 6)):
            lines.append(" " * r.choice([0, 0, 0, 2, 2, 4]) + r.choice(["", "- ", "- ", "k%d: " % r.randint(0, 2)])
                         + r.choice(["", r.choice(words), "x"]) + r.choice(["", "", ": "]) + r.choice(["", r.choice(words)]))
        out.append("\n".join(lines) + "\n")
    return out


def random_string(r):
    k = r.random()
    if k < 0.6:
        return "".join(r.choice(PIECES) for _ in range(r.randint(1, 6)))
    if k < 0.8:
        return " ".join(r.choice(PIECES) for _ in range(r.randint(5, 30)))
    return "".join(r.choice("0123456789.:-+_eE xTZob ") for _ in range(r.randint(1, 9)))


def random_tree(r, depth=0):
    k = r.random()
    if depth < 4 and k < 0.25:
        return [random_tree(r, depth + 1) for _ in range(r.randint(0, 3))]
    if depth < 4 and k < 0.55:
        return {random_string(r): random_tree(r, depth + 1) for _ in range(r.randint(0, 3))}
    return random_string(r) if k < 0.9 else r.choice([n for n in NUMBERS if n == n and abs(n or 0) < 1e301])


def write(name, cases):
    path = os.path.join(OUT, name + ".json")
    with open(path, "w", encoding="ascii") as f:
        f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    refused = sum("error" in c for c in cases)
    print(f"{path}: {len(cases)} cases, {refused} refused, {os.path.getsize(path)} bytes")


def main():
    assert omegaconf.__version__ == "2.3.0", omegaconf.__version__
    os.environ["FB_TEST_SET"] = "va lue"
    os.environ.pop("FB_TEST_UNSET", None)
    os.makedirs(OUT, exist_ok=True)
    r = random.Random(1)
    texts = ["k: " + s + "\n" for s in SCALARS] + [s + ": v\n" for s in SCALARS[::3]] + DOCUMENTS
    write("parse", [parse_case(t) for t in texts + random_documents(r, 150)])
    trees = [{"k": s} for s in STRINGS] + [{s: "v"} for s in STRINGS[::2]] + [[s] for s in STRINGS[::3]]
    trees += [{"k": n} for n in NUMBERS] + TREES + [{"k": random_tree(r)} for _ in range(200)] + STRINGS[::9] + NUMBERS[::4]
    write("print", [print_case(t) for t in trees])
    cases = [interp_case(t.replace("·", " ")) for t in INTERPOLATIONS.split()]
    write("interp", [{"base": BASE}] + cases)


if __name__ == "__main__":
    main()
