// One mutation as a line of expected.jsonl: every byte that the log holds of it in hex,
// and its values in readable form beside that.
package org.apache.cassandra.db.commitlog;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.cassandra.db.ClusteringPrefix;
import org.apache.cassandra.db.DeletionTime;
import org.apache.cassandra.db.LivenessInfo;
import org.apache.cassandra.db.Mutation;
import org.apache.cassandra.db.marshal.*;
import org.apache.cassandra.db.partitions.PartitionUpdate;
import org.apache.cassandra.db.rows.*;
import org.apache.cassandra.transport.ProtocolVersion;
import org.apache.cassandra.utils.ByteBufferUtil;

final class Line
{
    private final StringBuilder b = new StringBuilder();

    static String of(Mutation m, int size, int end)
    {
        Line l = new Line();
        l.b.append("{\"end\":").append(end).append(",\"size\":").append(size);
        l.b.append(",\"cdc\":").append(m.trackedByCDC()).append(",\"updates\":[");
        List<PartitionUpdate> updates = new ArrayList<>(m.getPartitionUpdates());
        updates.sort(Comparator.comparing(Release::tableId));
        for (int i = 0; i < updates.size(); i++)
        {
            l.comma(i);
            l.update(updates.get(i));
        }
        return l.b.append("]}").toString();
    }

    private void update(PartitionUpdate u)
    {
        b.append("{\"ks\":").append(quote(Release.keyspace(u))).append(",\"table\":").append(quote(Release.table(u)));
        b.append(",\"id\":").append(quote(Release.tableId(u))).append(",\"cdc\":").append(Release.cdc(u));
        key(Release.keyType(u), u.partitionKey().getKey());
        b.append(',');
        deletion("pdel", u.partitionLevelDeletion());
        b.append(",\"static\":");
        if (u.staticRow().isEmpty())
            b.append("null");
        else
            row(u.staticRow(), null);
        b.append(",\"items\":[");
        List<AbstractType<?>> clusteringTypes = Release.clusteringTypes(u);
        try (UnfilteredRowIterator items = u.unfilteredIterator())
        {
            for (int i = 0; items.hasNext(); i++)
            {
                comma(i);
                Unfiltered item = items.next();
                if (item.isRow())
                    row((Row) item, clusteringTypes);
                else
                    marker((RangeTombstoneMarker) item, clusteringTypes);
            }
        }
        b.append("]}");
    }

    private void key(AbstractType<?> type, ByteBuffer key)
    {
        b.append(",\"key\":").append(hex(key)).append(",\"pk\":[");
        if (type instanceof CompositeType)
        {
            ByteBuffer[] components = ((CompositeType) type).split(key.duplicate());
            for (int i = 0; i < components.length; i++)
            {
                comma(i);
                b.append(readable(((CompositeType) type).types.get(i), components[i]));
            }
        }
        else
            b.append(readable(type, key));
        b.append(']');
    }

    private void row(Row r, List<AbstractType<?>> clusteringTypes)
    {
        b.append("{\"kind\":\"row\",");
        if (!r.isStatic())
        {
            clustering(r.clustering(), clusteringTypes);
            b.append(',');
        }
        LivenessInfo live = r.primaryKeyLivenessInfo();
        if (!live.isEmpty())
        {
            b.append("\"ts\":").append(live.timestamp()).append(',');
            if (live.isExpiring())
                b.append("\"ttl\":").append(live.ttl()).append(",\"ldt\":").append(live.localExpirationTime()).append(',');
        }
        if (!r.deletion().isLive())
        {
            deletion("del", r.deletion().time());
            b.append(",\"shadowable\":").append(r.deletion().isShadowable()).append(',');
        }
        complexDeletions(r);
        cells(r);
        b.append('}');
    }

    private void complexDeletions(Row r)
    {
        b.append("\"cdel\":[");
        int n = 0;
        for (ColumnData d : r)
        {
            if (!d.column().isComplex() || ((ComplexColumnData) d).complexDeletion().isLive())
                continue;
            comma(n++);
            DeletionTime time = ((ComplexColumnData) d).complexDeletion();
            b.append("{\"c\":").append(quote(d.column().name.toString())).append(",\"ts\":").append(time.markedForDeleteAt());
            b.append(",\"ldt\":").append(time.localDeletionTime()).append('}');
        }
        b.append("],");
    }

    private void cells(Row r)
    {
        b.append("\"cells\":[");
        int n = 0;
        for (ColumnData d : r)
        {
            if (!d.column().isComplex())
            {
                comma(n++);
                cell((Cell) d, d.column().type);
                continue;
            }
            for (Cell c : (ComplexColumnData) d)
            {
                comma(n++);
                cell(c, elementType(d.column().type, c));
            }
        }
        b.append(']');
    }

