/*
 * Reads lines "normal|sample seed stream start count" or "golden file count" and writes the values as raw
 * float32.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vae_runtime.h"

#define CHUNK 1000u

static uint64_t number(void) {
    char text[24];
    return scanf("%23s", text) == 1 ? strtoull(text, NULL, 10) : 0;
}

static void golden(void) {
    char path[1000];
    unsigned char bytes[4 * CHUNK + 1];
    float values[CHUNK];
    FILE *file;
    uint64_t count;
    if (scanf("%999s", path) != 1 || (count = number()) > CHUNK || (file = fopen(path, "rb")) == NULL) exit(2);
    /* At an odd address: any must do. */
    if (fread(bytes + 1, 4, (size_t)count, file) != count) exit(2);
    fclose(file);
    vae_read_golden(bytes + 1, count, values);
    fwrite(values, sizeof(float), (size_t)count, stdout);
}

static void noise(int sampling) {
    const uint64_t seed = number();
    const uint32_t stream = (uint32_t)number();
    uint64_t start = number(), count = number();
    float values[CHUNK], mu[CHUNK], logvar[CHUNK];
    while (count > 0) {
        const uint64_t part = count < CHUNK ? count : CHUNK;
        if (sampling) {
            vae_normal(1, 0, start, part, mu);
            vae_normal(2, 0, start, part, logvar);
            vae_sample(mu, logvar, part, seed, stream, start, 0.5, values);
        } else {
            vae_normal(seed, stream, start, part, values);
        }
        fwrite(values, sizeof(float), (size_t)part, stdout);
        start += part;
        count -= part;
    }
}

int main(void) {
    char what[16];
    while (scanf("%15s", what) == 1) {
        if (strcmp(what, "golden") == 0) {
            golden();
        } else {
            noise(strcmp(what, "sample") == 0);
        }
    }
    return 0;
}
