# The trees and command lines of config_compose.py. A command line is a string of words, a list of
# words, or (either, words that our message must hold...) where Hydra fails.
TREES["basic"] = {
    "config.yaml": """
defaults:
  - db: mysql
  - server: apache
  - _self_
name: basic
debug: false
count: 3
""",
    "db/mysql.yaml": "driver: mysql\nuser: root\nport: 3306\noptions: {a: 1, b: [1, 2]}\n",
    "db/postgres.yaml": "driver: postgres\nuser: pg\ntimeout: 10\n",
    "db/sub/nested.yaml": "driver: nested\n",
    "server/apache.yaml": "defaults:\n  - sec: low\n  - _self_\nhost: a\nport: 80\n",
    "server/nginx.yaml": "defaults:\n  - _self_\n  - sec: high\nhost: n\nport: 81\nlevel: 0\n",
    "server/sec/low.yaml": "level: 1\n",
    "server/sec/high.yaml": "level: 9\nextra: true\n",
    "extra/one.yaml": "x: 1\n",
    "extra/two.yaml": "x: 2\ny: 3\n",
    "plain.yaml": "a: 1\nb: {c: 2}\n",
    "only_defaults.yaml": "defaults:\n  - db: postgres\n",
    "no_self.yaml": "defaults:\n  - db: mysql\ndb: {user: me}\n",
    "self_first.yaml": "defaults:\n  - _self_\n  - db: mysql\ndb: {user: me, new: 1}\n",
    "empty.yaml": "",
    "comments.yaml": "# nothing\n# here\n",
    "sub/inner.yaml": "z: 1\n",
    "sub/with.yaml": "defaults:\n  - inner\n  - /db: mysql\n  - _self_\nw: 2\n",
}
CASES["basic"] = [
    "", "name=x", "count=4 debug=true", "db=postgres", "server=nginx", "server=nginx server/sec=low",
    "server/sec=high", "db=postgres db.user=me", "db.user=me db=postgres", "db=mysql db=postgres",
    "+extra=one", "+extra=[one,two]", "extra=one", "++extra=one", "+extra=two +extra=one", "+extra=nope",
    "~db", "~db=mysql", "~db=postgres", "~server", "~extra", "~nope", "~server/sec", "~db db=postgres",
    "db=[mysql,postgres]", "db=[postgres,mysql]", "db=[]", "db=[nope]", "db=null", "db=1", "db=true", "db=1.5",
    ["db={user: x}"], ["db={nope: x}"], ["+db={nope: x}"], ["~db={user: x}"], "db='mysql'", "db=mysql.yaml", "db=sub/nested", "db/sub=nested", "+db/sub=nested",
    "db@other=mysql", "+db@other=mysql", "+db@other=mysql +db@third.deep=postgres", "db@db=postgres", "+db@_global_=mysql", "+db@=mysql",
    "db@other=mysql db@x=mysql", "~db@other", "+extra@db=two", "+extra@=one", "+server/sec@deep.er=high", "server@s=nginx",
    "db.options.a=5", ["db.options={a: 7}"], ["db.options={q: 7}"], ["+db.options={q: 7}"], "db.options.b=[]", "db.options.b.0=9", "db.options.b.2=9",
    "db.options.b=[1,2,3]", "~db.options", "~db.options.b", "~db.options.b.0", "db.options=[1]", "db.options=3", "db.options=null",
    "+db.new=1", "+db.user=1", "++db.user=1", "+new.deep.key=1", "++new.deep.key=1", "new.deep.key=1", "+nosuch=x", "+x/y=1", "x/y=1", "~x/y",
    "db.user=", "db.user=a,b", "db.user=[a,b]", "db.user='a,b'", "db.user=\\${name}", "db.user=${name}", "db.user=${nope}",
    "=1", "+=1", "~", "db.=1", "name", "name=x name=y", "a", "hydra.run.dir=x", "hydra.nope=1", "+hydra.job.env_set.X=1",
    (["nam=x"], "nam", "did you mean 'name'"), (["db.usr=x"], "db.usr", "did you mean 'user'", "+db.usr=x"),
    (["db=mysq"], "mysql", "postgres"), (["extra=one"], "extra", "+extra=one"), (["++extra=one"], "++"), (["+db=postgres"], "db=postgres", "without '+'"),
    (["db.user=a,b"], "ambiguous", "[", "--multirun"), (["name=choice(a,b)"], "--multirun"), (["+count=5"], "count", "++count=5"),
    (["db@nope=mysql"], "db@nope", "did you mean to override db"), (["nogroup@p=x"], "nogroup"),
    (["name=a=b"], "=", "column 7"), (["name=[a"], "name=[a"), (["db.options.b.7=1"], "7", "2 items"), (["~name=other"], "basic", "other"),
    "--config-name plain", "--config-name plain a=2 b.c=3", "--config-name plain.yaml", "--config-name plain db=mysql", "--config-name plain +db=mysql", "--config-name plain +db=mysql +server=nginx +server/sec=low",
    "--config-name only_defaults", "--config-name no_self", "--config-name self_first", "--config-name empty", "--config-name comments", "--config-name empty +db=mysql",
    "--config-name empty +a=1", "--config-name sub/inner", "--config-name sub/with", "--config-name sub/with z=3", "--config-name sub/with sub.z=3", "--config-name sub/with sub/db=postgres", "--config-name sub/with db@sub.db=postgres", (["--config-name", "nope"], "nope"),
    "--cfg job", "--cfg job -p db", "--cfg job -p db.options", "--cfg job -p db.user", "--cfg job -p db.options.b", "--cfg job -p db.options.b.1", "--cfg job -p nope", "--cfg job -p _global_", "--cfg job -p count", "--cfg job -p debug",
    "--cfg hydra -p hydra.job name=x db=postgres", "--cfg hydra -p hydra.overrides name=x db=postgres hydra.run.dir=z +extra=one", "--cfg all -p hydra.runtime.choices server=nginx +extra=[one,two]", "--cfg all -p hydra.job_logging",
    "--cfg all -p hydra.hydra_logging hydra/hydra_logging=none", "--cfg all -p hydra.job_logging hydra/job_logging=stdout", "--cfg all -p hydra.job_logging hydra/job_logging=disabled", "--cfg all -p hydra.hydra_logging hydra/hydra_logging=hydra_debug",
    "--cfg all -p hydra.run hydra.run.dir=out", "--cfg all -p hydra.sweep hydra.sweep.dir=s hydra.sweep.subdir=x", "--cfg all -p hydra.launcher", "--cfg all -p hydra.sweeper", "--cfg all -p hydra.env", "--cfg all -p hydra.callbacks", "--cfg all -p hydra.verbose hydra.verbose=true",
    "--cfg all -p hydra.job.config_name --config-name plain", "--cfg all -p hydra.job.override_dirname b.c=2 a=1 --config-name plain", "--cfg all -p hydra.runtime.choices ~db", "--cfg all -p hydra.output_subdir hydra.output_subdir=null", "--cfg all -p hydra.searchpath", "--cfg all -p hydra.mode",
    "--cfg all -p hydra.job.override_dirname hydra.job.config.override_dirname.kv_sep=_ hydra.job.config.override_dirname.item_sep=+ name=1 count=2", "--cfg all -p hydra.job.override_dirname hydra.job.config.override_dirname.exclude_keys=[name] name=1 count=2",
]
TREES["nested"] = {
    "config.yaml": """
defaults:
  - /top/a: x
  - b@first: one
  - b@second: two
  - c: [p, q]
  - optional d: missing
  - optional b@third: nope
  - e: null
  - plain_cfg
  - b/one@named
  - _self_
own: 1
first: {changed: true}
""",
    "top/a/x.yaml": "k: top-a-x\n",
    "top/a/y.yaml": "k: top-a-y\n",
    "b/one.yaml": "v: 1\nname: one\n",
    "b/two.yaml": "v: 2\nname: two\nmore: [1, 2]\n",
    "c/p.yaml": "p: 1\nboth: p\n",
    "c/q.yaml": "q: 2\nboth: q\n",
    "c/r.yaml": "r: 3\n",
    "d/real.yaml": "d: 1\n",
    "e/some.yaml": "defaults:\n  - /b@here: two\n  - /b/one@_here_\n  - ../b/one\nfrom: e\n",
    "e/abs.yaml": "defaults:\n  - /b@_global_.glob: two\n  - /b/one@_here_\n  - _self_\nfrom: e\n",
    "e/rel.yaml": "defaults:\n  - inner: i1\n  - inner@x.y: i2\n  - inner@_global_: i2\n  - _self_\nfrom: rel\n",
    "e/inner/i1.yaml": "i: 1\n",
    "e/inner/i2.yaml": "i: 2\n",
    "e/group.yaml": "defaults:\n  - /b@_group_: two\n  - inner@_group_.z: i2\nfrom: group\n",
    "plain_cfg.yaml": "plain: true\n",
    "over.yaml": "defaults:\n  - e: rel\n  - override e/inner: i2\n  - _self_\nz: 1\n",
    "over2.yaml": "defaults:\n  - config\n  - override top/a: y\n  - override b@first: two\n  - override c: r\n  - _self_\n",
    "over_abs.yaml": "defaults:\n  - config\n  - override /c: [r, p]\n  - override /e: rel\nlate: 1\n",
    "over_bad.yaml": "defaults:\n  - override e: rel\n  - e: abs\n",
    "over_none.yaml": "defaults:\n  - e: rel\n  - override b: one\n",
    "over_hydra.yaml": "defaults:\n  - e: rel\n  - override hydra/job_logging: disabled\n  - override hydra/hydra_logging: none\nhydra:\n  run:\n    dir: here\n",
    "dup_self.yaml": "defaults:\n  - _self_\n  - e: rel\n  - _self_\n",
    "twice.yaml": "defaults:\n  - e: rel\n  - e: abs\n",
    "twice_same.yaml": "defaults:\n  - e: rel\n  - e: rel\n",
    "not_found.yaml": "defaults:\n  - b: three\n",
    "not_found_cfg.yaml": "defaults:\n  - nothing\n",
    "missing.yaml": "defaults:\n  - b: ???\n  - _self_\n",
    "cycle.yaml": "defaults:\n  - cycle\n",
    "bad_list.yaml": "defaults: {b: one}\n",
    "bad_item.yaml": "defaults:\n  - [b, one]\n",
    "bad_value.yaml": "defaults:\n  - b: 1\n",
    "bad_two.yaml": "defaults:\n  - b: one\n    c: p\n",
    "list_value.yaml": "defaults:\n  - b: [1, 2]\n",
    "list_root.yaml": "- 1\n- 2\n",
    "list_in.yaml": "defaults:\n  - lists: l\n",
    "lists/l.yaml": "- 1\n- {a: 2}\n",
    "null_then.yaml": "defaults:\n  - e: null\n  - b: one\n",
    "interp.yaml": "defaults:\n  - b: one\n  - c: p\n  - both: ${b}_${c}\n  - _self_\nx: 1\n",
    "both/one_p.yaml": "which: one_p\n",
    "both/two_q.yaml": "which: two_q\ndefaults: []\n",
    "interp_bad.yaml": "defaults:\n  - b: ${nope}\n",
    "interp_list.yaml": "defaults:\n  - c: p\n  - b: ['${c}']\n",
    "interp_pkg.yaml": "defaults:\n  - b@first: one\n  - b@other: ${b@first}\n",
    "optional_list.yaml": "defaults:\n  - optional c: [p, zzz]\n",
    "deep.yaml": "defaults:\n  - level/one\n  - _self_\n",
    "level/one.yaml": "defaults:\n  - two\n  - sub: s\n  - _self_\none: 1\n",
    "level/two.yaml": "two: 2\n",
    "level/sub/s.yaml": "defaults:\n  - /b: two\n  - deeper/d\n  - _self_\ns: 1\n",
    "level/sub/deeper/d.yaml": "d: 1\n",
    "seqroot.yaml": "defaults:\n  - seq: flan\n  - _self_\n",
    "seq/flan.yaml": "defaults:\n  - seq@: _template\n  - /b@models: [one, two]\n",
    "seq/base.yaml": "defaults:\n  - seq@: flan\n",
    "seq/seq/_template.yaml": "t: 1\nmodels: ???\n",
    "seq/seq/flan.yaml": "defaults:\n  - seq@: _template\nff: 1\n",
}
CASES["nested"] = [
    "", "top/a=y", "b@first=two", "b@second=one b@first=two", "b=one", "c=r", "c=[q,p,r]", "c=[]", "d=real", "e=some", "e=abs", "e=rel",
    "e=rel e/inner=i2", "e=rel e/inner@e.x.y=i1", "e=rel e/inner@_global_=i1", "e=group", "b@third=one", "+b=one", "+b@fourth=two", "~c", "~b@first", "~b@first=one", "~b@first=two", "~b", "~top/a", "~e", "~d", "own=2 first.changed=false",
    "c/p=x", "plain=false", "named.v=5", "+b@first=one", "+d=real",
    "--config-name over", "--config-name over e/inner=i1", "--config-name over e=abs", "--config-name over2", "--config-name over2 top/a=x", "--config-name over_abs", "--config-name over_bad", "--config-name over_none", "--config-name over_hydra", "--config-name over_hydra --cfg all -p hydra.run", "--config-name over_hydra --cfg all -p hydra.job_logging", "--config-name over_hydra --cfg all -p hydra.runtime.choices", "--config-name over_hydra hydra/job_logging=stdout --cfg all -p hydra.job_logging",
    "--config-name dup_self", "--config-name twice", "--config-name twice_same", "--config-name not_found", "--config-name not_found_cfg",
    "--config-name missing", "--config-name missing b=one", "--config-name missing ~b", "--config-name bad_list", "--config-name bad_item", "--config-name bad_value", "--config-name bad_two", "--config-name list_value", "--config-name list_root", "--config-name list_in", "--config-name list_in lists.0=5", "--config-name null_then", "--config-name null_then e=rel",
    "--config-name interp", "--config-name interp b=two c=q", "--config-name interp b=two", "--config-name interp both=two_q", "--config-name interp_bad", "--config-name interp_list", "--config-name interp_pkg", "--config-name interp_pkg b@first=two", "--config-name optional_list", "--config-name cycle",
    "--config-name deep", "--config-name deep level/sub/b=one", "--config-name deep b@level.sub.b=one", "--config-name deep level/sub=nope", "--config-name seqroot", "--config-name seqroot seq=base", "--config-name seqroot b@seq.models=one", "--config-name seqroot seq/seq@seq=flan",
    (["--config-name", "missing"], "b=<OPTION>", "one", "two"), (["--config-name", "not_found"], "not_found", "b/three", "one"), (["--config-name", "twice"], "override e"), (["--config-name", "over_bad"], "over_bad", "end"),
]
TREES["package"] = {
    "config.yaml": "defaults:\n  - g: glob\n  - h: named\n  - _self_\n",
    "g/glob.yaml": "# @package _global_\nfrom_glob: 1\nh: {added: true}\n",
    "g/glob2.yaml": "# @package _global_.deep.er\nx: 1\n",
    "g/group.yaml": "# @package _group_\nx: 1\n",
    "g/dotted.yaml": "# @package a.b.c\nx: 1\n",
    "g/spaced.yaml": "\n#   @package   spaced\nx: 1\n",
    "g/late.yaml": "x: 1\n# @package late\ny: 2\n",
    "g/other.yaml": "# a comment\n# @package ignored\nx: 1\n",
    "g/two.yaml": "# @package a b\nx: 1\n",
    "g/none.yaml": "x: 1\n",
    "g/nested.yaml": "# @package pk\ndefaults:\n  - sub: s\n  - sub@_global_.abs: s\n  - _self_\nx: 1\n",
    "g/globnest.yaml": "# @package _global_\ndefaults:\n  - sub: s\n  - /h: plain\n  - _self_\nx: 1\n",
    "g/over.yaml": "# @package _global_\ndefaults:\n  - override /h: plain\nx: 1\n",
    "g/sub/s.yaml": "s: 1\n",
    "h/named.yaml": "# @package hh\nn: 1\n",
    "h/plain.yaml": "n: 2\n",
    "root.yaml": "# @package inner\nr: 1\n",
    "root2.yaml": "# @package inner\ndefaults:\n  - h: plain\n  - _self_\nr: 1\n",
}
CASES["package"] = ["", "h=plain"] + [f"g={o}" for o in "glob2 group dotted spaced late other two none nested globnest over".split()] + [
    "g=none +g@x.y=dotted", "+g@second=glob", "g@g=dotted", "+g@_global_=none", "g@_global_=none", "g=nested g/sub@pk.sub=s", "g=none h=plain h@h=named",
    "--config-name root", "--config-name root r=2", "--config-name root inner.r=2", "--config-name root2", "--cfg job -p hh", "--cfg job -p deep.er g=glob2", "+h@h2=plain ~h", "~h@hh", "g=[none,dotted]", "g=[glob,none]",
]
TREES["scalars"] = {
    "config.yaml": """
a: 1
s: hello
f: 1e-3
big: 1e+20
yes_: yes
'on': off
n: null
m: ???
quoted: "1"
multi: |
  line one
  line two
folded: "a\\tb"
long: a very long text which goes on and on and on until it is longer than eighty columns so that it is folded
empty: ''
colon: 'a: b'
hash: 'a # b'
d: {x: 1, y: {z: 2}}
l: [1, 2, {q: 3}]
el: []
ed: {}
i: ${d}
ii: ${a}
rel: {k: 5, r: '${.k}', up: '${..a}', deep: {u: '${..k}', t: '${...s}'}}
mix: x_${a}_${s}
env: ${oc.env:FB_GOLDEN_SET}
env2: ${oc.env:FB_GOLDEN_UNSET,none}
ik: {2: one, true: t, 1.5: f}
date: 2026-11-22
octal: 017
sexa: 1:30
tilde: ~
""",
    "dup.yaml": "a: 1\na: 2\n",
    "badinterp.yaml": "a: ${b\n",
    "cyc.yaml": "a: ${b}\nb: ${a}\n",
    "anchors.yaml": "base: &b {x: 1, y: 2}\nd: {<<: *b, y: 3}\ne: *b\n",
    "hydra_in.yaml": "a: ${hydra:job.config_name}\nb: ${hydra:job.name}\n",
}
CASES["scalars"] = ["", "--cfg job --resolve", "--cfg job --resolve -p rel m=1", "--cfg job --resolve -p d", "--cfg job -p i", "--cfg job -p ii", "--cfg job -p mix", "--cfg job -p env", "--cfg job -p env2", "--cfg job -p rel.deep.t", "--cfg job -p i.y", "--cfg job -p i --resolve", "--cfg job -p n", "--cfg job -p m", "--cfg job -p f", "--cfg job -p l", "--cfg job -p multi", "--cfg job -p el",
    "--config-name dup", "--config-name badinterp", "--config-name cyc", "--config-name cyc --cfg job --resolve", "--config-name anchors", "--config-name hydra_in --cfg job --resolve", "--config-name hydra_in"]
