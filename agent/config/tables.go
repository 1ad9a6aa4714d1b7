// Which tables are published: patterns of keyspace.table.

package config

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// TableFilter says which tables' changes become events. The zero value lets all pass. It
// is not for several goroutines at a time.
type TableFilter struct {
	include, exclude patterns
	known            map[schema.ID]bool // what passes said; an id has one name for ever
}

// TableFilter is the filter of Tables and ExcludeTables. The error holds every pattern that
// is none; [Config.Validate] has them as faults.
func (c Config) TableFilter() (f TableFilter, err error) {
	f.known = map[schema.ID]bool{}
	if f.include, err = compilePatterns(c.Tables); err != nil {
		return f, err
	}
	f.exclude, err = compilePatterns(c.ExcludeTables)
	return f, err
}

// Passes says whether the table is to be published, its cdc flag aside.
func (f *TableFilter) Passes(t *schema.Table) bool {
	if len(f.include)+len(f.exclude) == 0 {
		return true
	}
	passes, known := f.known[t.ID]
	if !known {
		passes = (len(f.include) == 0 || f.include.match(t)) && !f.exclude.match(t)
		f.known[t.ID] = passes
	}
	return passes
}

// Unmatched are the patterns that match none of the tables.
func (f *TableFilter) Unmatched(tables []*schema.Table) []string {
	var idle []string
	for _, list := range []patterns{f.include, f.exclude} {
		for _, p := range list {
			some := false
			for _, t := range tables {
				some = some || p.match(t)
			}
			if !some {
				idle = append(idle, p.keyspace+"."+p.table)
			}
		}
	}
	return idle
}

// pattern is keyspace.table as path.Match understands each of them. Names are
// case-sensitive as they are in system_schema, without quotes.
type pattern struct{ keyspace, table string }

type patterns []pattern

func (p pattern) match(t *schema.Table) bool {
	keyspace, _ := path.Match(p.keyspace, t.Keyspace) // compilePatterns has tried them
	table, _ := path.Match(p.table, t.Name)
	return keyspace && table
}

func (ps patterns) match(t *schema.Table) bool {
	for _, p := range ps {
		if p.match(t) {
			return true
		}
	}
	return false
}

func compilePatterns(texts []string) (patterns, error) {
	var all patterns
	var errs []error
	for _, text := range texts {
		keyspace, table, ok := strings.Cut(text, ".")
		_, err1 := path.Match(keyspace, "")
		_, err2 := path.Match(table, "")
		if !ok || keyspace == "" || table == "" || strings.Contains(table, ".") || strings.Contains(text, "/") || err1 != nil || err2 != nil {
			errs = append(errs, fmt.Errorf("%q is no pattern of keyspace.table", text))
			continue
		}
		all = append(all, pattern{keyspace, table})
	}
	return all, errors.Join(errs...)
}
