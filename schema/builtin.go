// The definitions of the tables that hold the schema itself, so that a schema change
// in the log can be read without them being told.

package schema

import "strings"

// systemSchema are the tables of system_schema: all columns that any release from 3.11
// to 6.0 has, of which a mutation names those that it writes. Partition key everywhere:
// keyspace_name text. (org.apache.cassandra.schema.SchemaKeyspace)
//
// Of 6.0 there is one more in [SystemSchema], system_cluster_metadata.distributed_metadata_log:
// each schema change is an entry there first, and dumps of a schema leave it out.
// (org.apache.cassandra.schema.DistributedMetadataLogKeyspace)
var systemSchema = []struct{ table, clustering, regular string }{
	{"keyspaces", "", "durable_writes boolean; fast_path frozen<map<text, text>>; replication frozen<map<text, text>>"},
	{"tables", "table_name text", "cdc boolean; fast_path frozen<map<text, text>>; flags frozen<set<text>>; id uuid; " + tableOptions},
	{"views", "view_name text", "base_table_id uuid; base_table_name text; cdc boolean; id uuid; include_all_columns boolean; where_clause text; " + tableOptions},
	{"columns", "table_name text; column_name text", "clustering_order text; column_name_bytes blob; kind text; position int; type text"},
	{"dropped_columns", "table_name text; column_name text", "dropped_time timestamp; kind text; type text"},
	{"column_masks", "table_name text; column_name text", "function_argument_nulls frozen<list<boolean>>; function_argument_types frozen<list<text>>; " +
		"function_argument_values frozen<list<text>>; function_keyspace text; function_name text"},
	{"types", "type_name text", "field_names frozen<list<text>>; field_types frozen<list<text>>"},
	{"indexes", "table_name text; index_name text", "kind text; options frozen<map<text, text>>"},
	{"triggers", "table_name text; trigger_name text", "options frozen<map<text, text>>"},
	{"functions", "function_name text; argument_types frozen<list<text>>", "argument_names frozen<list<text>>; body text; " +
		"called_on_null_input boolean; language text; return_type text"},
	{"aggregates", "aggregate_name text; argument_types frozen<list<text>>", "final_func text; initcond text; return_type text; state_func text; state_type text"},
}

// tableOptions are columns that tables and views have in common.
const tableOptions = "additional_write_policy text; allow_auto_snapshot boolean; auto_repair frozen<map<text, text>>; bloom_filter_fp_chance double; " +
	"caching frozen<map<text, text>>; comment text; compaction frozen<map<text, text>>; compression frozen<map<text, text>>; crc_check_chance double; " +
	"dclocal_read_repair_chance double; default_time_to_live int; extensions frozen<map<text, blob>>; gc_grace_seconds int; " +
	"incremental_backups boolean; max_index_interval int; memtable text; memtable_flush_period_in_ms int; min_index_interval int; read_repair text; " +
	"read_repair_chance double; speculative_retry text"

// SystemSchema are the rows that describe the tables to which schema changes are written.
func SystemSchema() (rows Rows) {
	for _, t := range systemSchema {
		rows.describe("system_schema", t.table, "keyspace_name text", t.clustering, t.regular)
	}
	rows.describe("system_cluster_metadata", "distributed_metadata_log", "epoch bigint", "", "entry_id bigint; kind int; transformation blob")
	return rows
}

// describe adds the rows of a table of Cassandra's own, whose columns are lists of names and types.
func (r *Rows) describe(keyspace, table, partitionKey, clustering, regular string) {
	r.Tables = append(r.Tables, encodeRow(tableRow{Keyspace: keyspace, Table: table, ID: SystemTableID(keyspace, table).String()}))
	columns := func(kind ColumnKind, order, list string) {
		for i, c := range strings.Split(list, "; ") {
			name, typ, ok := strings.Cut(c, " ")
			if !ok {
				continue // no clustering columns
			}
			if kind == Regular {
				i = -1
			}
			r.Columns = append(r.Columns, encodeRow(columnRow{
				Keyspace: keyspace, Table: table, Column: name, Kind: kind.String(), Position: i, Order: order, Type: typ,
			}))
		}
	}
	columns(PartitionKey, "none", partitionKey)
	columns(Clustering, "asc", clustering)
	columns(Regular, "none", regular)
}
