/** Prints nanoseconds per value: what, ours, own (java.util.Random); medians of interleaved rounds. */
import java.util.Arrays;
import java.util.Random;

public final class Speed {
    private static final int ROUNDS = 31, BULK = 100_000, TWICE = 20_000;
    private static float sum = 0;

    public static void main(String[] arguments) {
        Random random = new Random(7);
        measure("bulk", () -> sum += VaeRuntime.normal(7, 0, 0, BULK)[0], () -> sum += own(random, BULK)[0], BULK);
        measure("two", () -> {
            for (int k = 0; k < TWICE; k++) {
                sum += VaeRuntime.normal(7, 0, 2L * k, 2)[0];
            }
        }, () -> {
            for (int k = 0; k < TWICE; k++) {
                sum += own(random, 2)[0];
            }
        }, 2 * TWICE);
        System.exit(Float.isNaN(sum) ? 1 : 0);
    }

    private static float[] own(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static double nanoseconds(Runnable work) {
        long begin = System.nanoTime();
        work.run();
        return System.nanoTime() - begin;
    }

    private static void measure(String what, Runnable ours, Runnable own, int count) {
        double[] a = new double[ROUNDS], b = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            a[i] = nanoseconds(ours);
            b[i] = nanoseconds(own);
        }
        Arrays.sort(a);
        Arrays.sort(b);
        System.out.printf("%s %.2f %.2f%n", what, a[ROUNDS / 2] / count, b[ROUNDS / 2] / count);
    }
}
