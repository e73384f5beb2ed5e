"""Goldens of override parsing and composition, made by hydra-core and omegaconf.

Writes tests/golden/compose/: trees/<tree>/**.yaml, overrides.jsonl (one override a line) and
cases.jsonl (one command line a line). Run from the repository root with the packages of
tests/oracle/requirements.txt.
"""

import io
import json
import math
import os
import shutil
import sys
import warnings

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep, Glob, IntervalSweep, Override, OverrideType, RangeSweep)
from omegaconf import Container, OmegaConf

warnings.filterwarnings("ignore")
HERE = "tests/golden/compose"

VALUES = r"""
null NULL Null nul true TRUE tRuE false False truex 0 1 -1 +1 10 1_000 1__0 007 00 0x1F 12a 1_ _1 -0 +0
1.0 .5 -.5 +.5 1. 1e5 1E5 1e-4 1.5e+3 1e 1e+ .e5 1_0.5 1.2.3 1._5 inf -inf +inf Inf INF nan NaN -nan info nano
-info infinity 1e400 123456789012345678901234567890 9223372036854775807 9223372036854775808 -9223372036854775808
abc a-b a_b _a -a a.b a/b a\b a+b a$b a%b a*b a@b a?b a|b a:b a:b:c : :: /abs/path ./rel ../up ~/home
http://x.y:80/z gs://b/c C:\dir ??? a???  a# a! a^ a& a; a< a> a` a"b a'b 'a' "a" 'a"b' "a'b" 'a\'b' "a\"b" 'a\\' 'a\\\'b'
'a\b' '' "" ''' '''' 'a 'a' ' '\' '\\' 'null' '1' 'true' '${a}' 'é' é a\,b a\=b a\:b a\[b\] a\{b\} a\(b\) a\\b a\\,b a\nb \  \\ \, \=
${a} ${a.b} ${a} ${.a} ${..a.b} ${a}_x x${a} ${a}${b} ${oc.env:HOME} ${oc.env:HOME,x} ${a ${} $ $a ${a:b,c} a${b
[] [1] [1,2] [1, 2] [a] [a,b] [[1],[2,3]] [[]] [1,] [,] [,1] [1 [1]] ] [a b] [null] [true,1.0,x] ['a','b'] ["a, b",c] [{}] [{a:1}] [a:b]
{} {a:1} {a: 1} {a:1,b:2} {a:{b:{c:1}}} {a:[1,2]} {a:} {:1} {a} {a:1,} {,} {a:1 {1:x} {1.5:x} {true:x} {a b:1} {'a':1}
{a:1,a:2} {a:b:c} {a\:b:1} {${a}:1} {a:${b}} {a-b:1} {a.b:1} {a/b:1} {-1:x}
a,b 1,2 1,a a,b,c [1],[2] {a:1},{b:2} 'a','b' 'a,b' a, ,a , a,,b a\,b,c ${a},${b} null,1 true,false
choice(a,b) choice(1) choice(1,2,3) choice('a','b') choice([1],[2]) choice() choice(choice(a,b)) choice(a,choice(b,c)) choice (a,b) choice(a,b),c
choice(a=1) choice({a:1},{b:2})
range(3) range(1,4) range(0,10,3) range(5,0,-2) range(start=1,stop=4) range(stop=3,start=1) range(1,4,step=2) range(a) range() range(1,2,3,4) range('1')
range(0,1.1,0.1) range(0,1,0.1) range(0.1,1,0.1) range(1,0,-0.1) range(-0.3,0.4,0.1) range(0.3,0.9,0.2) range(0,0.7,0.07)
range(1e16,10000000000000010,3) range(9007199254740993,9007199254740999.0,2) range(1e-7,1e-6,3e-7) range(-0.0,1) range(0.1,1e300,1e299)
range(1,1.0000000000000009,2.220446049250313e-16) range(1e22,1.0000000000000005e22,0.7e6) range(5e-324,3e-323,5e-324) range(0.5,-0.5,-0.1)
sort(range(1.1,0,-0.1)) range(0,1,0.25) range(1.0,3.0) range(2.5) range(1,0) range(0.5,2,0.5)
sort(3,1,2) sort([3,1,2]) sort(choice(b,a)) sort(choice(b,a),reverse=true) sort(3,1,2,reverse=true) sort([3,1,2],reverse=true) sort(a) sort() sort(1,a) sort(range(5,0,-1)) sort(range(0,4),reverse=true)
sort(1.5,1,true)
int(3.7) int('12') int(a) int(true) int(3.7,2.1) int([1.5,2.5]) int({a:1.5}) int(choice(1.5,2.5)) int(range(0.0,3.0)) int(null) int() int(1e400)
float(1) float('1.5') float(true) float(x) float([1,2]) float(choice(1,2)) float(inf) float('nan') float(range(0,3)) float(1,2)
str(1) str(1.0) str(true) str([1,2]) str({a:1}) str(choice(1,2)) str(null) str('a b') str(1,2) str(1e-7)
bool(1) bool(0) bool(true) bool('true') bool(x) bool(0.0) bool([1,0]) bool(choice(1,0)) bool(False)
glob(*) glob([a*,b*]) glob(*,exclude=a*) glob(include=a,exclude=[b,c]) glob() glob(1)
tag(choice(a,b)) tag(t,choice(a,b)) tag(t,a) tag()
foo(1) foo() x(1)y int(1)x [int(1.5)] {a:int(2.5)} [int(1),str(2)] f( ) json_str(1)
(a) a(b a) a) () a=b a==b = == a=b,c 'a'b b'a' "a""b" 'a','b
1,2,3 0.1,0.2 a/b,c/d fisher_merging/gpt2_fisher_merging google/flan-t5-base outputs/x_0.3.json {log_dir}/x '{log_dir}/x' \{log_dir\}/x
2026-11-22 12:30 1:30 on off yes no 1e-6 2e3 1_000.5 +1_0 -1_0 1e1_0 .5_0 ._5 0_1 0.0 -0.0 00.5 0e0 1e05 a1 1a 1.a a.1
""".split()
SPACED = [
    "a b", "a  b", " a", "a ", " a b ", "a , b", "a ,b", "[ 1 , 2 ]", "[1 ,2]", "[ ]", "{ a : 1 , b : 2 }",
    "{ }", "{a :1}", "'a b'", " 'a'", "'a' ", "a 'b'", "'a' b", "1 ", " 1", "1 2", "true ", " null ", "null null",
    " ", "  ", "choice( a , b )", "choice (a, b)", "choice ( a , b )", "a:b c", "a : b", ": a", "a :", "a\\ b",
    "a\\ ", "\\ a", "[a b, c d]", "{a b: c d}", "{a: b c}", "[ 'a b' ]", "[ 'a b' , c ]", "a, b", "1 , 2", "${a} ", "${a} b",
    "x = y", "a\tb", "[1,\t2]", "a\\\tb", "'a\tb'", "'a\nb'", "a\nb", "[[ 1 ] , [ 2 ]]", "{a: [ 1 , 2 ] }", "-  1", "a -1", "'it''s'",
    '"a" "b"', "range( 1 , 3 )", "range(start = 1, stop = 3)", "choice('a b', c)", "sort( 2 , 1 )", "int( 1.5 )", "1. ", "[a,\n b]",
]
KEYS = [
    "a", "a.b", "a.b.c", "a.0", "a.0.b", "a.10.b", "a.00", "a.01", "a.1_0", "a.-1", "a[0]", "a.[0]", "0", "0.a", "1.2", "_a",
    "a-b", "a_b", "-a", "$a", "a$b", "a.$b", "a/b", "a/b/c", "a/b.c", "a.b/c", "a//b", "/a", "a/", "a.", ".a", "a..b",
    "a@b", "a@b.c", "a@", "@b", "a@b@c", "a@b:c", "a/b@c", "a/b@c.d", "a@_global_", "a@_group_", "a@_here_", "a@b/c", "a:b", "a b",
    " a", "a ", "é", "a+b", "+a", "++a", "+++a", "~a", "~~a", "+~a", "~+a", "~a.b", "~a@b", "~/a", "+a/b", "++a/b@c", "+a@b", "hydra/launcher",
    "hydra.run.dir", "a,b", "a'b", "a\\b", "a$", "$", "$a.b", "a%b", "1a", "a1", "a.1a", "a.b-c", "a.b.0.c.1", "", "a*", "null", "true", "1e5", "inf",
]
BARE = ["a", "~a", "~a.b", "~a@b", "+a", "++a", "~", "+", "", "=", "~=", "+=", "a=", "a= ", "+a=", "~a=", "++a=", "a@b=", "@=", "a==", "a=b=", "~a=1,2", "~a=b"]


