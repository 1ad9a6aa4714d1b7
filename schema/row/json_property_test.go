// Random tables and rows as JSON: what another JSON library reads is what the row was.

package row_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql/cqltest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

func TestRandomJSONRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := randomTable(t)
		e, err := row.NewJSON(table, rapid.Bool().Draw(t, "with the key"))
		if err != nil {
			t.Fatal(err)
		}
		values, want := make([][]byte, len(e.Columns())), map[string]any{}
		for _, name := range e.Omitted() {
			want[avro.Name(name)] = nil
		}
		fails := false
		for i, c := range e.Columns() {
			if c.Name == table.PartitionKey[0].Name || rapid.IntRange(0, 9).Draw(t, "null") > 0 {
				values[i] = cqltest.Value(t, c.Type)
			}
			v, err := meaning(c.Type, values[i])
			fails = fails || err != nil
			want[avro.Name(c.Name)] = asText(c.Type, v)
		}
		payload, err := e.Append(nil, values)
		if err != nil {
			if !fails {
				t.Fatalf("%x: %v", values, err)
			}
			return
		}
		var got map[string]any
		d := json.NewDecoder(strings.NewReader(string(payload)))
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		for _, c := range e.Columns() {
			name := avro.Name(c.Name)
			got[name] = asText(c.Type, got[name])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-row +read):\n%s", payload, diff)
		}
	})
}

// asText brings a value that JSON or Avro gave into one form: texts, lists and maps of
// them; fields of user-defined types that are null are not there.
func asText(t *cql.Type, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case string:
		if t.Kind == cql.Inet {
			return strings.TrimPrefix(v, "/")
		}
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, asText(t.Elem, e))
		}
		return list
	case map[string]any:
		return objectAsText(t, v)
	}
	bits := map[cql.Kind]int{cql.Float: 32, cql.Double: 64}[t.Kind]
	if bits == 0 {
		return fmt.Sprint(v)
	}
	f, err := strconv.ParseFloat(fmt.Sprint(v), bits)
	if err != nil {
		return err
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

func objectAsText(t *cql.Type, v map[string]any) any {
	object := map[string]any{}
	switch t.Kind {
	case cql.Tuple, cql.UDT:
		for i, f := range t.Fields {
			name := avro.Name(avro.FieldName(t, i))
			if e, there := v[name]; e != nil || there && t.Kind == cql.Tuple {
				object[name] = asText(f.Type, e)
			}
		}
		return object
	case cql.Map:
		for key, e := range v {
			if t.Key.Kind == cql.Inet {
				key = strings.TrimPrefix(key, "/")
			}
			object[key] = asText(t.Elem, e)
		}
		return object
	}
	for name, e := range v { // of a decimal or duration
		object[name] = asText(&cql.Type{Kind: cql.VarInt}, e)
	}
	return object
}
