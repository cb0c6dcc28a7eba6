/*
 * vae_runtime.h: the noise of an exported VAE, in C99 and C++11.
 *
 *     float z[N];                                    N values in one z
 *     vae_normal(7, 0, (uint64_t)k * N, N, z);       sample k from the prior, seed 7
 *     vae_sample(mu, logvar, N, 7, 0, (uint64_t)k * N, 1.0, z);                        from the posterior
 *
 * NOISE.md is the specification; the ports in other languages have the same sections, order and names.
 * Pure: no heap, no input or output, no global state; every function may run in any number of threads
 * at once. Needs <stdint.h>, and exp and sqrt of <math.h> (sqrt is exact, exp is used for z alone).
 *
 * vae_normal gives the same bits everywhere. For that each float64 operation must be rounded on its
 * own: fused multiply-add is switched off below for GCC and Clang, and a target that computes float64
 * with more bits (x87) is refused, as is -ffast-math. Clang obeys the switch unless it is told
 * -ffp-contract=fast, which no header can see: do not pass it to Clang.
 */
#ifndef VAE_RUNTIME_H
#define VAE_RUNTIME_H

#include <float.h>
#include <math.h>
#include <stdint.h>

#if !defined(FLT_EVAL_METHOD) || (FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1)
#error "vae_runtime.h: FLT_EVAL_METHOD must be 0 or 1, float64 with extra bits changes the noise; on x86 use -mfpmath=sse -msse2"
#endif
#if defined(__FAST_MATH__)
#error "vae_runtime.h: -ffast-math changes the noise; compile this file without it"
#endif
#if DBL_MANT_DIG != 53
#error "vae_runtime.h: double must be IEEE 754 binary64; on AVR and similar targets compile with -mdouble=64"
#endif

#if defined(__clang__)
#define VAE_EXACT _Pragma("clang fp contract(off)")
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#define VAE_EXACT
#else
#define VAE_EXACT _Pragma("STDC FP_CONTRACT OFF")
#endif

#define VAE_FORMAT_VERSION 1
#define VAE_NOISE_VERSION 1

/* ---- Philox4x32-10 (Salmon et al. 2011) ---- */

/*
 * The four words of one block.
 * words: out, 4 values. Key: (seed low, seed high); counter: (block low, block high, stream, 0).
 */
static inline void vae_philox(uint64_t seed, uint32_t stream, uint64_t block, uint32_t words[4]) {
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32), c2 = stream, c3 = 0;
    uint32_t key_0 = (uint32_t)seed, key_1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const uint64_t product_0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t product_1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(product_1 >> 32) ^ c1 ^ key_0;
        c1 = (uint32_t)product_1;
        c2 = (uint32_t)(product_0 >> 32) ^ c3 ^ key_1;
        c3 = (uint32_t)product_0;
        key_0 += 0x9E3779B9u;
        key_1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

/* ---- The inverse normal distribution function (Wichura 1988, AS 241, PPND16) ---- */

/* Horner's rule, highest power first, every multiplication and addition rounded. */
static inline double vae_polynomial(const double *coefficients, int count, double x) {
    VAE_EXACT
    double value = coefficients[0];
    for (int i = 1; i < count; ++i) {
        value = value * x;
        value = value + coefficients[i];
    }
    return value;
}

/* Natural logarithm of x in (0, 1), with + - * and / only: those of libraries differ. */
static inline double vae_log(double x) {
    VAE_EXACT
    static const double terms[12] = {1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                                     1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3,  1.0};
    double exponent = 0.0, s, series;
    /* x is at least 2^-33: halving the exponent step by step is exact, and needs no bits of double. */
    while (x < 0.5) {
        x = x + x;
        exponent = exponent - 1.0;
    }
    if (x < 0.70710678118654757) {
        x = x + x;
        exponent = exponent - 1.0;
    }
    s = (x - 1.0) / (x + 1.0);
    series = vae_polynomial(terms, 12, s * s);
    return exponent * 0.69314718060195446 + (exponent * -4.2009150726810846e-11 + (2.0 * s) * series);
}

