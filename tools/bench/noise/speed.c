/* Prints nanoseconds per value: what, ours, own (Box-Muller with libm); medians of interleaved rounds. */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vae_runtime.h"

#define ROUNDS 31
#define BULK 100000u
#define TWICE 20000u

static float values[BULK];
static uint64_t state = 88172645463325252u;

/* xorshift64*: what a program without a library of random numbers has at hand. */
static double uniform(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return ((double)((state * 2685821657736338717u) >> 11) + 0.5) / 9007199254740992.0;
}

static void box_muller(float *to, unsigned count) {
    unsigned i;
    for (i = 0; i < count; i += 2) {
        const double radius = sqrt(-2.0 * log(uniform())), angle = 6.283185307179586 * uniform();
        to[i] = (float)(radius * cos(angle));
        to[i + 1] = (float)(radius * sin(angle));
    }
}

static void ours_bulk(void) { vae_normal(7, 0, 0, BULK, values); }
static void own_bulk(void) { box_muller(values, BULK); }
static void ours_two(void) {
    unsigned k;
    for (k = 0; k < TWICE; ++k) vae_normal(7, 0, 2 * (uint64_t)k, 2, values + 2 * k);
}
static void own_two(void) {
    unsigned k;
    for (k = 0; k < TWICE; ++k) box_muller(values + 2 * k, 2);
}

static double seconds(void (*work)(void)) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    work();
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *what, void (*ours)(void), void (*own)(void), double count) {
    double a[ROUNDS], b[ROUNDS];
    int i;
    for (i = 0; i < ROUNDS; ++i) {
        a[i] = seconds(ours);
        b[i] = seconds(own);
    }
    qsort(a, ROUNDS, sizeof *a, compare);
    qsort(b, ROUNDS, sizeof *b, compare);
    printf("%s %.2f %.2f\n", what, 1e9 * a[ROUNDS / 2] / count, 1e9 * b[ROUNDS / 2] / count);
}

int main(void) {
    measure("bulk", ours_bulk, own_bulk, BULK);
    measure("two", ours_two, own_two, 2.0 * TWICE);
    return values[0] == 12345.0f;
}
