// Patterns of tables: which pass, and which match nothing.

package config

import (
	"slices"
	"strings"
	"testing"

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
		f, err := Config{Tables: split(c.include), ExcludeTables: split(c.exclude)}.TableFilter()
		if err != nil {
			t.Fatal(err)
		}
		keyspace, name, _ := strings.Cut(c.table, ".")
		table := &schema.Table{Keyspace: keyspace, Name: name}
		for range 2 { // asked, and remembered
			if got := f.Passes(table); got != c.want {
				t.Errorf("%+v: %v", c, got)
			}
		}
	}
}

func TestPatternsThatMatchNoTable(t *testing.T) {
	f, err := Config{Tables: []string{"shop.*", "shp.*"}, ExcludeTables: []string{"*.tmp", "shop.old"}}.TableFilter()
	if err != nil {
		t.Fatal(err)
	}
	got := f.Unmatched([]*schema.Table{{Keyspace: "shop", Name: "customer"}, {Keyspace: "other", Name: "tmp"}})
	if !slices.Equal(got, []string{"shp.*", "shop.old"}) {
		t.Errorf("%q", got)
	}
}
