// How fast Cassandra's own CommitLogReader reads segments when the handler does no more
// than count. It reads the same segments several times, so that the later passes run
// compiled code and find the files in memory.
package org.apache.cassandra.db.commitlog;

import java.io.IOException;
import java.util.Locale;
import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.db.Mutation;
import org.apache.cassandra.db.partitions.PartitionUpdate;
import org.apache.cassandra.db.rows.Row;

/**
 * Usage: Bench PASSES SEGMENT...
 *
 * It goes on behind PASSES, up to four times as many, as long as each pass is faster than
 * all before. Prints a line a pass, then a JSON object of its figures: entries is the number of
 * mutations in one pass, rows those of tables with CDC among them, seconds the time of
 * each pass, entries_per_second the rate of the best pass.
 */
public class Bench
{
    public static void main(String[] args) throws Exception
    {
        DatabaseDescriptor.toolInitialization();
        Release.loadSchema();
        StringBuilder seconds = new StringBuilder();
        double best = 0;
        boolean faster = true; // than every pass before
        Counter counter = null;
        int passes = Integer.parseInt(args[0]);
        for (int pass = 1; pass <= passes || faster && pass <= 4 * passes; pass++)
        {
            counter = new Counter();
            long began = System.nanoTime();
            for (int i = 1; i < args.length; i++)
                Release.read(new CommitLogReader(), counter, args[i]);
            double took = (System.nanoTime() - began) / 1e9;
            faster = counter.entries / took > 1.02 * best;
            best = Math.max(best, counter.entries / took);
            seconds.append(seconds.length() > 0 ? "," : "").append(number(took, 4));
            System.out.println("pass " + pass + ": " + counter.entries + " entries in " + number(took, 2) + " s, "
                               + number(counter.entries / took, 0) + " entries/s");
        }
        System.out.println("{\"entries\":" + counter.entries + ",\"rows\":" + counter.rows + ",\"seconds\":[" + seconds
                           + "],\"entries_per_second\":" + number(best, 0) + "}");
        System.exit(0); // Cassandra leaves threads running
    }

    private static String number(double value, int decimals)
    {
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    private static class Counter implements CommitLogReadHandler
    {
        long entries, rows;

        public void handleMutation(Mutation m, int size, int end, CommitLogDescriptor descriptor)
        {
            entries++;
            if (!m.trackedByCDC())
                return;
            for (PartitionUpdate u : m.getPartitionUpdates())
                if (Release.cdc(u))
                    for (Row r : u)
                        rows++;
        }

        public boolean shouldSkipSegmentOnError(CommitLogReadException e) throws IOException
        {
            throw new IOException(e);
        }

        public void handleUnrecoverableError(CommitLogReadException e) throws IOException
        {
            throw new IOException(e);
        }
    }
}
