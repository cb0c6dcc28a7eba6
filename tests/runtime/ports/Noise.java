/**
 * Reads lines "normal|sample seed stream start count" or "golden file count" and writes the values as raw
 * float32.
 */
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Scanner;

public final class Noise {
    public static void main(String[] arguments) throws IOException {
        try (Scanner lines = new Scanner(System.in);
                OutputStream out = new BufferedOutputStream(System.out)) {
            while (lines.hasNextLine()) {
                float[] values = answer(lines.nextLine().split(" "));
                ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(values);
                out.write(bytes.array());
            }
        }
    }

    private static float[] answer(String[] words) throws IOException {
        if (words[0].equals("golden")) {
            return VaeRuntime.readGolden(Path.of(words[1]));
        }
        long seed = Long.parseUnsignedLong(words[1]);
        int stream = Integer.parseUnsignedInt(words[2]);
        long start = Long.parseUnsignedLong(words[3]);
        int count = Integer.parseInt(words[4]);
        if (words[0].equals("normal")) {
            return VaeRuntime.normal(seed, stream, start, count);
        }
        return VaeRuntime.sample(
            VaeRuntime.normal(1, 0, start, count), VaeRuntime.normal(2, 0, start, count), seed, stream, start, 0.5);
    }
}
