// What the classes of Cassandra 4.1 and 5.0 call things that other releases call otherwise.
package org.apache.cassandra.db.commitlog;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.cassandra.db.ClusteringPrefix;
import org.apache.cassandra.db.context.CounterContext;
import org.apache.cassandra.db.marshal.AbstractType;
import org.apache.cassandra.db.marshal.ByteBufferAccessor;
import org.apache.cassandra.db.partitions.PartitionUpdate;
import org.apache.cassandra.db.rows.Cell;
import org.apache.cassandra.io.util.File;
import org.apache.cassandra.io.util.RandomAccessReader;
import org.apache.cassandra.schema.Schema;

final class Release
{
    static void loadSchema()
    {
        Schema.instance.loadFromDisk();
    }

    static void read(CommitLogReader reader, CommitLogReadHandler handler, String segment) throws IOException
    {
        reader.readCommitLogSegment(handler, new File(segment), CommitLogPosition.NONE, CommitLogReader.ALL_MUTATIONS, true);
    }

    static RandomAccessReader open(String segment)
    {
        return RandomAccessReader.open(new File(segment));
    }

    static String keyspace(PartitionUpdate u)
    {
        return u.metadata().keyspace;
    }

    static String table(PartitionUpdate u)
    {
        return u.metadata().name;
    }

    static String tableId(PartitionUpdate u)
    {
        return u.metadata().id.asUUID().toString();
    }

    static boolean cdc(PartitionUpdate u)
    {
        return u.metadata().params.cdc;
    }

    static AbstractType<?> keyType(PartitionUpdate u)
    {
        return u.metadata().partitionKeyType;
    }

    static List<AbstractType<?>> clusteringTypes(PartitionUpdate u)
    {
        return u.metadata().comparator.subtypes();
    }

    static ByteBuffer clusteringValue(ClusteringPrefix<?> prefix, int i)
    {
        return prefix.get(i) == null ? null : prefix.bufferAt(i);
    }

    static ByteBuffer value(Cell<?> c)
    {
        return c.buffer();
    }

    static long counterTotal(ByteBuffer value)
    {
        return CounterContext.instance().total(value, ByteBufferAccessor.instance);
    }
}
