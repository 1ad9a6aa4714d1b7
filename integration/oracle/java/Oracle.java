// What Cassandra's own CommitLogReader reads in commit log segments, as one JSON line an
// entry, and where it finds their sections. It lives in the reader's package because the
// method that shows entries of unknown tables is protected.
package org.apache.cassandra.db.commitlog;

import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.db.Mutation;
import org.apache.cassandra.io.util.RandomAccessReader;

/**
 * Usage: Oracle WHAT STEP SEGMENT...
 *
 * WHAT is "expected", "sections" or "expected,sections". Beside each segment it writes
 * SEGMENT.expected.jsonl (SEGMENT.STEP.expected.jsonl when STEP is not empty) and
 * SEGMENT.sections.json. The schema is that of the data directory in cassandra.yaml.
 */
public class Oracle
{
    public static void main(String[] args) throws Exception
    {
        DatabaseDescriptor.toolInitialization();
        Release.loadSchema();
        String what = args[0], step = args[1].isEmpty() ? "" : "." + args[1];
        for (int i = 2; i < args.length; i++)
        {
            String base = args[i].replaceFirst("\\.log$", "");
            if (what.contains("expected"))
                try (PrintStream out = create(base + step + ".expected.jsonl"))
                {
                    entries(args[i], out);
                }
            if (what.contains("sections"))
                try (PrintStream out = create(base + ".sections.json"))
                {
                    sections(args[i], out);
                }
            System.out.println(args[i]);
        }
        System.exit(0); // Cassandra leaves threads running
    }

    private static PrintStream create(String path) throws IOException
    {
        return new PrintStream(new BufferedOutputStream(new FileOutputStream(path), 1 << 20), false, "UTF-8");
    }

    private static void entries(String segment, PrintStream out)
    {
        try
        {
            Release.read(new Reader(out), new Handler(out), segment);
        }
        catch (Throwable t)
        {
            out.println("{\"error\":\"exception\",\"msg\":" + Line.quote(t.toString()) + "}");
        }
    }

    /** Prints every mutation and every fault that the reader reports. */
    private static class Handler implements CommitLogReadHandler
    {
        private final PrintStream out;
        private boolean handled;

        Handler(PrintStream out)
        {
            this.out = out;
        }

        public void handleMutation(Mutation m, int size, int end, CommitLogDescriptor descriptor)
        {
            handled = true;
            out.println(Line.of(m, size, end));
        }

        public boolean shouldSkipSegmentOnError(CommitLogReadException e)
        {
            fault("skip", e);
            return true;
        }

        public void handleUnrecoverableError(CommitLogReadException e)
        {
            fault("unrecoverable", e);
        }

        private void fault(String kind, CommitLogReadException e)
        {
            out.println("{\"error\":" + Line.quote(kind) + ",\"reason\":" + Line.quote(e.reason.toString())
                        + ",\"permissible\":" + e.permissible + ",\"msg\":" + Line.quote(e.getMessage()) + "}");
        }
    }

    /** Prints the entries that give no mutation too: the reader drops those of unknown tables in silence. */
    private static class Reader extends CommitLogReader
    {
        private final PrintStream out;

        Reader(PrintStream out)
        {
            this.out = out;
        }

        @Override
        protected void readMutation(CommitLogReadHandler handler, byte[] body, int size, CommitLogPosition min, int end,
                                    CommitLogDescriptor descriptor) throws IOException
        {
            Handler ours = (Handler) handler;
            ours.handled = false;
            super.readMutation(handler, body, size, min, end, descriptor);
            if (!ours.handled)
                out.println("{\"end\":" + end + ",\"size\":" + size + ",\"unhandled\":true,\"head\":\"" + head(body, size) + "\"}");
        }

        private static String head(byte[] body, int size)
        {
            StringBuilder hex = new StringBuilder();
            for (int i = 0; i < Math.min(size, 40); i++)
                hex.append(String.format("%02x", body[i]));
            return hex.toString();
        }
    }

    private static void sections(String segment, PrintStream out)
    {
        StringBuilder b = new StringBuilder();
        try (RandomAccessReader file = Release.open(segment))
        {
            CommitLogDescriptor d = CommitLogDescriptor.readHeader(file, DatabaseDescriptor.getEncryptionContext());
            b.append("{\"version\":").append(d.version).append(",\"id\":").append(d.id);
            b.append(",\"compression\":").append(d.compression == null ? "null" : Line.quote(d.compression.class_name));
            b.append(",\"encrypted\":").append(d.getEncryptionContext().isEnabled());
            b.append(",\"header_end\":").append(file.getFilePointer()).append(",\"sections\":[");
            String separator = "\n";
            for (CommitLogSegmentReader.SyncSegment s : new CommitLogSegmentReader(new Handler(out), d, file, true))
            {
                b.append(separator);
                separator = ",\n";
                b.append("{\"file_start\":").append(s.fileStartPosition).append(",\"file_end\":").append(s.fileEndPosition);
                b.append(",\"logical_end\":").append(s.endPosition).append(",\"tolerates\":").append(s.toleratesErrorsInSection).append('}');
            }
            out.println(b.append("]}"));
        }
        catch (Throwable t)
        {
            out.println("{\"error\":" + Line.quote(t.toString()) + "}");
        }
    }
}
