/*
 * generate.c: images from an exported VAE in C, with vae_runtime.h and ONNX Runtime's C API.
 *
 *     cc -O2 -I.. generate.c -o generate -lonnxruntime -lm
 *     ./generate my-bundle images.pgm 16 7       16 images of seed 7, side by side
 *
 * For models with one latent and images of one channel. Exit code 0, 2 cannot run.
 */
#include <errno.h>

#include "graph.h"
#include "vae_runtime.h"

#define MAX_COUNT 10000

static void write_pgm(const char *path, const float *images, size_t count, size_t height, size_t width) {
    FILE *file = fopen(path, "wb");
    size_t row, k, column;
    if (file == NULL) fail(path, "cannot be written");
    fprintf(file, "P5\n%lu %lu\n255\n", (unsigned long)(count * width), (unsigned long)height);
    for (row = 0; row < height; ++row)
        for (k = 0; k < count; ++k)
            for (column = 0; column < width; ++column) {
                const float value = images[(k * height + row) * width + column];
                /* In this order NaN becomes 0. */
                fputc((int)(255.0f * (value > 0.0f ? value < 1.0f ? value : 1.0f : 0.0f) + 0.5f), file);
            }
    if (fclose(file) != 0) fail(path, "cannot be written");
}

static void generate(const Graph *decoder, const char *path, size_t count, uint64_t seed) {
    const size_t latent = row_size(decoder->input, decoder->input_rank);
    float *z, *images;
    if (decoder->output_rank != 4 || decoder->output[3] != 1) fail("decoder.onnx", "its output is no grey image");
    z = (float *)allocate(count * latent, sizeof(float));
    images = (float *)allocate(count * row_size(decoder->output, decoder->output_rank), sizeof(float));
    vae_normal(seed, 0, 0, count * latent, z);
    decode(decoder, count, z, images);
    write_pgm(path, images, count, (size_t)decoder->output[1], (size_t)decoder->output[2]);
    free(z);
    free(images);
}

/* A whole number in decimal digits, below 2^64, and nothing else. */
static int parse(const char *text, uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

int main(int argc, char **argv) {
    uint64_t count = 8, seed = 0;
    OrtEnv *env;
    Graph decoder;
    if (argc < 3 || argc > 5 || (argc > 3 && !parse(argv[3], &count)) || (argc > 4 && !parse(argv[4], &seed)) ||
        count < 1 || count > MAX_COUNT) {
        fprintf(stderr, "usage: generate BUNDLE IMAGES.pgm [COUNT [SEED]]   1 <= COUNT <= %d\n", MAX_COUNT);
        return 2;
    }
    env = open_runtime();
    decoder = open_graph(env, argv[1], "decoder.onnx");
    generate(&decoder, argv[2], (size_t)count, seed);
    api->ReleaseSession(decoder.session);
    api->ReleaseEnv(env);
    return 0;
}