TREES["values"] = {
    "config.yaml": """
a: 1
s: hello
n: null
m: ???
d: {x: 1, y: {z: 2}}
l: [1, 2, {q: 3}]
el: []
ed: {}
i: ${d}
ii: ${a}
ik: {1: one}
""",
}
CASES["values"] = [[w] for w in """d=5
d=[]
d=null
d={x: 5}
d={w: 5}
+d={w: 5}
++d={w: 5}
++d=5
++d=[1]
+d=5
+a.b=1
++a.b=1
a.b=1
+n.b=1
n.b=1
+n=5
+m=5
+m.k=5
m={k: 1}
n={k: 1}
n.k={k: 1}
l.0=5
l.2.q=9
l.3=1
+l.3=1
++l.3=1
l.3.x=1
+l.3.x=1
l.-1=1
l.x=1
l={a: 1}
l=[]
+l=[7]
l.0.x=1
+l.0.x=1
++l.0={a: 1}
~l.0
~l
~d.x
~d.x=1
~d.x=2
~d={x: 1}
~d={x:1,y:{z:2}}
~n
~m
~nope
~a.b
~l.5
i.x=5
+i.x=5
+i.w=5
i={x: 9}
i=3
~i
~i.x
ii.x=3
+ii=3
a='${a'
a=${a}
a='${}'
a=???
+x=???
+x.y.z=1
+x.0=1
ik.1=2
~ik.1
+ik.1=2
++d.x=2
++new=1
++d.y={z: 3}
d.y={z: 3, w: 4}
~a=1.0
~a='1'
~a=true
~s=hello
+el=[1]
el.0=1
s.x=1
d@p=1
~d.y.z
~d.y.q
a={}
+a={}
+a=[1]
+a={q: 1}
i.y.z=7
m.k=1
+d={x: {q: 1}}
d.y=5
+d.y.z.k=1
a={1: x, 1.5: z}
a={true: y}
a=[1, 2.5, true, null, x, 'q, r', {k: [v]}]
s=''
s=
s='null'
s="true"
s='1e5'
s=1e5
s='it''s'
s="a 'q' b"
s='a "q" b'
s=a\\ b\\,c
s=yes
s='yes'
s=010
s='010'
s=2026-01-01
s=12:30
s='a: b'
s='# c'
s=' lead'
s='é ü'
s=~
s=/a/b/c
s=a@b
s=-
s='-'
s='a
b'
s=0x10
s=1_000
s=.5
s=-.5e3
s=nan
s=-inf
s=1e400
s=123456789012345678901234567890
s='!x'
s='&x'
s='*x'
s='{x'
s='[x'
s='x]'
s='x:'
s=x:y
s='%x'
s='`x'
s='='
s='<<'
s=on
ed={a: {b: {c: 1}}}
+ed.a.b.c=1
+ed={a: 1}
ed.a=1
d.y.z=${..x}
l=[${a},${s}]
d={x: ${a}}
s=${oc.env:FB_GOLDEN_SET}
s=${nope}""".split("\n")]
TREES["fusion"] = {
    "config.yaml": "defaults:\n  - method: dummy\n  - modelpool: pool\n  - taskpool: dummy\n  - _self_\nfast_dev_run: false\nseed: null\n",
    "method/dummy.yaml": "_target_: x.Dummy\n",
    "method/ties.yaml": "_target_: x.Ties\nscaling_factor: 0.3\nthreshold: 20\nremove_keys: []\nminimal: 1e-6\n",
    "method/fisher/gpt2.yaml": "_target_: x.Fisher\nbatch_size: 32\n",
    "method/alias.yaml": "defaults:\n  - /method/fisher/gpt2@_here_\n  - _self_\n",
    "modelpool/pool.yaml": "type: T\nmodels:\n  - name: _pretrained_\n    path: gpt2\n  - name: a\n    path: org/a\n",
    "modelpool/Seq/_template.yaml": "_target_: x.Seq\n_version_: \"0.2\"\nmodels: ???\ntokenizer: {path: base}\nmodel_kwargs: null\n",
    "modelpool/Seq/full.yaml": "defaults:\n  - Seq@: _template\n  - /model/t5@models: [base, cola, mnli]\n",
    "modelpool/Seq/one.yaml": "defaults:\n  - Seq@: _template\nmodels:\n  _pretrained_: {path: '${...base_model}'}\ntokenizer: {path: '${..base_model}'}\nbase_model: t5\n",
    "model/t5/base.yaml": "_pretrained_: {path: t5}\n",
    "model/t5/cola.yaml": "cola: {path: t5-cola}\n",
    "model/t5/mnli.yaml": "mnli: {path: t5-mnli}\n",
    "taskpool/dummy.yaml": "_target_: x.DummyTask\nfast_dev_run: ${fast_dev_run}\n",
    "taskpool/glue.yaml": "_loader: x.load\ntest:\n  cola: {_target_: '${..._loader}', name: cola}\n  mnli: {_target_: '${..._loader}', name: mnli}\n",
}
CASES["fusion"] = ["", "method=ties", "method=ties method.scaling_factor=0.0", "method=ties method.scaling_factor=1e-1 method.remove_keys=[a,b]", "method=fisher/gpt2 method.batch_size=8", "method=fisher/gpt2.yaml", "method=alias", "method=alias method.batch_size=8", "method/fisher=gpt2", "+method/fisher=gpt2", "modelpool.models.0.path=tanganke/x", "modelpool.models.2.path=x",
    "modelpool=Seq/full", "modelpool=Seq/full --cfg job --resolve", "modelpool=Seq/one --cfg job --resolve", "modelpool=Seq/one modelpool.base_model=z --cfg job --resolve", "modelpool=Seq/one modelpool.models._pretrained_.path=q", "modelpool=Seq/full model/t5@modelpool.models=[base,mnli]", "modelpool=Seq/full ~model/t5@modelpool.models", "taskpool=glue --cfg job --resolve", "taskpool=null", "~taskpool", "fast_dev_run=true --cfg job --resolve -p taskpool", "method=5",
    ["modelpool.models=[{name: _pretrained_, path: google/flan-t5-base},{name: x, path: /a/b c}]"], "seed=42", "~seed", "method=ties ~method.threshold", "method=nope", "+method=ties", "method=ties +method.new=1", "method=ties method.new=1", "modelpool.models=null", "~modelpool.models"]
