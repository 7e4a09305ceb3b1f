/* Runs files of a corpus through a fuzz target: what a build without libFuzzer does with it, so
 * that every find stays a test. Arguments are files and folders. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

enum { BYTES_MAX = 1 << 20 };

static unsigned files_n;

static void run_file(const char *name)
{
    FILE *stream = fopen(name, "rb");
    char *bytes = malloc(BYTES_MAX);
    if (stream == NULL || bytes == NULL) {
        perror(name);
        exit(2);
    }
    size_t len = fread(bytes, 1, BYTES_MAX, stream);
    fclose(stream);
    /* A copy of exactly this size, so that AddressSanitizer sees its end. */
    uint8_t *input = malloc(len > 0 ? len : 1);
    if (input == NULL) {
        exit(2);
    }
    memcpy(input, bytes, len);
    free(bytes);
    LLVMFuzzerTestOneInput(input, len);
    free(input);
    files_n++;
}

static void run(const char *name)
{
    struct stat status;
    if (stat(name, &status) != 0) {
        perror(name);
        exit(2);
    }
    if (!S_ISDIR(status.st_mode)) {
        run_file(name);
        return;
    }
    DIR *folder = opendir(name);
    if (folder == NULL) {
        perror(name);
        exit(2);
    }
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char path[4096];
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
            run(path);
        }
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        run(argv[i]);
    }
    fprintf(stderr, "Replayed: %u\n", files_n);
    return files_n > 0 ? 0 : 1;
}
