// What it takes to make an event, without a broker: from the bytes of an entry to the
// message that the client is given.

package agent

import (
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

func BenchmarkEventOfAnEntry(b *testing.B) {
	for _, table := range []string{"t_pk1", "t_all"} {
		b.Run(table, func(b *testing.B) {
			tables, err := history.New(corpustest.Rows(b, scenario))
			if err != nil {
				b.Fatal(err)
			}
			a := &agent{decoder: mutation.NewDecoder(tables)}
			e := entryOf(b, scenario, "ck", table)
			out := &output{}
			b.ReportAllocs()
			for b.Loop() {
				a.changes.reset()
				if err := a.decoder.Decode(e.Version, e.Body, &a.changes); err != nil {
					b.Fatal(err)
				}
				payload := event.AppendMutation(nil, event.Mutation{Digest: a.digest(e.Body), NodeID: "d2177dd0-eaa2-11de-a572-001b779c76e3"})
				for _, c := range a.changes.list {
					if out.table != c.table {
						out.table = c.table
						if out.key, err = event.NewKey(c.table); err != nil {
							b.Fatal(err)
						}
					}
					if _, err := out.message(c, payload, e.Position); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