/* The standard normal value of a word, through u = (word + 0.5) / 2^32. */
static inline float vae_inverse_normal(uint32_t word) {
    VAE_EXACT
    static const double centre_numerator[8] = {
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608};
    static const double centre_denominator[8] = {
        5226.495278852854561,  28729.085735721942674, 39307.89580009271061,  21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083,  42.313330701600911252, 1.0};
    static const double tail_numerator[8] = {
        7.7454501427834140764e-4, .0227238449892691845833, .24178072517745061177, 1.27045825245236838258,
        3.64784832476320460504,   5.7694972214606914055,   4.6303378461565452959, 1.42343711074968357734};
    static const double tail_denominator[8] = {
        1.05075007164441684324e-9, 5.475938084995344946e-4, .0151986665636164571966, .14810397642748007459,
        .68976733498510000455,     1.6763848301838038494,   2.05319162663775882187,  1.0};
    const double u = ((double)word + 0.5) / 4294967296.0;
    const double q = u - 0.5;
    double r, tail;
    if (q <= 0.425 && q >= -0.425) {
        r = 0.180625 - q * q;
        return (float)(q * vae_polynomial(centre_numerator, 8, r) / vae_polynomial(centre_denominator, 8, r));
    }
    /* At most 4.79 for 32-bit words, so the third region of AS 241 (above 5) is never entered. */
    r = sqrt(-vae_log(q < 0.0 ? u : 1.0 - u)) - 1.6;
    tail = vae_polynomial(tail_numerator, 8, r) / vae_polynomial(tail_denominator, 8, r);
    return (float)(q < 0.0 ? -tail : tail);
}

/* ---- The noise stream ---- */

/*
 * Values [start, start + count) of a stream of standard normal noise.
 * seed, stream: any; streams of one seed are independent. start + count is at most 2^64, beyond it wraps.
 * values: out, count floats.
 */
static inline void vae_normal(uint64_t seed, uint32_t stream, uint64_t start, uint64_t count, float *values) {
    uint32_t words[4];
    uint64_t i;
    for (i = 0; i < count; ++i) {
        const uint64_t index = start + i;
        if (i == 0 || index % 4 == 0) {
            vae_philox(seed, stream, index / 4, words);
        }
        values[i] = vae_inverse_normal(words[index % 4]);
    }
}

/*
 * Draw z = mu + epsilon_scale * exp(0.5 * logvar) * epsilon (Kingma & Welling 2013).
 * mu, logvar: in, count floats. start: index of the first value of noise, k * size of one z for sample k.
 * epsilon_scale: of the manifest. z: out, count floats; may be mu or logvar itself, no other overlap.
 * Each z is the float64 result rounded once; exp is the library's, so two may differ by one unit in the
 * last place.
 */
static inline void vae_sample(const float *mu, const float *logvar, uint64_t count, uint64_t seed,
                              uint32_t stream, uint64_t start, double epsilon_scale, float *z) {
    VAE_EXACT
    uint32_t words[4];
    uint64_t i;
    for (i = 0; i < count; ++i) {
        const uint64_t index = start + i;
        double sigma;
        if (i == 0 || index % 4 == 0) {
            vae_philox(seed, stream, index / 4, words);
        }
        sigma = exp(0.5 * (double)logvar[i]) * epsilon_scale;
        z[i] = (float)((double)mu[i] + sigma * (double)vae_inverse_normal(words[index % 4]));
    }
}

/* ---- The bundle ---- */

/*
 * The values of a golden array, for a self test on the device.
 * bytes: in, the file or an array of it: 4 * count bytes, raw little-endian float32, which may stand at any
 * address. values: out, count floats; no overlap with bytes.
 */
static inline void vae_read_golden(const unsigned char *bytes, uint64_t count, float *values) {
    uint64_t i;
    for (i = 0; i < count; ++i) {
        const unsigned char *at = bytes + 4 * i;
        const uint32_t bits = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        const unsigned char *from = (const unsigned char *)&bits;
        unsigned char *to = (unsigned char *)&values[i];
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
        to[3] = from[3];
    }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif
#undef VAE_EXACT

#endif
