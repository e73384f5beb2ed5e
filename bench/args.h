/* args.h - the command line of a benchmark: options with values, then words. */
#ifndef FB_BENCH_ARGS_H
#define FB_BENCH_ARGS_H

#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct option {
    const char *name; /* "--repeat"; NULL ends the list */
    long *number;     /* a whole number in [least, most], */
    long least, most;
    const char **text; /* or any text, if `number` is NULL */
};

static inline void args_refuse(const char *usage) {
    fprintf(stderr, "usage: %s\n", usage);
    exit(2);
}

static inline void args_read(const struct option *o, const char *text, const char *usage) {
    int64_t value;

    if (!o->number) {
        *o->text = text;
        return;
    }
    if (!fb_parse_int(text, &value) || value < o->least || value > o->most) {
        fprintf(stderr, "%s: '%s' is not a whole number from %ld to %ld\n", o->name, text, o->least,
                o->most);
        args_refuse(usage);
    }
    *o->number = (long)value;
}

/* Reads the options and gives the index of the first word, of which there are at least `least` and
 * at most `most`. --help prints `usage` and ends the program with 0; what is wrong is named, and
 * ends it with 2. */
static inline int args_parse(int argc, char **argv, const char *usage, const struct option *options,
                             int least, int most) {
    int at = 1;

    for (; at < argc && !strncmp(argv[at], "--", 2); at += 2) {
        const struct option *o = options;
        if (!strcmp(argv[at], "--help")) {
            printf("usage: %s\n", usage);
            exit(0);
        }
        while (o->name && strcmp(o->name, argv[at]) != 0)
            o++;
        if (!o->name) fprintf(stderr, "unknown option '%s'\n", argv[at]);
        else if (at + 1 == argc) fprintf(stderr, "%s needs a value\n", argv[at]);
        else {
            args_read(o, argv[at + 1], usage);
            continue;
        }
        args_refuse(usage);
    }
    if (argc - at < least || argc - at > most) args_refuse(usage);
    return at;
}

#endif
