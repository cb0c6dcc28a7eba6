/** Reads lines "normal|sample seed stream start count" and writes the values as raw float32. */
import java.io.BufferedOutputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Scanner;

public final class Noise {
    public static void main(String[] arguments) throws Exception {
        try (Scanner lines = new Scanner(System.in);
                OutputStream out = new BufferedOutputStream(System.out)) {
            while (lines.hasNext()) {
                String what = lines.next();
                long seed = Long.parseUnsignedLong(lines.next());
                int stream = Integer.parseUnsignedInt(lines.next());
                long start = Long.parseUnsignedLong(lines.next());
                int count = lines.nextInt();
                float[] values = what.equals("sample")
                    ? VaeRuntime.sample(
                        VaeRuntime.normal(1, 0, start, count), VaeRuntime.normal(2, 0, start, count),
                        seed, stream, start, 0.5)
                    : VaeRuntime.normal(seed, stream, start, count);
                ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(values);
                out.write(bytes.array());
            }
        }
    }
}
