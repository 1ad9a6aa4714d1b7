// Whose tables are whose.

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSortRows(t *testing.T) {
	users, systems := schemaRows{}, schemaRows{}
	err := sortRows("columns", []string{
		`{"keyspace_name": "ks", "table_name": "t", "type": "map<int, text>", "position": -1}`,
		`{"keyspace_name": "system_auth", "table_name": "roles"}`,
		`{"keyspace_name": "Ks", "table_name": "second"}`,
		`{"keyspace_name": "Ks", "table_name": "first"}`,
		`{"keyspace_name": "system", "table_name": "local", "position": 9007199254740993}`,
	}, users, systems)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rows schemaRows
		want string
	}{
		{users, `{
 "columns": [
  {
   "keyspace_name": "Ks",
   "table_name": "second"
  },
  {
   "keyspace_name": "Ks",
   "table_name": "first"
  },
  {
   "keyspace_name": "ks",
   "position": -1,
   "table_name": "t",
   "type": "map<int, text>"
  }
 ]
}
`},
		{systems, `{
 "columns": [
  {
   "keyspace_name": "system",
   "position": 9007199254740993,
   "table_name": "local"
  },
  {
   "keyspace_name": "system_auth",
   "table_name": "roles"
  }
 ]
}
`},
	} {
		file := filepath.Join(t.TempDir(), "rows.json")
		if err := writeRows(file, c.rows); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != c.want {
			t.Errorf("got %s (%v), want %s", got, err, c.want)
		}
	}
	if err := sortRows("columns", []string{`{`}, users, systems); err == nil {
		t.Error("half a row is taken")
	}
}
