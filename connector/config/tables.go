// Which tables are published, and what their topics are called.

package config

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Several says whether Tables chooses the tables, rather than Keyspace and Table.
func (c Config) Several() bool { return len(c.Tables) > 0 }

// Chosen says whether a table is to be published, its cdc flag aside.
func (c Config) Chosen(keyspace, table string) bool {
	if !c.Several() {
		return keyspace == c.Keyspace && table == c.Table
	}
	match := func(p string) bool { return matches(p, keyspace, table) }
	return slices.ContainsFunc(c.Tables, match) && !slices.ContainsFunc(c.TablesExclude, match)
}

// Unmatched are the patterns of Tables and TablesExclude that match none of the tables,
// each given as keyspace and table.
func (c Config) Unmatched(tables [][2]string) []string {
	var idle []string
	for _, p := range slices.Concat(c.Tables, c.TablesExclude) {
		if !slices.ContainsFunc(tables, func(t [2]string) bool { return matches(p, t[0], t[1]) }) {
			idle = append(idle, p)
		}
	}
	return idle
}

// Events is the topic of a table's events.
func (c Config) Events(keyspace, table string) string {
	return named(c.EventsTopic, "events-{keyspace}.{table}", keyspace, table)
}

// Destination is the topic of a table's rows.
func (c Config) Destination(keyspace, table string) string {
	return named(c.DestinationTopic, "data-{keyspace}.{table}", keyspace, table)
}

// DeadLetters is the topic of a table's dead letters, named as Pulsar's own clients name it
// unless it is set. The subscription of a function has slashes in its name, which a topic
// must not.
func (c Config) DeadLetters(keyspace, table string) string {
	subscription := strings.ReplaceAll(c.WithDefaults().EventsSubscription, "/", "-")
	return named(c.DeadLetterTopic, c.Events(keyspace, table)+"-"+subscription+"-DLQ", keyspace, table)
}

func named(template, otherwise, keyspace, table string) string {
	if template == "" {
		template = otherwise
	}
	return strings.NewReplacer("{keyspace}", keyspace, "{table}", table).Replace(template)
}

// templateFault is what is wrong with a name of a topic; "" when nothing is.
func templateFault(template string, several bool) string {
	left := strings.NewReplacer("{keyspace}", "", "{table}", "").Replace(template)
	switch {
	case strings.ContainsAny(left, "{}"):
		return "braces in it hold something else than keyspace and table"
	case several && template != "" && (!strings.Contains(template, "{keyspace}") || !strings.Contains(template, "{table}")):
		return "it is one topic for the tables of tables: each needs its own"
	}
	return ""
}

// matches says whether keyspace and table match a pattern; one that is none matches nothing.
// Names are case-sensitive as they are in system_schema, without quotes.
func matches(pattern, keyspace, table string) bool {
	ks, t, _ := strings.Cut(pattern, ".")
	one, _ := path.Match(ks, keyspace)
	other, _ := path.Match(t, table)
	return one && other
}

// checkPatterns says which texts are no patterns of keyspace.table.
func checkPatterns(texts []string) error {
	var errs []error
	for _, text := range texts {
		keyspace, table, ok := strings.Cut(text, ".")
		_, err1 := path.Match(keyspace, "")
		_, err2 := path.Match(table, "")
		if !ok || keyspace == "" || table == "" || strings.Contains(table, ".") || strings.Contains(text, "/") || err1 != nil || err2 != nil {
			errs = append(errs, fmt.Errorf("%q is no pattern of keyspace.table", text))
		}
	}
	return errors.Join(errs...)
}
