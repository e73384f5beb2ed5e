#include "cli/hydra_flags.h"

#include <stdio.h>
#include <string.h>

struct flag {
    const char *name, *brief;
    const char *argument; /* NULL: takes none */
    bool optional;        /* the argument may be left out */
    const char *choices;  /* of the argument, separated by '|', or NULL */
    const char *help;
    char id;
};

static const struct flag flags[] = {
    {"--help", "-h", NULL, false, NULL, "print the help of the program", 'h'},
    {"--hydra-help", NULL, NULL, false, NULL, "print the help of the configuration system", 'H'},
    {"--version", NULL, NULL, false, NULL, "print the version", 'V'},
    {"--cfg", "-c", "WHAT", false, "job|hydra|all", "print the configuration instead of running",
     'c'},
    {"--resolve", NULL, NULL, false, NULL, "with --cfg: resolve interpolations", 'R'},
    {"--package", "-p", "KEY", false, NULL, "with --cfg: print only that part", 'p'},
    {"--run", "-r", NULL, false, NULL, "run the job (the default)", 'r'},
    {"--multirun", "-m", NULL, false, NULL, "run every combination of key=value1,value2", 'm'},
    {"--config-path", "-cp", "DIR", false, NULL, "folder of the root configuration", 'P'},
    {"--config-name", "-cn", "NAME", false, NULL, "name of the root configuration", 'N'},
    {"--config-dir", "-cd", "DIR", false, NULL, "another folder to look for options in", 'D'},
    {"--info", "-i", "WHAT", true, "all|config|defaults|defaults-tree|plugins|searchpath",
     "print how the configuration is composed", 'i'},
    {"--shell-completion", "-sc", NULL, false, NULL, NULL, 's'},
    {"--experimental-rerun", NULL, "FILE", false, NULL, NULL, 'e'},
    {"--fast_dev_run", NULL, NULL, false, NULL, "the same as fast_dev_run=true", 'f'},
    {"--quiet", "-q", NULL, false, NULL, "print errors and results only", 'q'},
    {"--verbose", "-v", NULL, false, NULL, "print details", 'v'},
};

enum { FLAGS = sizeof flags / sizeof flags[0] };

struct reader {
    struct fb_flags *out;
    char **argv;
    int argc, at;
    const char **overrides, **dirs;
    int commands; /* how many of those that exclude each other were given */
    struct fb_err *err;
};

static const struct flag *exact(const char *word, size_t size) {
    for (int i = 0; i < FLAGS; i++) {
        const char *brief = flags[i].brief;
        if (!strncmp(flags[i].name, word, size) && !flags[i].name[size]) return flags + i;
        if (brief && !strncmp(brief, word, size) && !brief[size]) return flags + i;
    }
    return NULL;
}