    private void cell(Cell c, AbstractType<?> type)
    {
        b.append("{\"c\":").append(quote(c.column().name.toString()));
        if (c.column().isComplex())
        {
            ByteBuffer path = c.path().get(0);
            b.append(",\"path\":").append(hex(path)).append(",\"pathj\":").append(readable(pathType(c.column().type), path));
        }
        b.append(",\"ts\":").append(c.timestamp());
        if (c.isExpiring())
            b.append(",\"ttl\":").append(c.ttl());
        if (c.isExpiring() || c.isTombstone())
            b.append(",\"ldt\":").append(c.localDeletionTime());
        if (c.isTombstone())
        {
            b.append(",\"del\":true}");
            return;
        }
        ByteBuffer value = Release.value(c);
        b.append(",\"v\":").append(hex(value));
        if (type.isCounter())
            b.append(",\"counter\":").append(Release.counterTotal(value));
        else if (value.hasRemaining())
            b.append(",\"j\":").append(readable(type, value));
        b.append('}');
    }

    /** The type of a complex column's cell path. */
    private static AbstractType<?> pathType(AbstractType<?> column)
    {
        if (column instanceof MapType)
            return ((MapType<?, ?>) column).getKeysType();
        if (column instanceof SetType)
            return ((SetType<?>) column).getElementsType();
        if (column instanceof ListType)
            return TimeUUIDType.instance;
        return ShortType.instance; // the number of a user type's field
    }

    /** The type of a complex column's cell value. */
    private static AbstractType<?> elementType(AbstractType<?> column, Cell c)
    {
        if (column instanceof MapType)
            return ((MapType<?, ?>) column).getValuesType();
        if (column instanceof SetType)
            return EmptyType.instance;
        if (column instanceof ListType)
            return ((ListType<?>) column).getElementsType();
        return ((UserType) column).fieldType(ByteBufferUtil.toShort(c.path().get(0)));
    }

    private void marker(RangeTombstoneMarker m, List<AbstractType<?>> clusteringTypes)
    {
        b.append("{\"kind\":").append(quote(m.clustering().kind().toString())).append(',');
        clustering(m.clustering(), clusteringTypes);
        b.append(',');
        if (m.isBoundary())
        {
            deletion("end", ((RangeTombstoneBoundaryMarker) m).endDeletionTime());
            b.append(',');
            deletion("start", ((RangeTombstoneBoundaryMarker) m).startDeletionTime());
        }
        else
            deletion("del", ((RangeTombstoneBoundMarker) m).deletionTime());
        b.append('}');
    }

    private void clustering(ClusteringPrefix prefix, List<AbstractType<?>> types)
    {
        b.append("\"ck\":[");
        for (int i = 0; i < prefix.size(); i++)
        {
            comma(i);
            b.append(hex(Release.clusteringValue(prefix, i)));
        }
        b.append("],\"ckj\":[");
        for (int i = 0; i < prefix.size(); i++)
        {
            comma(i);
            AbstractType<?> type = types.get(i);
            if (type instanceof ReversedType)
                type = ((ReversedType<?>) type).baseType;
            b.append(readable(type, Release.clusteringValue(prefix, i)));
        }
        b.append(']');
    }

    private void deletion(String name, DeletionTime d)
    {
        b.append('"').append(name).append("\":");
        if (d.isLive())
            b.append("null");
        else
            b.append("{\"ts\":").append(d.markedForDeleteAt()).append(",\"ldt\":").append(d.localDeletionTime()).append('}');
    }

    /** Puts a comma before every element of a list but the first. */
    private void comma(int index)
    {
        if (index > 0)
            b.append(',');
    }

    private static String hex(ByteBuffer value)
    {
        return value == null ? "null" : "\"" + ByteBufferUtil.bytesToHex(value) + "\"";
    }

    /** The value as SELECT JSON would give it; "" for one without bytes. */
    private static String readable(AbstractType<?> type, ByteBuffer value)
    {
        if (value == null)
            return "null";
        if (!value.hasRemaining())
            return "\"\"";
        try
        {
            String json = type.toJSONString(value.duplicate(), ProtocolVersion.V4);
            return json.isEmpty() ? "\"\"" : json;
        }
        catch (RuntimeException e)
        {
            return quote("!" + e.getClass().getSimpleName());
        }
    }

    static String quote(String text)
    {
        if (text == null)
            return "null";
        StringBuilder q = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++)
        {
            char c = text.charAt(i);
            if (c == '"' || c == '\\')
                q.append('\\').append(c);
            else if (c < 0x20)
                q.append(String.format("\\u%04x", (int) c));
            else
                q.append(c);
        }
        return q.append('"').toString();
    }
}
