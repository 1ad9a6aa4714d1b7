// The choice of the columns that messages show.

package row

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// ParseColumns compiles the connector's setting columns: a regular expression that a
// column's whole name matches, without quotes and in its case.
func ParseColumns(expression string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(expression); err != nil {
		return nil, fmt.Errorf("a regular expression for names of columns: %w", err)
	}
	return regexp.MustCompile("^(?:" + expression + ")$"), nil
}

// Selected is the table with those of its regular and static columns that only matches;
// nil matches all. The primary key stays: what messages show of it is the format's.
func Selected(t *schema.Table, only *regexp.Regexp) *schema.Table {
	if only == nil {
		return t
	}
	left := *t
	hidden := func(c schema.Column) bool { return !only.MatchString(c.Name) }
	left.Regular = slices.DeleteFunc(slices.Clone(t.Regular), hidden)
	left.Static = slices.DeleteFunc(slices.Clone(t.Static), hidden)
	return &left
}
