// The source that Pulsar hosts: it starts cassandra-source and hands its rows to Pulsar's sink.

package io.github.cassandracdc;

import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.apache.pulsar.client.api.schema.GenericRecord;
import org.apache.pulsar.functions.api.Record;
import org.apache.pulsar.io.core.Source;
import org.apache.pulsar.io.core.SourceContext;

/**
 * All work is done by the program; this class is the smallest that Pulsar accepts as a source. It is a source of
 * GenericRecord since Pulsar then makes no producer and registers no schema before the first record brings its own.
 */
public final class CassandraSource implements Source<GenericRecord> {
    // Between the program's pipe and read(): an instance is stopped by an interrupt, which a read from a pipe ignores.
    private final BlockingQueue<Record<GenericRecord>> records = new ArrayBlockingQueue<>(1024);
    private Program program;

    @Override
    public void open(Map<String, Object> config, SourceContext context) throws Exception {
        program = new Program(config, context, records);
    }

    @Override
    public Record<GenericRecord> read() throws InterruptedException {
        return records.take();
    }

    @Override
    public void close() throws Exception {
        if (program != null) {
            program.close();
        }
    }
}
