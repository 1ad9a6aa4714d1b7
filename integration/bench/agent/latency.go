// How long a write takes to its event: from the client's send to the message's publish time,
// and to its arrival at a consumer.

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/integration/bench/measure"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

const (
	createLatency = "CREATE TABLE IF NOT EXISTS bench.latency (id bigint PRIMARY KEY, customer text, note text, amount bigint, at timestamp, paid boolean) WITH cdc = true"
	insertLatency = "INSERT INTO bench.latency (id, customer, note, amount, at, paid) VALUES (?, ?, ?, ?, ?, ?)"
)

// latency is of the writes at one rate, in ms.
type latency struct {
	Writes    int     `json:"writes"`
	Published figures `json:"published"`
	Received  figures `json:"received"` // at a consumer: persisted for certain
}

type figures struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// meter writes rows with keys of their own and receives their events.
type meter struct {
	session  *cassandra.Session
	client   *pulsar.Client
	consumer *pulsar.Consumer
	next     int64
}

func newMeter(ctx context.Context, contactPoint, serviceURL, topic string) (m *meter, err error) {
	m = &meter{next: time.Now().UnixNano()} // no key comes again
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	if m.session, err = cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{contactPoint}, OnlyContactPoints: true, Timeout: time.Minute}); err != nil {
		return m, err
	}
	for _, statement := range []string{createKeyspace, createLatency} {
		if err := m.session.Exec(ctx, statement); err != nil {
			return m, fmt.Errorf("%s: %w", statement, err)
		}
	}
	if m.client, err = pulsar.Connect(ctx, pulsar.Config{ServiceURL: serviceURL, Log: slog.New(slog.DiscardHandler)}); err != nil {
		return m, err
	}
	m.consumer, err = m.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic, Subscription: "bench-agent"})
	return m, err
}

func (m *meter) close() {
	if m.consumer != nil {
		m.consumer.Close()
	}
	if m.client != nil {
		m.client.Close()
	}
	if m.session != nil {
		m.session.Close()
	}
}

// warmUp is how long writes are made that do not count: the first of a table makes its topic.
const warmUp = 3 * time.Second

// measure writes for so long at that rate, after a warm-up, and waits for the events.
func (m *meter) measure(ctx context.Context, rate int, during time.Duration) (l latency, err error) {
	var mu sync.Mutex
	sent := map[int64]time.Time{}
	writing := true
	var published, received []float64
	counts := time.Now().Add(warmUp)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		last := time.Now()
		for {
			mu.Lock()
			left, more := len(sent), writing
			mu.Unlock()
			if left == 0 && !more {
				return nil
			}
			waiting, cancel := context.WithTimeout(ctx, time.Second)
			d, err := m.consumer.Receive(waiting)
			cancel()
			now := time.Now()
			switch {
			case err == nil:
				last = now
			case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) && (more || now.Sub(last) < measure.Patience):
				continue
			default:
				return fmt.Errorf("%d writes have no event: %w", left, err)
			}
			if err := m.consumer.Ack(d); err != nil {
				return err
			}
			id, n := binary.Varint(d.Key) // Avro's long is Go's varint
			if n != len(d.Key) {
				return fmt.Errorf("the event's key is %x, not one bigint", d.Key)
			}
			mu.Lock()
			at, ours := sent[id]
			delete(sent, id)
			mu.Unlock()
			if ours && at.After(counts) {
				published = append(published, d.PublishTime.Sub(at).Seconds()*1000)
				received = append(received, now.Sub(at).Seconds()*1000)
			}
		}
	})
	group.Go(func() error {
		defer func() {
			mu.Lock()
			writing = false
			mu.Unlock()
		}()
		writes, ctx := errgroup.WithContext(ctx)
		writes.SetLimit(32)
		pick := rand.New(rand.NewPCG(uint64(rate), 2))
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for end := counts.Add(during); time.Now().Before(end) && ctx.Err() == nil; <-tick.C {
			id := m.next
			m.next++
			row := newRow(pick, id)
			writes.Go(func() error {
				mu.Lock()
				sent[id] = time.Now()
				mu.Unlock()
				return m.session.ExecBatch(ctx, insertLatency, [][][]byte{row})
			})
		}
		return writes.Wait()
	})
	if err := group.Wait(); err != nil {
		return l, err
	}
	if len(published) == 0 {
		return l, errors.New("nothing was measured")
	}
	return latency{len(published), summary(published), summary(received)}, nil
}

func summary(all []float64) figures {
	slices.Sort(all)
	return figures{all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}
}
