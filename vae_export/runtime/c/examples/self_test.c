/*
 * self_test.c: compare a bundle on this device with its golden arrays, from noise to reconstruction.
 *
 *     cc -O2 -I.. self_test.c -o self_test -lonnxruntime -lm
 *     ./self_test my-bundle
 *
 * For models with one latent. Exit code 0, 1 a value differs, 2 cannot run.
 */
#include "graph.h"
#include "vae_runtime.h"

/* What the manifest says of the model and of its golden arrays. */
#ifndef EPSILON_SCALE
#define EPSILON_SCALE 1.0
#endif
#ifndef GOLDEN_SEED
#define GOLDEN_SEED 7
#endif
#ifndef TOLERANCE
#define TOLERANCE 1e-5
#endif

/* A golden array of `*count` values, or of any number if that is 0. */
static float *golden(const char *bundle, const char *name, size_t *count) {
    char path[4096];
    unsigned char *bytes;
    float *values;
    FILE *file;
    long size = 0;
    snprintf(path, sizeof path, "%s/golden/%s.f32", bundle, name);
    file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 4) fail(path, "cannot be read");
    if (*count != 0 && (size_t)size != 4 * *count) fail(path, "has another size than the others say");
    *count = (size_t)size / 4;
    rewind(file);
    bytes = (unsigned char *)allocate((size_t)size, 1);
    if (fread(bytes, 1, (size_t)size, file) != (size_t)size) fail(path, "cannot be read");
    fclose(file);
    values = (float *)allocate(*count, sizeof(float));
    vae_read_golden(bytes, *count, values);
    free(bytes);
    return values;
}

/* Prints the largest error; 1 if it is above `tolerance` times the scale of the golden values: 1 for values in
   [0, 1], else their range with 0 in it. */
static int differs(const char *name, const float *got, const float *expected, size_t count, double tolerance) {
    double largest = 0.0, low = 0.0, high = 0.0, scale;
    int bad;
    size_t i;
    for (i = 0; i < count; ++i) {
        const double error = fabs((double)got[i] - (double)expected[i]);
        if (!(error <= largest) && largest == largest) largest = error; /* stays NaN once it is */
        if (expected[i] < low) low = expected[i];
        if (expected[i] > high) high = expected[i];
    }
    scale = low >= 0.0 && high <= 1.0 ? 1.0 : high - low;
    bad = !(largest <= tolerance * scale);
    printf("%-15s largest error %.2g%s\n", name, largest, bad ? "  FAILED" : "");
    return bad;
}

static int self_test(const Graph *encoder, const Graph *decoder, const char *bundle) {
    const char *const posterior[2] = {"mu", "logvar"};
    const size_t latent = row_size(decoder->input, decoder->input_rank);
    const size_t image = row_size(decoder->output, decoder->output_rank);
    size_t values = 0, rows, pixels, inputs;
    float *z = golden(bundle, "z", &values);
    float *mu = golden(bundle, "mu", &values), *logvar = golden(bundle, "logvar", &values);
    float *epsilon = golden(bundle, "epsilon", &values), *x, *reconstruction, *generated;
    float *drawn = (float *)allocate(values, sizeof(float)), *images, *results[2];
    int bad = 0;
    rows = values / latent;
    pixels = rows * image;
    inputs = rows * row_size(encoder->input, encoder->input_rank);
    if (values != rows * latent) fail("golden", "z is not of the size of the latent");
    x = golden(bundle, "x", &inputs);
    reconstruction = golden(bundle, "reconstruction", &pixels);
    generated = golden(bundle, "generated", &pixels);
    images = (float *)allocate(pixels, sizeof(float));
    results[0] = (float *)allocate(values, sizeof(float));
    results[1] = (float *)allocate(values, sizeof(float));

    vae_normal(GOLDEN_SEED, 0, 0, values, drawn);
    bad |= differs("epsilon", drawn, epsilon, values, 0.0);
    decode(decoder, rows, drawn, images);
    bad |= differs("generated", images, generated, pixels, TOLERANCE);
    run(encoder, rows, "x", x, 2, posterior, results);
    bad |= differs("mu", results[0], mu, values, TOLERANCE);
    bad |= differs("logvar", results[1], logvar, values, TOLERANCE);
    vae_sample(mu, logvar, values, GOLDEN_SEED, 0, 0, EPSILON_SCALE, drawn);
    bad |= differs("z", drawn, z, values, TOLERANCE);
    decode(decoder, rows, drawn, images);
    bad |= differs("reconstruction", images, reconstruction, pixels, TOLERANCE);

    free(x), free(epsilon), free(mu), free(logvar), free(z), free(reconstruction), free(generated);
    free(drawn), free(images), free(results[0]), free(results[1]);
    return bad;
}

int main(int argc, char **argv) {
    OrtEnv *env;
    Graph encoder, decoder;
    int bad;
    if (argc != 2) {
        fprintf(stderr, "usage: self_test BUNDLE\n");
        return 2;
    }
    env = open_runtime();
    encoder = open_graph(env, argv[1], "encoder.onnx");
    decoder = open_graph(env, argv[1], "decoder.onnx");
    bad = self_test(&encoder, &decoder, argv[1]);
    api->ReleaseSession(encoder.session);
    api->ReleaseSession(decoder.session);
    api->ReleaseEnv(env);
    return bad;
}
