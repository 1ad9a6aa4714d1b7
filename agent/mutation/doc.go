// Package mutation decodes the entries of Apache Cassandra's commit log.
//
// In comes an entry's bytes and a schema to look tables up in; out go, through a
// [Visitor], the partition updates of the mutation with their rows, cells and
// tombstones. Decoding visits: it builds no tree and, after warm-up, allocates
// nothing. The package opens no file and never changes the bytes it is given; what
// it hands to a visitor points into them.
//
// An entry is a sequence of partition updates, one for each table, all with the same
// partition key. None has a length in front: to reach the second, the first must be
// decoded, which takes its table's schema as it was when the entry was written.
//
//	mutation  = [flags, in version 9], uvint number of updates, updates
//	update    = table id (16 bytes), [uvint epoch, in version 9], key (vbytes), flags, header,
//	            [partition deletion], [static row], uvint row estimate, rows and markers, 0x01
//	header    = uvint min timestamp, uvint min local deletion time, uvint min TTL,
//	            [static columns], regular columns            (columns: uvint n, n names)
//	row       = flags, [extension], clustering, [timestamp [ttl, expiry]], [deletion],
//	            [column subset], cells
//	cell      = flags, [timestamp], [expiry], [ttl], [path], [value]
//
// The layouts are those of org.apache.cassandra.db: Mutation.MutationSerializer,
// partitions.PartitionUpdate.PartitionUpdateSerializer, SerializationHeader,
// rows.UnfilteredSerializer, rows.Cell.Serializer, ClusteringPrefix.Serializer,
// Columns.Serializer, and utils.vint.VIntCoding.
package mutation
