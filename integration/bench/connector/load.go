// The load: rows of a table, and the events of them on a topic, as the agents of three
// replicas would write them.

package main

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

const (
	keyspace       = "bench"
	createKeyspace = "CREATE KEYSPACE IF NOT EXISTS bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
	columns        = "customer text, note text, amount bigint, at timestamp, paid boolean"
	hotKeys        = 1000
	rowsAPartition = 100
	// lag is how many mutations a replica's events are behind those of the replica before.
	lag = 200
)

// scenario is one kind of load. Its table has the scenario's name.
type scenario struct {
	name       string
	key        string // columns of the primary key
	primaryKey string
	replicas   int
	rows       func(events int) int
	keyOf      func(row int) [][]byte // raw values; the first is the partition key
}

var scenarios = []scenario{
	{"distinct", "id bigint", "id", 1, func(events int) int { return events }, func(row int) [][]byte { return [][]byte{long(row)} }},
	{"hot", "id bigint", "id", 3, func(int) int { return hotKeys }, func(row int) [][]byte { return [][]byte{long(row)} }},
	{"partitions", "id bigint, line bigint", "id, line", 1, func(events int) int { return events }, func(row int) [][]byte {
		return [][]byte{long(row / rowsAPartition), long(row % rowsAPartition)}
	}},
}

func long(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func (s scenario) create() string {
	return fmt.Sprintf("CREATE TABLE IF NOT EXISTS bench.%s (%s, %s, PRIMARY KEY (%s)) WITH cdc = true", s.name, s.key, columns, s.primaryKey)
}

func (s scenario) insert() string {
	key := strings.ReplaceAll(s.key, " bigint", "")
	markers := strings.Repeat("?, ", 5+strings.Count(key, ",")) + "?"
	return fmt.Sprintf("INSERT INTO bench.%s (%s, customer, note, amount, at, paid) VALUES (%s) USING TIMESTAMP ?", s.name, key, markers)
}

// mutations is how many of them make so many events.
func (s scenario) mutations(events int) int { return events / s.replicas }

// row is the row that a mutation changes: each has one, or several of the hot rows in no
// order.
func (s scenario) row(mutation, events int) int {
	if rows := s.rows(events); rows < events {
		return rand.New(rand.NewPCG(uint64(mutation), 3)).IntN(rows)
	}
	return mutation
}

// writeTime is of a mutation, µs since 1970.
func writeTime(mutation int) int64 { return 1_700_000_000_000_000 + int64(mutation) }

const (
	fillers   = 8
	batchRows = 64
)

// fill makes the table and writes its rows, each with the write time of its last mutation.
func (s scenario) fill(ctx context.Context, session *cassandra.Session, events int) error {
	for _, statement := range []string{createKeyspace, s.create()} {
		if err := session.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	times := make([]int64, s.rows(events))
	for m := range s.mutations(events) {
		times[s.row(m, events)] = writeTime(m)
	}
	g, ctx := errgroup.WithContext(ctx)
	for f := range fillers {
		g.Go(func() error {
			pick := rand.New(rand.NewPCG(uint64(f), 1))
			for first := f * batchRows; first < len(times); first += fillers * batchRows {
				rows := make([][][]byte, min(batchRows, len(times)-first))
				for i := range rows {
					rows[i] = append(s.keyOf(first+i), values(pick)...)
					rows[i] = append(rows[i], long(int(times[first+i])))
				}
				if err := session.ExecBatch(ctx, s.insert(), rows); err != nil {
					return fmt.Errorf("write the rows: %w", err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// values are those of a row of about 100 bytes.
func values(pick *rand.Rand) [][]byte {
	return [][]byte{
		[]byte(fmt.Sprintf("customer %d", pick.IntN(100_000))),
		[]byte(strings.Repeat(string(rune('a'+pick.IntN(26))), 58)),
		long(pick.IntN(1_000_000)),
		long(1_700_000_000_000 + pick.IntN(1e10)),
		{byte(pick.IntN(2))},
	}
}

// topics of a run.
type topics struct {
	events, subscription, data string
	batching                   pulsar.Batching // of the events
}

// publish makes the topics, with subscriptions that keep their messages, and writes the
// events. The replicas' events come in the order of the mutations, each replica some way
// behind the one before. All of them name the one node that there is.
func (s scenario) publish(ctx context.Context, session *cassandra.Session, serviceURL string, t topics, events int) error {
	node, err := session.Local(ctx, "")
	if err != nil {
		return err
	}
	table, err := tableOf(ctx, session, s.name)
	if err != nil {
		return err
	}
	key, err := event.NewKey(table)
	if err != nil {
		return err
	}
	client, err := pulsar.Connect(ctx, pulsar.Config{ServiceURL: serviceURL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer client.Close()
	for _, c := range []pulsar.ConsumerConfig{
		{Topic: t.events, Subscription: t.subscription, Type: pulsar.KeyShared}, {Topic: t.data, Subscription: "bench"},
	} {
		consumer, err := client.Subscribe(ctx, c)
		if err != nil {
			return err
		}
		consumer.Close()
	}
	producer, err := client.Producer(ctx, pulsar.ProducerConfig{Topic: t.events, Schema: key.Registry(table), Batching: t.batching})
	if err != nil {
		return err
	}
	defer producer.Close()
	failed := make(chan error, 1)
	mutations := s.mutations(events)
	for step := range mutations + lag*(s.replicas-1) {
		for replica := range s.replicas {
			m := step - replica*lag
			if m < 0 || m >= mutations {
				continue
			}
			message, err := newEvent(key, s.keyOf(s.row(m, events)), m, node.HostID)
			if err != nil {
				return err
			}
			producer.Send(ctx, message, func(_ pulsar.Receipt, err error) {
				if err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			})
		}
	}
	if err := producer.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return fmt.Errorf("publish the events: %w", err)
	default:
		return nil
	}
}

// newEvent is a replica's event of a mutation, with a digest of its own.
func newEvent(key *event.Key, values [][]byte, mutation int, hostID string) (*pulsar.Message, error) {
	encoded, err := key.Append(nil, values[:1], values[1:])
	if err != nil {
		return nil, err
	}
	digest := md5.Sum(long(mutation))
	token := event.Token(values[0])
	return &pulsar.Message{
		Key: encoded, Token: token,
		Value: event.AppendMutation(nil, event.Mutation{Digest: hex.EncodeToString(digest[:]), NodeID: hostID}),
		Properties: event.Properties{
			Segment: time.Now().UnixMilli(), Offset: int64(mutation), Token: token, WriteTime: writeTime(mutation), Operation: event.Insert,
		}.Map(),
	}, nil
}

func tableOf(ctx context.Context, session *cassandra.Session, name string) (*schema.Table, error) {
	rows, err := session.Schema(ctx, "", keyspace)
	if err != nil {
		return nil, err
	}
	snapshot, err := schema.NewSnapshot(rows)
	if err != nil {
		return nil, err
	}
	table := snapshot.Lookup(keyspace, name)
	if table == nil {
		return nil, errors.New("the table is not there: " + name)
	}
	return table, nil
}
