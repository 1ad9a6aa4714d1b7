// How an entry is decoded.

package mutation_test

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// deletes counts the rows that are deleted in one table, and looks at no other.
type deletes struct {
	mutation.Nothing
	table string
	rows  int
}

func (d *deletes) Table(t *schema.Table) bool { return t.String() == d.table }

func (d *deletes) Row(_ *mutation.Update, r *mutation.Row) {
	if !r.Deletion.Live() {
		d.rows++
	}
}

func ExampleDecoder() {
	const scenario = "../../testdata/corpus/5.0.6/lz4/"
	var rows schema.Rows
	text, err := os.ReadFile(scenario + "system_schema.json")
	if err == nil {
		err = json.Unmarshal(text, &rows)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	tables, err := schema.NewSnapshot(rows)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := commitlog.Open(scenario+"CommitLog-7-1795254637163.log", commitlog.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()

	d, found, unknown := mutation.NewDecoder(tables), deletes{table: "sm.ev"}, 0
	for r.Next() {
		if err := d.Decode(r.Descriptor().Version, r.Entry(), &found); err != nil {
			unknown++ // here: of Cassandra's own tables, which this schema leaves out
		}
	}
	fmt.Println(found.rows, "rows of", found.table, "deleted;", unknown, "entries of other keyspaces")
	// Output: 40 rows of sm.ev deleted; 96 entries of other keyspaces
}
