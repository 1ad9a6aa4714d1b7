// Patterns of tables: which pass, which match nothing, and that what is left out is
// counted and neither an event nor a fault.

package agent

import (
	"slices"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

func TestTablePatterns(t *testing.T) {
	for _, c := range []struct {
		include, exclude string
		table            string
		want             bool
	}{
		{"", "", "shop.customer", true},
		{"shop.*", "", "shop.customer", true},
		{"shop.*", "", "shopping.customer", false},
		{"shop*.*", "", "shopping.customer", true},
		{"*.customer", "", "shop.customer", true},
		{"*.customer", "", "shop.customers", false},
		{"shop.order_?", "", "shop.order_1", true},
		{"shop.order_[12]", "", "shop.order_3", false},
		{"Shop.*", "", "shop.customer", false}, // names are case-sensitive
		{"a.b, shop.customer", "", "shop.customer", true},
		{"", "shop.*", "shop.customer", false},
		{"", "shop.*", "other.customer", true},
		{"shop.*", "*.tmp*", "shop.tmp_1", false},
		{"shop.*", "*.tmp*", "shop.customer", true},
		{"*.*", "", "shop.customer", true},
	} {
		split := func(text string) (list []string) {
			for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
				list = append(list, part)
			}
			return list
		}
		f, err := Config{Tables: split(c.include), ExcludeTables: split(c.exclude)}.tableFilter()
		if err != nil {
			t.Fatal(err)
		}
		keyspace, name, _ := strings.Cut(c.table, ".")
		table := &schema.Table{Keyspace: keyspace, Name: name}
		for range 2 { // asked, and remembered
			if got := f.passes(table); got != c.want {
				t.Errorf("%+v: %v", c, got)
			}
		}
	}
}

func TestPatternsThatMatchNoTable(t *testing.T) {
	f, err := Config{Tables: []string{"shop.*", "shp.*"}, ExcludeTables: []string{"*.tmp", "shop.old"}}.tableFilter()
	if err != nil {
		t.Fatal(err)
	}
	got := f.unmatched([]*schema.Table{{Keyspace: "shop", Name: "customer"}, {Keyspace: "other", Name: "tmp"}})
	if !slices.Equal(got, []string{"shp.*", "shop.old"}) {
		t.Errorf("%q", got)
	}
}

// The writes of a table that is left out pass by: no event, no quarantine, no warning,
// and the checkpoint moves on.
func TestTablesThatAreLeftOutAreCounted(t *testing.T) {
	write := entryOf(t, scenario, "ck", "t_pk1")
	a, log := newAgent(t, &fakeNode{rows: corpustest.Rows(t, scenario)})
	var err error
	if a.changes.filter, err = (Config{ExcludeTables: []string{"ck.t_pk?"}}).tableFilter(); err != nil {
		t.Fatal(err)
	}
	w := checkpoint.NewWatermark(0)
	for range 3 {
		if err := a.Entry(t.Context(), write.entry(w)); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.skipped.total[excludedTable]; got != 3 || len(a.changes.list) > 0 {
		t.Errorf("%d counted, changes %v", got, a.changes.list)
	}
	if entries, _ := quarantined(t, a); len(entries) > 0 || log.Len() > 0 {
		t.Errorf("quarantine %v, log %s", entries, log)
	}
	if !w.Settled() || w.Offset() != write.Position.Offset {
		t.Errorf("the checkpoint is at %d", w.Offset())
	}
	if names := a.tablesWithCDC(); slices.Contains(names, "ck.t_pk1") || len(names) == 0 {
		t.Errorf("tables %v", names)
	}
	// Others still become events.
	other := entryOf(t, scenario, "ck", "t_all")
	if err := a.decode(t.Context(), other.entry(nil)); err != nil || len(a.changes.list) == 0 {
		t.Errorf("%v, %v", a.changes.list, err)
	}
}