def as_json(value):
    return json.dumps(value)


def describe(parser, text):
    try:
        o = parser.parse_overrides([text])[0]
        out = {"text": text, "kind": o.type.name, "key": o.key_or_group, "package": o.package}
        v = o._value
        if isinstance(v, IntervalSweep) or getattr(v, "shuffle", False):
            return {"text": text, "error": "not supported here"}
        if isinstance(v, Glob):
            out.update(sweep="GLOB", value=as_json({"include": v.include, "exclude": v.exclude}))
        elif isinstance(v, ChoiceSweep):
            items = [Override._convert_value(x) for x in v.list]
            out.update(sweep="SIMPLE" if v.simple_form else "CHOICE", value=as_json(items))
        elif isinstance(v, RangeSweep):
            out.update(sweep="RANGE", value=as_json(list(v.range())))
        elif o.value_type is None:
            out.update(sweep="NONE", value=None)
        else:
            out.update(sweep="NONE", value=as_json(o.value()))
        return out
    except Exception as e:
        return {"text": text, "error": type(e).__name__}


def write_overrides():
    parser = OverridesParser.create()
    texts = ["k=" + v for v in VALUES + SPACED] + [k + "=1" for k in KEYS] + BARE
    with open(f"{HERE}/overrides.jsonl", "w") as f:
        for text in dict.fromkeys(texts):
            f.write(json.dumps(describe(parser, text)) + "\n")


