// The JSON of every value in the corpus, against what Cassandra's own reader printed.

package cql_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// corpusLine is what a line of expected.jsonl says of values: in hex, and readable.
type corpusLine struct {
	Updates []struct {
		Keyspace string            `json:"ks"`
		Table    string            `json:"table"`
		Key      string            `json:"key"`
		PK       []json.RawMessage `json:"pk"`
		Static   *corpusRow        `json:"static"`
		Items    []corpusRow       `json:"items"`
	} `json:"updates"`
}

type corpusRow struct {
	CK    []*string         `json:"ck"`
	CKJ   []json.RawMessage `json:"ckj"`
	Cells []struct {
		C       string          `json:"c"`
		Path    *string         `json:"path"`
		PathJ   json.RawMessage `json:"pathj"`
		V       *string         `json:"v"`
		J       json.RawMessage `json:"j"`
		Counter *int64          `json:"counter"`
	} `json:"cells"`
}

// corpusDifferences are what Cassandra printed and what is printed here, by release.
var corpusDifferences = map[string]map[string]string{
	// Java's SimpleDateFormat, which says nothing of the sign of a year.
	"3.11.19": {`"5881580-07-11"`: `"+5881580-07-11"`},
}

// corpusSnapshot is the schema that Cassandra read a segment with, which is that of a
// step of the scenario where the file's name says so.
func corpusSnapshot(t *testing.T, segment string) *schema.Snapshot {
	t.Helper()
	scenario := filepath.Dir(segment)
	_, step, _ := strings.Cut(strings.TrimSuffix(filepath.Base(segment), ".expected.jsonl"), ".")
	file := "system_schema.json"
	if step != "" {
		file = "system_schema." + step + ".json"
	}
	rows := schema.SystemSchema() // with what dumps of 6.0 leave out
	for _, file := range []string{filepath.Join(scenario, "..", "system_keyspaces.json"), filepath.Join(scenario, file)} {
		data, err := os.ReadFile(file)
		var more schema.Rows
		if err == nil {
			err = json.Unmarshal(data, &more)
		}
		if err != nil {
			t.Fatal(err)
		}
		rows.Append(more)
	}
	s, err := schema.NewSnapshot(rows)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keyParts splits a partition key: one value, or each with its length in 2 bytes in
// front and a zero behind.
func keyParts(t *testing.T, key []byte, columns int) (parts [][]byte) {
	t.Helper()
	if columns == 1 {
		return [][]byte{key}
	}
	for len(key) >= 3 {
		n := int(binary.BigEndian.Uint16(key))
		if len(key) < n+3 {
			break
		}
		parts, key = append(parts, key[2:2+n]), key[n+3:]
	}
	if len(key) != 0 || len(parts) != columns {
		t.Fatalf("a key of %d parts, %x left", len(parts), key)
	}
	return parts
}

// cellTypes are the types of the path and of the value in a cell of a column.
func cellTypes(t *testing.T, column *cql.Type, path []byte) (of, value *cql.Type) {
	t.Helper()
	switch column.Kind {
	case cql.List:
		return &cql.Type{Kind: cql.TimeUUID}, column.Elem
	case cql.Set:
		return column.Elem, &cql.Type{Kind: cql.Empty}
	case cql.Map:
		return column.Key, column.Elem
	}
	if len(path) != 2 || int(binary.BigEndian.Uint16(path)) >= len(column.Fields) {
		t.Fatalf("path %x of %s", path, column)
	}
	return &cql.Type{Kind: cql.SmallInt}, column.Fields[binary.BigEndian.Uint16(path)].Type
}

func TestJSONOfTheCorpusIsWhatCassandraPrinted(t *testing.T) {
	segments, err := filepath.Glob(corpus + "*/*/*.expected.jsonl")
	if err != nil || len(segments) < 5 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}
	kinds := map[cql.Kind]bool{}
	met := map[string]bool{}
	for _, segment := range segments {
		release := filepath.Base(filepath.Dir(filepath.Dir(segment)))
		s := corpusSnapshot(t, segment)
		values := 0
		check := func(typ *cql.Type, digits string, want json.RawMessage) {
			t.Helper()
			v := unhex(t, digits)
			if want == nil { // Cassandra's reader prints nothing for a value of no bytes
				if len(v) > 0 {
					t.Errorf("%s: %s %s has no JSON", segment, typ, digits)
				}
				return
			}
			values++
			kinds[typ.Kind] = true
			if err := typ.Validate(v); err != nil {
				t.Errorf("%s: %s %s: %v", segment, typ, digits, err)
			}
			got, err := typ.AppendJSON(nil, v)
			if here, ok := corpusDifferences[release][string(want)]; ok {
				met[release+string(want)] = true
				want = json.RawMessage(here)
			}
			if err != nil || string(got) != string(want) {
				t.Errorf("%s: %s %s is %s, want %s: %v", segment, typ, digits, got, want, err)
			}
		}
		lines, err := os.ReadFile(segment)
		if err != nil {
			t.Fatal(err)
		}
		for text := range bytes.Lines(lines) {
			var line corpusLine
			if err := json.Unmarshal(text, &line); err != nil {
				t.Fatalf("%s: %v", segment, err)
			}
			for _, u := range line.Updates {
				table := s.Lookup(u.Keyspace, u.Table)
				if table == nil {
					t.Fatalf("%s: no table %s.%s", segment, u.Keyspace, u.Table)
				}
				for i, v := range keyParts(t, unhex(t, u.Key), len(table.PartitionKey)) {
					if got, err := table.PartitionKey[i].Type.AppendJSON(nil, v); err != nil || string(got) != string(u.PK[i]) {
						t.Errorf("%s: key of %s is %s, want %s, %v", segment, table, got, u.PK[i], err)
					}
				}
				if u.Static != nil {
					u.Items = append(u.Items, *u.Static)
				}
				for _, row := range u.Items {
					for i, v := range row.CK {
						if v != nil && row.CKJ != nil {
							check(table.Clustering[i].Type, *v, row.CKJ[i])
						}
					}
					for _, c := range row.Cells {
						typ := table.Stored([]byte(c.C)).Type
						if c.Path != nil {
							var of *cql.Type
							of, typ = cellTypes(t, typ, unhex(t, *c.Path))
							check(of, *c.Path, c.PathJ)
						}
						if c.Counter != nil {
							if total, err := cql.CounterTotal(unhex(t, *c.V)); err != nil || total != *c.Counter || typ.Validate(unhex(t, *c.V)) != nil {
								t.Errorf("%s: counter %s is %d, want %d, %v", segment, *c.V, total, *c.Counter, err)
							}
							kinds[cql.Counter] = true
						} else if c.V != nil {
							check(typ, *c.V, c.J)
						}
					}
				}
			}
		}
		t.Logf("%s: %d values", strings.TrimPrefix(segment, corpus), values)
	}
	for k := cql.ASCII; k < cql.Custom; k++ {
		if !kinds[k] && k != cql.Empty {
			t.Errorf("no value of kind %d in the corpus", k)
		}
	}
	for release, differences := range corpusDifferences {
		for want := range differences {
			if !met[release+want] {
				t.Errorf("%s: %s is not in the corpus", release, want)
			}
		}
	}
}
