/*
 * VaeRuntime.java: the noise of an exported VAE, in Java 11 (and Android): philox, normal, sample.
 *
 *     float[] z = VaeRuntime.normal(7, 0, (long) k * n, n);                 sample k from the prior, seed 7
 *     float[] z = VaeRuntime.sample(mu, logvar, 7, 0, (long) k * n, 1.0);    sample k from the posterior
 *
 * NOISE.md is the specification; the ports in other languages have the same sections, order and names.
 * One class, no dependency, no state: every method may run in any number of threads at once. Seeds,
 * blocks and starts are unsigned 64-bit integers in a long, streams unsigned 32-bit in an int.
 *
 * `normal` gives the same bits as every other port: strictfp (the rule since Java 17, asked for here
 * for older ones) rounds every float64 operation on its own, and Java never fuses a multiply-add.
 */
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

@SuppressWarnings("strictfp")
public final strictfp class VaeRuntime {
    public static final int FORMAT_VERSION = 1;
    public static final int NOISE_VERSION = 1;

    private VaeRuntime() {}

    // ---- Philox4x32-10 (Salmon et al. 2011) ----

    /**
     * The four words of one block, unsigned.
     * Key: (seed low, seed high); counter: (block low, block high, stream, 0).
     */
    public static int[] philox(long seed, int stream, long block) {
        int[] words = new int[4];
        philox(seed, stream, block, words);
        return words;
    }

    private static void philox(long seed, int stream, long block, int[] words) {
        int c0 = (int) block, c1 = (int) (block >>> 32), c2 = stream, c3 = 0;
        int key0 = (int) seed, key1 = (int) (seed >>> 32);
        for (int round = 0; round < 10; round++) {
            long product0 = 0xD2511F53L * (c0 & 0xFFFFFFFFL);
            long product1 = 0xCD9E8D57L * (c2 & 0xFFFFFFFFL);
            c0 = (int) (product1 >>> 32) ^ c1 ^ key0;
            c1 = (int) product1;
            c2 = (int) (product0 >>> 32) ^ c3 ^ key1;
            c3 = (int) product0;
            key0 += 0x9E3779B9;
            key1 += 0xBB67AE85;
        }
        words[0] = c0;
        words[1] = c1;
        words[2] = c2;
        words[3] = c3;
    }

    // ---- The inverse normal distribution function (Wichura 1988, AS 241, PPND16) ----

    private static final double[] CENTRE_NUMERATOR = {
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608};
    private static final double[] CENTRE_DENOMINATOR = {
        5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0};
    private static final double[] TAIL_NUMERATOR = {
        7.7454501427834140764e-4, .0227238449892691845833, .24178072517745061177, 1.27045825245236838258,
        3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734};
    private static final double[] TAIL_DENOMINATOR = {
        1.05075007164441684324e-9, 5.475938084995344946e-4, .0151986665636164571966, .14810397642748007459,
        .68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0};
    private static final double[] LOG_TERMS = {
        1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5,
        1.0 / 3, 1.0};

    /** Horner's rule, highest power first. */
    private static double polynomial(double[] coefficients, double x) {
        double value = coefficients[0];
        for (int i = 1; i < coefficients.length; i++) {
            value = value * x + coefficients[i];
        }
        return value;
    }

    /** Natural logarithm of x in (0, 1), with + - * and / only: those of libraries differ. */
    private static double log(double x) {
        double exponent = 0.0;
        while (x < 0.5) {
            x = x + x;
            exponent = exponent - 1.0;
        }
        if (x < 0.70710678118654757) {
            x = x + x;
            exponent = exponent - 1.0;
        }
        double s = (x - 1.0) / (x + 1.0);
        double series = polynomial(LOG_TERMS, s * s);
        return exponent * 0.69314718060195446 + (exponent * -4.2009150726810846e-11 + (2.0 * s) * series);
    }

    /** The standard normal value of a word, through u = (word + 0.5) / 2^32. */
    private static float inverseNormal(int word) {
        double u = ((word & 0xFFFFFFFFL) + 0.5) / 4294967296.0;
        double q = u - 0.5;
        if (q <= 0.425 && q >= -0.425) {
            double r = 0.180625 - q * q;
            return (float) (q * polynomial(CENTRE_NUMERATOR, r) / polynomial(CENTRE_DENOMINATOR, r));
        }
        // At most 4.79 for 32-bit words, so the third region of AS 241 (above 5) is never entered.
        double r = Math.sqrt(-log(q < 0.0 ? u : 1.0 - u)) - 1.6;
        double tail = polynomial(TAIL_NUMERATOR, r) / polynomial(TAIL_DENOMINATOR, r);
        return (float) (q < 0.0 ? -tail : tail);
    }

    // ---- The noise stream ----

    /**
     * Values [start, start + count) of a stream of standard normal noise.
     * Streams of one seed are independent. start + count is at most 2^64, unsigned.
     *
     * @throws IllegalArgumentException count is negative, or goes beyond 2^64
     */
    public static float[] normal(long seed, int stream, long start, int count) {
        if (count < 0) {
            throw new IllegalArgumentException("count: got " + count + ", expected at least 0");
        }
        if (start != 0 && Long.compareUnsigned(count, -start) > 0) {
            throw new IllegalArgumentException(
                "start: got " + Long.toUnsignedString(start) + ", expected at most 2^64 - " + count);
        }
        float[] values = new float[count];
        int[] words = new int[4];
        for (int i = 0; i < count; i++) {
            long index = start + i;
            int at = (int) (index & 3);
            if (i == 0 || at == 0) {
                philox(seed, stream, index >>> 2, words);
            }
            values[i] = inverseNormal(words[at]);
        }
        return values;
    }

    /**
     * Draw z = mu + epsilonScale * exp(0.5 * logvar) * epsilon (Kingma & Welling 2013).
     * start: index of the first value of noise, k * size of one z for sample k. Each z is the float64
     * result rounded once; exp is StrictMath's, other ports may differ by one unit in the last place.
     *
     * @throws IllegalArgumentException mu and logvar differ in length
     */
    public static float[] sample(
            float[] mu, float[] logvar, long seed, int stream, long start, double epsilonScale) {
        if (mu.length != logvar.length) {
            throw new IllegalArgumentException(
                "logvar: got " + logvar.length + " values, expected " + mu.length + " as in mu");
        }
        float[] z = normal(seed, stream, start, mu.length);
        for (int i = 0; i < z.length; i++) {
            z[i] = (float) (mu[i] + StrictMath.exp(0.5 * logvar[i]) * epsilonScale * z[i]);
        }
        return z;
    }

    // ---- The bundle ----

    /** The values of a golden array: raw little-endian float32. */
    public static float[] readGolden(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[bytes.remaining() / 4];
        bytes.asFloatBuffer().get(values);
        return values;
    }
}