TREES, CASES = {}, {}
exec(open(os.path.join(os.path.dirname(__file__), "config_trees.py")).read())


def write_trees():
    shutil.rmtree(f"{HERE}/trees", ignore_errors=True)
    for tree, files in TREES.items():
        for path, text in files.items():
            full = f"{HERE}/trees/{tree}/{path}"
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w") as f:
                f.write(text.lstrip("\n"))


def run(tree, args):
    """What the program prints for --cfg, as hydra's own show_cfg computes it."""
    flags = get_args_parser().parse_args(args)
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None
    with initialize_config_dir(os.path.abspath(f"{HERE}/trees/{tree}"), job_name="fusion_bench",
                               version_base=None):
        cfg = compose(flags.config_name or "config", flags.overrides, return_hydra_config=True)
    OmegaConf.set_readonly(cfg.hydra, None)
    HydraConfig.instance().set_config(cfg)
    # Untyped, so that Hydra's own node can be cut; interpolations stay.
    cfg = OmegaConf.create(OmegaConf.to_container(cfg, resolve=False))
    what = flags.cfg or "job"
    if what == "job":
        del cfg["hydra"]
    else:
        for key in "help", "hydra_help":
            del cfg.hydra[key]
        if what == "hydra":
            cfg = OmegaConf.create({"hydra": cfg.hydra})
    package = None if flags.package == "_global_" else flags.package
    node = cfg if package is None else OmegaConf.select(cfg, package)
    if node is None:
        raise KeyError(f"package '{package}' not found in config")
    if not isinstance(node, Container):
        return f"{node}\n"
    if flags.resolve:
        OmegaConf.resolve(node)
    return (f"# @package {package}\n" if package else "") + OmegaConf.to_yaml(node)


# What Hydra refuses and the program takes on purpose: it means the same as the other arguments.
KINDNESSES = {"taskpool=null": "~taskpool"}


def write_cases():
    os.environ["FB_GOLDEN_SET"] = "12"
    os.environ.pop("FB_GOLDEN_UNSET", None)
    with open(f"{HERE}/cases.jsonl", "w") as f:
        for tree, lines in CASES.items():
            for args in lines:
                names = []
                if isinstance(args, tuple):
                    args, names = args[0], list(args[1:])
                if isinstance(args, str):
                    args = args.split()
                case = {"tree": tree, "args": args}
                try:
                    case["out"] = run(tree, args)
                except SystemExit:
                    raise
                except Exception as e:
                    case["error"] = type(e).__name__ + ": " + str(e).split("\n")[0].replace(os.getcwd() + "/", "")[:160]
                    case["names"] = names
                    if " ".join(args) in KINDNESSES:
                        case["same_as"] = KINDNESSES[" ".join(args)].split()
                f.write(json.dumps(case) + "\n")


if __name__ == "__main__":
    os.makedirs(HERE, exist_ok=True)
    write_overrides()
    write_trees()
    write_cases()
