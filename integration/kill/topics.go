// The events topics: everything on them goes to the ledger.

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

const subscription = "kill"

func topic(table string) string { return "events-" + keyspace + "." + table }

// topics reads all events topics from their beginning.
type topics struct {
	ledger  *ledger
	say     func(string)
	stop    context.CancelFunc
	readers sync.WaitGroup

	mu        sync.Mutex
	err       error
	arrived   time.Time // when the last event came
	published time.Time // and when the newest was published
}

// ledgers make the broker begin a new ledger often, as it does by itself after some time.
var ledgers = map[string]string{"managedLedgerMaxEntriesPerLedger": "5000", "managedLedgerMinLedgerRolloverTimeMinutes": "0"}

// subscribe makes the subscription before the first event: when a ledger ends, Pulsar
// deletes what no subscription waits for.
func (s *stage) subscribe(ctx context.Context) error {
	for _, table := range tables {
		c, err := s.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic(table), Subscription: subscription})
		if err != nil {
			return err
		}
		c.Close()
	}
	return nil
}

func (s *stage) read(ctx context.Context, say func(string)) (*topics, error) {
	ctx, stop := context.WithCancel(ctx)
	t := &topics{ledger: s.ledger, say: say, stop: stop, arrived: time.Now()}
	for _, table := range tables {
		c, err := s.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic(table), Subscription: subscription})
		if err != nil {
			_ = t.close()
			return nil, err
		}
		t.readers.Go(func() {
			defer c.Close()
			for ctx.Err() == nil {
				if err := t.receive(ctx, c, table); err != nil && ctx.Err() == nil {
					t.mu.Lock()
					t.err = errors.Join(t.err, err)
					t.mu.Unlock()
					return
				}
			}
		})
	}
	return t, nil
}

// close stops reading and tells what went wrong with it.
func (t *topics) close() error {
	t.stop()
	t.readers.Wait()
	return t.err
}

func (t *topics) receive(ctx context.Context, c *pulsar.Consumer, table string) error {
	d, err := c.Receive(ctx)
	if err != nil {
		return err
	}
	e, err := parse(table, d)
	if err != nil {
		return fmt.Errorf("message %s of %s: %w", d.ID, topic(table), err)
	}
	t.ledger.tick(e)
	t.mu.Lock()
	t.arrived = time.Now()
	if d.PublishTime.After(t.published) {
		t.published = d.PublishTime
	}
	t.mu.Unlock()
	return c.Ack(d)
}

func (t *topics) times() (arrived, published time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.arrived, t.published, t.err
}

// patience is how long nothing may come before what is awaited counts as missing.
const patience = 30 * time.Second

// wait goes on until done says so, or until nothing has come for a while: then the page
// tells what is missing.
func (t *topics) wait(ctx context.Context, what string, done func() (bool, error)) error {
	poll, report := time.NewTicker(100*time.Millisecond), time.NewTicker(10*time.Second)
	defer poll.Stop()
	defer report.Stop()
	began := time.Now()
	for {
		arrived, _, failed := t.times()
		ok, err := done()
		switch {
		case failed != nil || err != nil:
			return errors.Join(failed, err)
		case ok:
			return nil
		case time.Since(arrived) > patience && time.Since(began) > patience:
			t.say("gave up waiting for " + what)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-report.C:
			t.say(fmt.Sprintf("waiting for %s; %d writes have no event yet", what, t.ledger.left()))
		case <-poll.C:
		}
	}
}

// parse reads what an event is about, without the code that wrote it: Avro's integers are
// Go's varints, and a value that may be null has 0 or 1 in front.
func parse(table string, d *pulsar.Delivery) (e arrived, err error) {
	e = arrived{key: rowKey{table: table, whole: true}, published: d.PublishTime}
	rest := d.Key
	number := func() int64 {
		v, n := binary.Varint(rest)
		if n <= 0 {
			err = fmt.Errorf("key %x", d.Key)
			return 0
		}
		rest = rest[n:]
		return v
	}
	e.key.partition = number()
	if table == wide && number() == 1 {
		e.key.clustering, e.key.whole = int32(number()), false
	}
	if len(rest) > 0 {
		err = fmt.Errorf("key %x", d.Key)
	}
	if err != nil {
		return e, err
	}
	if e.position, err = commitlog.ParsePosition(d.Properties["segpos"]); err != nil {
		return e, err
	}
	e.writeTime, err = strconv.ParseInt(d.Properties["writetime"], 10, 64)
	return e, err
}

// stats are the broker's account of a topic.
type stats struct {
	Messages      int `json:"msgInCounter"`
	Subscriptions map[string]struct {
		Backlog int `json:"msgBacklog"`
	} `json:"subscriptions"`
}

func (s *stage) stats(ctx context.Context, table string) (st stats, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.broker.AdminURL()+"/admin/v2/persistent/public/default/"+url.PathEscape(topic(table))+"/stats", nil)
	if err != nil {
		return st, err
	}
	answer, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return st, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return st, err
	case answer.StatusCode == http.StatusNotFound:
		return st, nil // nothing was published yet
	case answer.StatusCode != http.StatusOK:
		return st, fmt.Errorf("ask for the statistics of %s: %s: %.200s", topic(table), answer.Status, body)
	}
	return st, json.Unmarshal(body, &st)
}

// allRead says whether the broker has an acknowledgement of every message.
func (s *stage) allRead(ctx context.Context) (bool, error) {
	for _, table := range tables {
		st, err := s.stats(ctx, table)
		if err != nil || st.Subscriptions[subscription].Backlog > 0 {
			return false, err
		}
	}
	return true, nil
}
