// What a row becomes on the data topic, in each output format.

package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// Three events of one table: of a row, of the static row, of a row that is gone.
func TestFormats(t *testing.T) {
	table := capturetest.Table(t, `CREATE TABLE ks.t (p tinyint, c int, v text, s text static, PRIMARY KEY (p, c))`)
	rowKey, staticKey := "\xfc\x03\x02\x02", "\xfc\x03\x00" // p = -2, unsigned, and c = 1 or null
	for _, c := range []struct {
		format           row.Format
		rowKey           string
		row, static, not string // "null" is no payload
		staticKey        string
		properties       map[string]string
	}{
		{
			format: row.KeyValueAvro, rowKey: rowKey, staticKey: staticKey,
			row: "\x02\x02v\x02\x02s", static: "\x00\x02\x02s", not: "null", properties: map[string]string{"writetime": "7"},
		}, {
			format: row.KeyValueJSON, rowKey: `{"p":254,"c":1}`, staticKey: `{"p":254,"c":null}`,
			row: `{"v":"v","s":"s"}`, static: `{"s":"s"}`, not: "null", properties: map[string]string{"writetime": "7"},
		}, {
			format: row.PlainJSON, rowKey: `{"p":254,"c":1}`, staticKey: `{"p":254,"c":null}`,
			row: `{"p":-2,"c":1,"v":"v","s":"s"}`, static: `{"s":"s"}`, not: "{}", properties: map[string]string{},
		},
	} {
		t.Run(string(c.format), func(t *testing.T) {
			messages, err := row.NewMessages(table, c.format)
			if err != nil {
				t.Fatal(err)
			}
			inBubble(t, func(t *testing.T, r *rig) {
				version := &readback.Version{Table: table, Messages: messages, Schema: messages.Schema()}
				read := func(static bool, columns map[string]string) {
					r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
						row := readback.Row{Version: version, Key: req.Key, Fresh: true, Static: static}
						for _, column := range messages.Columns() {
							if columns == nil {
								break
							}
							var v []byte
							if text, ok := columns[column.Name]; ok {
								v = []byte(text)
							}
							row.Values = append(row.Values, v)
						}
						return row, nil
					}
				}
				read(false, map[string]string{"p": "\xfe", "c": "\x00\x00\x00\x01", "v": "v", "s": "s"})
				r.start(newEvent("e1", rowKey, 7))
				read(true, map[string]string{"p": "\xfe", "s": "s"})
				r.send(newEvent("e2", staticKey, 7))
				read(false, nil)
				r.send(newEvent("e3", rowKey, 7))
				var got []string
				for _, m := range r.published() {
					got = append(got, describe(m))
					if m.Schema != version.Schema {
						t.Error("not the schema of the version")
					}
				}
				want := []string{
					fmt.Sprintf("%q %q %v", c.rowKey, c.row, c.properties),
					fmt.Sprintf("%q %q %v", c.staticKey, c.static, c.properties),
					fmt.Sprintf("%q %q %v", c.rowKey, c.not, c.properties),
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("messages (-want +got):\n%s", diff)
				}
				r.stop()
			})
		})
	}
}

func describe(m pipeline.Message) string {
	value := "null"
	if m.Value != nil {
		value = string(m.Value)
	}
	return fmt.Sprintf("%q %q %v", m.Key, value, m.Properties)
}

// The key of an event that is no key of the table's is a dead letter in the formats
// that look into it.
func TestKeyThatJSONCannotHold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		messages, err := row.NewMessages(r.version.Table, row.PlainJSON)
		if err != nil {
			t.Fatal(err)
		}
		r.version.Messages = messages
		var reason error
		r.bury = func(_ *pipeline.Event, why error) error { reason = why; return nil }
		r.start(newEvent("e1", "\x02", 1))
		r.sleep(10 * 60e9)
		if reason == nil || !strings.Contains(reason.Error(), "ks.t") || len(r.published()) != 0 {
			t.Errorf("%v; published %v", reason, r.published())
		}
		r.stop()
	})
}
