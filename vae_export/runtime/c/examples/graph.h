/*
 * graph.h: one converted half of a VAE in ONNX Runtime's C API, for generate.c and self_test.c.
 *
 * Every failure ends the program with one line on standard error and exit code 2.
 */
#ifndef GRAPH_H
#define GRAPH_H

#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANK 8

static const OrtApi *api;

static void fail(const char *where, const char *what) {
    fprintf(stderr, "%s: %s\n", where, what);
    exit(2);
}

static void check(OrtStatus *status) {
    if (status != NULL) fail("ONNX Runtime", api->GetErrorMessage(status));
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) fail("memory", "not enough");
    return memory;
}

typedef struct {
    OrtSession *session;
    int64_t input[MAX_RANK], output[MAX_RANK]; /* shapes; the first axis is the batch, -1 for any */
    size_t input_rank, output_rank;
} Graph;

static size_t read_shape(OrtTypeInfo *info, int64_t shape[MAX_RANK]) {
    const OrtTensorTypeAndShapeInfo *tensor;
    size_t rank;
    check(api->CastTypeInfoToTensorInfo(info, &tensor));
    check(api->GetDimensionsCount(tensor, &rank));
    if (rank > MAX_RANK) fail("shape", "too many axes");
    check(api->GetDimensions(tensor, shape, rank));
    api->ReleaseTypeInfo(info);
    return rank;
}

static OrtEnv *open_runtime(void) {
    OrtEnv *env;
    api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    if (api == NULL) fail("ONNX Runtime", "the library is older than the header");
    check(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "vae", &env));
    return env;
}

static Graph open_graph(const OrtEnv *env, const char *bundle, const char *file) {
    Graph graph;
    OrtSessionOptions *options;
    OrtTypeInfo *info;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", bundle, file);
    check(api->CreateSessionOptions(&options));
    check(api->SetIntraOpNumThreads(options, 1));
    check(api->CreateSession(env, path, options, &graph.session));
    api->ReleaseSessionOptions(options);
    check(api->SessionGetInputTypeInfo(graph.session, 0, &info));
    graph.input_rank = read_shape(info, graph.input);
    check(api->SessionGetOutputTypeInfo(graph.session, 0, &info));
    graph.output_rank = read_shape(info, graph.output);
    if (graph.input[0] > 0) fail(path, "has a fixed batch size, expected any; export with --batch dynamic");
    return graph;
}

/* Values in one row. */
static size_t row_size(const int64_t *shape, size_t rank) {
    size_t size = 1, i;
    for (i = 1; i < rank; ++i) size *= (size_t)shape[i];
    return size;
}

/* Run `rows` rows; each output is of `row_size(graph->output)` values a row. Outputs are bound by name. */
static void run(const Graph *graph, size_t rows, const char *input_name, float *input, size_t outputs,
                const char *const *output_names, float *const *results) {
    OrtMemoryInfo *memory;
    OrtValue *in = NULL, *out[2] = {NULL, NULL};
    int64_t shape[MAX_RANK];
    const size_t count = rows * row_size(graph->output, graph->output_rank);
    size_t i;
    memcpy(shape, graph->input, sizeof shape);
    shape[0] = (int64_t)rows;
    check(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    check(api->CreateTensorWithDataAsOrtValue(
        memory, input, rows * row_size(graph->input, graph->input_rank) * sizeof(float), shape,
        graph->input_rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &in));
    check(api->Run(graph->session, NULL, &input_name, (const OrtValue *const *)&in, 1, output_names, outputs, out));
    for (i = 0; i < outputs; ++i) {
        float *values;
        check(api->GetTensorMutableData(out[i], (void **)&values));
        memcpy(results[i], values, count * sizeof(float));
        api->ReleaseValue(out[i]);
    }
    api->ReleaseValue(in);
    api->ReleaseMemoryInfo(memory);
}

static void decode(const Graph *decoder, size_t rows, float *z, float *images) {
    const char *name = "reconstruction";
    run(decoder, rows, "z", z, 1, &name, &images);
}

#endif
