/* Reads lines "normal|sample seed stream start count" and writes the values as raw float32. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vae_runtime.h"

#define CHUNK 1000u

int main(void) {
    char what[16];
    uint64_t seed, start, count;
    uint32_t stream;
    float values[CHUNK], mu[CHUNK], logvar[CHUNK];
    while (scanf("%15s %" SCNu64 " %" SCNu32 " %" SCNu64 " %" SCNu64, what, &seed, &stream, &start, &count) == 5) {
        while (count > 0) {
            const uint64_t part = count < CHUNK ? count : CHUNK;
            if (strcmp(what, "sample") == 0) {
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
    return 0;
}