static int fail_unknown(struct reader *r, const char *word, size_t size) {
    const char *names[FLAGS], *near;
    char name[64];

    if (size >= sizeof name) return fb_fail(r->err, FB_EUSAGE, "unknown flag '%.60s...'", word);
    memcpy(name, word, size);
    name[size] = '\0';
    for (int i = 0; i < FLAGS; i++)
        names[i] = flags[i].name;
    near = fb_nearest(name, names, FLAGS);
    return fb_fail(r->err, FB_EUSAGE, "unknown flag '%s'%s%s%s; options are written key=value",
                   name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* The only flag whose name begins with the word; reports none and several. */
static int abbreviated(struct reader *r, const struct flag **out, const char *word, size_t size) {
    struct fb_str names = {0};
    int rc = FB_OK, found = 0;

    for (int i = 0; i < FLAGS && !rc; i++) {
        if (size < 3 || strncmp(flags[i].name, word, size)) continue;
        *out = flags + i;
        if (!(rc = fb_str_puts(&names, found++ ? ", " : "", r->err)))
            rc = fb_str_puts(&names, flags[i].name, r->err);
    }
    if (!rc && !found) rc = fail_unknown(r, word, size);
    if (!rc && found > 1)
        rc = fb_fail(r->err, FB_EUSAGE, "flag '%.*s' could be %s", (int)size, word,
                     fb_str_text(&names));
    fb_str_free(&names);
    return rc;
}

static bool is_choice(const char *choices, const char *word) {
    size_t size = strlen(word);

    for (const char *p = choices; *p; p += *p == '|') {
        size_t n = strcspn(p, "|");
        if (n == size && !strncmp(p, word, n)) return true;
        p += n;
    }
    return false;
}

static int check_choice(struct reader *r, const struct flag *f, const char *word) {
    if (!f->choices || is_choice(f->choices, word)) return FB_OK;
    return fb_fail(r->err, FB_EUSAGE, "%s: invalid choice '%s' (choose from %s)", f->name, word,
                   f->choices);
}

static int show(struct reader *r, enum fb_show what, const char *argument) {
    /* What is asked for first is shown. */
    if (r->out->show == FB_SHOW_NOTHING) {
        r->out->show = what;
        r->out->what = argument;
    }
    return FB_OK;
}

static int refuse(struct reader *r, const struct flag *f) {
    if (f->id == 's')
        return fb_fail(r->err, FB_EUSAGE,
                       "--shell-completion is not needed here: 'make install' installs the "
                       "completion of the shell");
    return fb_fail(r->err, FB_EUSAGE,
                   "--experimental-rerun is not supported: it reads Python pickles; run again with "
                   "the overrides that the run's report lists");
}

static int take(struct reader *r, const struct flag *f, const char *argument) {
    struct fb_flags *out = r->out;

    switch (f->id) {
    case 'h': out->show = FB_SHOW_HELP; break;
    case 'H': return show(r, FB_SHOW_HYDRA_HELP, NULL);
    case 'V': return show(r, FB_SHOW_VERSION, NULL);
    case 'c': r->commands++; return show(r, FB_SHOW_CONFIG, argument);
    case 'i': r->commands++; return show(r, FB_SHOW_INFO, argument ? argument : "all");
    case 'm':
        r->commands++;
        out->request.multirun = true;
        break;
    case 'r': r->commands++; break;
    case 'R': out->resolve = true; break;
    case 'p': out->package = argument; break;
    case 'P': out->request.config_path = argument; break;
    case 'N': out->request.config_name = argument; break;
    case 'D': r->dirs[out->request.config_dir_count++] = argument; break;
    case 'f': r->overrides[out->request.override_count++] = "fast_dev_run=true"; break;
    case 'q': out->verbosity = 0; break;
    case 'v': out->verbosity = 2; break;
    default: return refuse(r, f);
    }
    return FB_OK;
}

/* An argument given behind the flag, in the next word, or not at all. */
static int with_argument(struct reader *r, const struct flag *f, const char *attached) {
    const char *next = r->at < r->argc ? r->argv[r->at] : NULL;

    if (!f->argument && attached)
        return fb_fail(r->err, FB_EUSAGE, "%s takes no argument, found '%s'", f->name, attached);
    if (f->argument && !attached && next && *next != '-' &&
        !(f->optional && strchr(next, '=') && !is_choice(f->choices, next))) {
        attached = next;
        r->at++;
    }
    if (f->argument && !f->optional && !attached)
        return fb_fail(r->err, FB_EUSAGE, "%s expects an argument: %s %s", f->name, f->name,
                       f->choices ? f->choices : f->argument);
    if (attached && check_choice(r, f, attached)) return r->err->code;
    return take(r, f, attached);
}

/* "-mq": single letters in a row; "-cjob": a letter and its argument. */
static int letters(struct reader *r, const char *word) {
    char one[3] = {'-', 0, 0};

    for (const char *p = word + 1; *p; p++) {
        const struct flag *f;
        one[1] = *p;
        if (!(f = exact(one, 2))) return fail_unknown(r, word, strlen(word));
        if (f->argument) return with_argument(r, f, p[1] ? p + 1 : NULL);
        if (take(r, f, NULL)) return r->err->code;
    }
    return FB_OK;
}

static int read_flag(struct reader *r, const char *word) {
    const char *equals = strchr(word, '=');
    size_t size = equals ? (size_t)(equals - word) : strlen(word);
    const struct flag *f = exact(word, size);

    if (!f && word[1] != '-') return letters(r, word);
    if (!f && abbreviated(r, &f, word, size)) return r->err->code;
    return with_argument(r, f, equals ? equals + 1 : NULL);
}

static int check(const struct reader *r) {
    const struct fb_flags *out = r->out;

    if (r->commands > 1)
        return fb_fail(r->err, FB_EUSAGE,
                       "only one of --run, --multirun, --cfg and --info can be given");
    if (out->resolve && out->show != FB_SHOW_CONFIG && out->show != FB_SHOW_HELP)
        return fb_fail(r->err, FB_EUSAGE, "--resolve is for --cfg: add --cfg job");
    if (out->package && out->show != FB_SHOW_CONFIG)
        return fb_fail(r->err, FB_EUSAGE, "--package is for --cfg: add --cfg job");
    return FB_OK;
}

int fb_flags_read(struct fb_flags *out, int argc, char **argv, struct fb_arena *a,
                  struct fb_err *err) {
    struct reader r = {.out = out, .argv = argv, .argc = argc, .err = err};
    size_t n = argc > 0 ? (size_t)argc : 1;
    bool ended = false;

    memset(out, 0, sizeof *out);
    out->verbosity = 1;
    if (!(r.overrides = fb_arena_calloc(a, n, sizeof(*r.overrides), err)) ||
        !(r.dirs = fb_arena_calloc(a, n, sizeof(*r.dirs), err)))
        return err->code;
    out->request.overrides = r.overrides;
    out->request.config_dirs = r.dirs;
    while (r.at < argc) {
        const char *word = argv[r.at++];
        if (!ended && !strcmp(word, "--")) ended = true;
        else if (ended || *word != '-' || !word[1] || strpbrk(word, " \t"))
            r.overrides[out->request.override_count++] = word;
        else if (read_flag(&r, word)) return err->code;
    }
    return check(&r);
}

int fb_flags_print(struct fb_str *out, struct fb_err *err) {
    for (int i = 0; i < FLAGS; i++) {
        const struct flag *f = flags + i;
        char left[64];
        int n;
        if (!f->help) continue;
        n = snprintf(left, sizeof left, "%s%s%s%s%s%s", f->name, f->brief ? ", " : "",
                     f->brief ? f->brief : "", f->argument ? (f->optional ? " [" : " ") : "",
                     f->argument ? f->argument : "", f->optional ? "]" : "");
        if (n < 0 || fb_str_printf(out, err, "%-24s %s", left, f->help)) return err->code;
        if (f->choices && fb_str_printf(out, err, ": %s", f->choices)) return err->code;
        if (fb_str_putc(out, '\n', err)) return err->code;
    }
    return FB_OK;
}
