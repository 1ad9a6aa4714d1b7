// Names in CQL text: quoted only where they must be.

package cql

import (
	"strconv"
	"strings"
)

// Quote is an identifier as CQL text needs it: unchanged when it is lower case and
// no reserved word, in double quotes otherwise.
func Quote(name string) string {
	plain := name != "" && !reserved[name]
	for i := 0; plain && i < len(name); i++ {
		c := name[i]
		plain = c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '_')
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// reserved are the words that CQL never takes as a bare identifier
// (Cassandra documentation, appendix A of the CQL reference).
var reserved = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`add allow alter and apply asc authorize batch begin by columnfamily create default
		delete desc describe drop entries execute from full grant if in index infinity insert into is keyspace limit
		materialized mbean mbeans modify nan norecursive not null of on or order primary rename replace revoke schema
		select set table to token truncate unlogged unset update use using view where with`) {
		m[w] = true
	}
	return m
}()

func itoa(n int) string { return strconv.Itoa(n) }
