/* replay.c - runs a fuzz target once over every file named, or below every folder named, on the
 * command line, so that the corpus is a regression test in builds without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    long size = -1;
    uint8_t *data = NULL;
    int rc = 1;

    if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) goto done;
    if (!(data = malloc((size_t)size + 1))) goto done;
    if (fread(data, 1, (size_t)size, f) != (size_t)size) goto done;
    LLVMFuzzerTestOneInput(data, (size_t)size);
    rc = 0;
done:
    if (rc) fprintf(stderr, "replay: cannot read %s\n", path);
    free(data);
    if (f) fclose(f);
    return rc;
}

static int replay_folder(const char *path, int *count) {
    DIR *dir = opendir(path);
    struct dirent *entry;
    char full[4096];
    int rc = 0;

    if (!dir) return 1;
    while (!rc && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.') continue;
        snprintf(full, sizeof full, "%s/%s", path, entry->d_name);
        rc = replay_file(full);
        *count += 1;
    }
    closedir(dir);
    return rc;
}

int main(int argc, char **argv) {
    int count = 0, rc = 0;

    for (int i = 1; i < argc && !rc; i++) {
        struct stat st;
        if (!stat(argv[i], &st) && S_ISDIR(st.st_mode)) rc = replay_folder(argv[i], &count);
        else rc = replay_file(argv[i]), count++;
    }
    printf("replayed %d inputs\n", count);
    return rc || !count;
}