TREES["resolve"] = {
    "config.yaml": "a: 1\nbad: ${nope}\nd: {x: 1, y: '${.x}', u: '${..a}'}\nl: ['${a}', {q: '${d.y}'}]\n",
    "good.yaml": "a: 1\nd: {x: 1, y: '${.x}'}\n",
    "expand.yaml": "defaults:\n  - expand_over\n  - g@_global_: missing\n  - _self_\n",
    "expand_over.yaml": "name: {k: 1}\nw: ${name}\n",
    "g/missing.yaml": "w: ???\n",
}
CASES["resolve"] = [
    "--cfg job --resolve", "--cfg job --resolve -p d", "--cfg job --resolve -p l", "--cfg job --resolve -p l.1", "--cfg job --resolve -p bad", "--cfg job --resolve -p d.y", "--cfg job --resolve bad=1",
    "--config-name good --cfg job --resolve d.y=${..a}", "--config-name good --cfg job --resolve +x.y=${..d.x} +z=${.a}", "--config-name good --cfg job --resolve -p d +x.y=${...nope}",
    "--config-name good --cfg all --resolve -p hydra.job d.y=${..a}", "--config-name expand", "--config-name expand w=5",
]
CASES["basic"] += [
    (["db=[3]"], "db=[3]", "integer in the list", "mysql"), (["+extra=[one,null]"], "null in the list", "two"), (["+extra=[[one]]"], "list in the list"), (["db=[mysql,{a: 1}]"], "mapping in the list"),
    "db=[true]", "+extra=[1.5]", "db=['mysql']", "+server/sec@y=[high,7]", "db@other=[3]",
]
