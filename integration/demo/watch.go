// The consumers: everything that arrives on the events and on the data topic, decoded,
// with the time at which it came.

package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/avrojson"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// arrival is one message.
type arrival struct {
	at         time.Time
	keyText    string // as on the wire: events and rows of one key have the same
	key, value string // JSON; value "null" for a delete
	version    int64  // of the topic's schema
	properties map[string]string
}

// watch collects arrivals.
type watch struct {
	schemas *schemas
	stop    context.CancelFunc
	done    sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when something arrives
	events  []arrival
	data    []arrival
	err     error

	consumers []*pulsar.Consumer
}

func newWatch(ctx context.Context, client *pulsar.Client, adminURL string) (*watch, error) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{schemas: newSchemas(adminURL), stop: stop, changed: make(chan struct{})}
	for topic, into := range map[string]*[]arrival{eventsFor: &w.events, DataTopic: &w.data} {
		c, err := client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic, Subscription: "demo", Type: pulsar.Exclusive, Name: "demo"})
		if err != nil {
			w.close()
			return nil, err
		}
		w.consumers = append(w.consumers, c)
		w.done.Go(func() { w.collect(running, c, topic, into) })
	}
	return w, nil
}

func (w *watch) close() {
	w.stop()
	w.done.Wait()
	for _, c := range w.consumers {
		c.Close()
	}
}

func (w *watch) collect(ctx context.Context, c *pulsar.Consumer, topic string, into *[]arrival) {
	for {
		d, err := c.Receive(ctx)
		at := time.Now()
		var a arrival
		if err == nil {
			a, err = w.decode(ctx, topic, d)
			a.at = at
		}
		if err == nil {
			err = c.Ack(d)
		}
		if ctx.Err() != nil {
			return
		}
		w.mu.Lock()
		if err != nil {
			w.err = err
		} else {
			*into = append(*into, a)
		}
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (w *watch) decode(ctx context.Context, topic string, d *pulsar.Delivery) (arrival, error) {
	a := arrival{keyText: d.KeyText, value: "null", version: d.SchemaVersion, properties: d.Properties}
	s, err := w.schemas.version(ctx, topic, d.SchemaVersion)
	if err != nil {
		return a, err
	}
	if a.key, err = avrojson.Render(s.key, d.Key); err != nil {
		return a, fmt.Errorf("key of message %s of %s: %w", d.ID, topic, err)
	}
	if !d.Null {
		if a.value, err = avrojson.RenderWithoutNulls(s.value, d.Value); err != nil {
			return a, fmt.Errorf("value of message %s of %s: %w", d.ID, topic, err)
		}
	}
	return a, nil
}

// counts is how much has arrived so far.
func (w *watch) counts() (events, data int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.events), len(w.data)
}

// since gives what has arrived after the first so many, and a channel that closes when
// there is more.
func (w *watch) since(events, data int) (e, d []arrival, more <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[events:len(w.events):len(w.events)], w.data[data:len(w.data):len(w.data)], w.changed, w.err
}
