// The schema that entries are decoded with.

package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// ReadSchema reads files with the rows of system_schema and merges them: one for the
// cluster's own tables, another for Cassandra's, or all in one.
func ReadSchema(paths []string) (schema.Rows, error) {
	var all schema.Rows
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return all, err
		}
		var rows schema.Rows
		if err := json.Unmarshal(data, &rows); err != nil {
			return all, fmt.Errorf("%s: %w; a schema is an object with the rows of system_schema: %s", path, err, schemaForm)
		}
		if len(rows.Tables) == 0 && len(rows.Views) == 0 {
			return all, fmt.Errorf("%s: no tables; a schema is an object with the rows of system_schema: %s", path, schemaForm)
		}
		all.Append(rows)
	}
	return all, nil
}

const schemaForm = `{"tables": [{"keyspace_name": …}, …], "columns": […], "types": […], "dropped_columns": […], "views": […]}, each row as SELECT JSON * gives it`

// tables are those that rows describe, and those to which Cassandra writes schema changes.
// A table that cannot be made of its rows is reported.
func (f *Files) tables(rows schema.Rows) *history.History {
	all, err := history.New(rows)
	if err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			f.fault("schema", errors.New(line))
		}
	}
	return all
}
