// What the program is told: which rows Pulsar has persisted.

package io.github.cassandracdc;

import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Writes the numbers of rows to the program, many at once. The callbacks of Pulsar's producers never wait for it. */
final class Acknowledgements {
    private final DataOutputStream program;
    private final BlockingQueue<Long> numbers = new LinkedBlockingQueue<>(); // bounded by the rows on their way

    Acknowledgements(DataOutputStream program) {
        this.program = program;
    }

    void persisted(long number) {
        numbers.add(number);
    }

    void refused(long number) {
        numbers.add(-1 - number);
    }

    void run() {
        List<Long> some = new ArrayList<>();
        try {
            while (true) {
                some.add(numbers.take());
                numbers.drainTo(some, 4095);
                for (long number : some) {
                    program.writeLong(number);
                }
                program.flush();
                some.clear();
            }
        } catch (IOException | InterruptedException ended) {
            // The program has ended, which Program tells, or this process is ending.
        }
    }

    /** Ends the program's standard input. */
    void close() throws IOException {
        program.close();
    }
}
