// This file sends messages about as large as the broker takes them, and larger.

package pulsar_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// What is too large is refused before it is sent, and says so; everything else
// arrives, in order, in every mode.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	service, _ := broker(t)
	c := connect(t, service)
	if got := c.Limit(); got != maxMessageSize {
		t.Fatalf("the limit is %d: the library's debug line about it has changed", got)
	}
	for _, cfg := range modes {
		t.Run(modeName(cfg), func(t *testing.T) {
			t.Parallel()
			cfg := cfg
			cfg.Topic, cfg.Schema = newTopic(t), tableSchema("c int")
			if cfg.Batching != pulsar.BatchNone {
				cfg.BatchDelay = 20 * time.Millisecond
			}
			p := produce(t, c, cfg)
			consumer, err := c.Subscribe(within(t, time.Minute), pulsar.ConsumerConfig{Topic: cfg.Topic, Subscription: "s", Type: pulsar.Failover})
			if err != nil {
				t.Fatal(err)
			}
			defer consumer.Close()

			// Random bytes in hexadecimal: no compression makes them fit.
			noise := func(n int) []byte {
				b := make([]byte, n)
				for i := range b {
					b[i] = byte(33 + (i*i*7919+i*31)>>3%90)
				}
				return b
			}
			key := []byte("k")
			largest := maxMessageSize - p.EntrySize(&pulsar.Message{Key: key}) // value that just fits
			half := string(noise(maxMessageSize/2 - 400))
			var messages []*pulsar.Message
			add := func(key, value []byte, properties map[string]string) {
				messages = append(messages, &pulsar.Message{Key: key, Value: value, Properties: properties})
			}
			small := func(n int) {
				for i := range n {
					add(fmt.Appendf(nil, "k%d", i%5), []byte("small"), nil)
				}
			}
			small(20)
			add(key, noise(largest+1), nil) // one byte too many
			small(20)
			add(key, noise(largest), nil) // just fits
			add(key, noise(largest), nil)
			small(20)
			add(key, noise(2*maxMessageSize), nil)
			add(key, noise(maxMessageSize*9/10), nil)
			add(key, []byte("v"), map[string]string{"p": half}) // fits: properties count twice
			add(key, []byte("v"), map[string]string{"p": half})
			add(key, []byte("v"), map[string]string{"p": half + strings.Repeat("x", 400)}) // does not
			add(noise(maxMessageSize/3), []byte("v"), nil)                                 // fits as Base64, twice, about; or as text
			add(noise(maxMessageSize), []byte("v"), nil)
			small(20)
			for range 40 { // each is below its share, and all together above a batch
				add(key, noise(maxMessageSize/40), map[string]string{"p": string(noise(maxMessageSize / 40))})
			}
			for range 200 {
				add(key, noise(maxMessageSize/200), nil)
			}
			for _, first := range []int{maxMessageSize / 4, maxMessageSize / 8, maxMessageSize / 16} { // the largest head after a large one
				small(20)
				add(key, nil, map[string]string{"p": string(noise(first - 100))})
				add(key, []byte("v"), map[string]string{"p": half})
			}
			small(20)

			l := newLedger(len(messages))
			for i, m := range messages {
				p.Send(t.Context(), m, l.done(i))
			}
			if err := p.Flush(within(t, time.Minute)); err != nil {
				t.Fatal(err)
			}
			if p.Err() != nil {
				t.Fatalf("the producer is dead: %v", p.Err())
			}
			refused := 0
			byKey := map[string][]*pulsar.Message{}
			for i, m := range messages {
				switch size := p.EntrySize(m); {
				case l.calls[i] != 1:
					t.Errorf("message %d: %d calls", i, l.calls[i])
				case size > maxMessageSize:
					refused++
					if err := l.errs[i]; !errors.Is(err, pulsar.ErrTooLarge) {
						t.Errorf("message %d of %d bytes: %v", i, size, err)
					} else if text := err.Error(); !strings.Contains(text, cfg.Topic) || !strings.Contains(text, fmt.Sprint(size)) || !strings.Contains(text, fmt.Sprint(maxMessageSize)) || !strings.Contains(text, "maxMessageSize") || len(text) > 500 {
						t.Errorf("message %d: %s", i, text)
					}
				case l.errs[i] != nil:
					t.Errorf("message %d of %d bytes: %v", i, size, l.errs[i])
				default:
					byKey[string(m.Key)] = append(byKey[string(m.Key)], m)
				}
			}
			if refused < 4 {
				t.Errorf("only %d are refused", refused)
			}
			for range len(messages) - refused {
				d := receive(t, consumer, 1)[0]
				key := string(d.Key)
				if cfg.TextKey {
					key = d.KeyText
				}
				rest := byKey[key]
				if len(rest) == 0 || !bytes.Equal(rest[0].Value, d.Value) || rest[0].Properties["p"] != d.Properties["p"] || d.SchemaVersion != 0 {
					t.Fatalf("a message of key %.20q came out of turn", key)
				}
				byKey[key] = rest[1:]
			}
		})
	}
}

// If the broker's limit is lower than the client knows, a message that is too large
// is refused nevertheless, alone.
func TestLimitNotKnown(t *testing.T) {
	t.Parallel()
	service, _ := broker(t)
	for _, batching := range []pulsar.Batching{pulsar.BatchNone, pulsar.BatchByBucket, pulsar.BatchAny} {
		t.Run(string(batching), func(t *testing.T) {
			t.Parallel()
			c := connect(t, service)
			cfg := pulsar.ProducerConfig{Topic: newTopic(t), Schema: tableSchema("c int"), Batching: batching}
			p := produce(t, c, cfg)
			c.ForgetLimit()
			const n = 200
			l := newLedger(n)
			for i := range n {
				m := &pulsar.Message{Key: binary.BigEndian.AppendUint32(nil, uint32(i)), Value: []byte("v")}
				if i == n/2 {
					m.Value = bytes.Repeat([]byte("v"), maxMessageSize-len(m.Key)-150)
					m.Properties = map[string]string{"p": strings.Repeat("x", 300)}
				}
				p.Send(t.Context(), m, l.done(i))
			}
			if err := p.Flush(within(t, time.Minute)); err != nil {
				t.Fatal(err)
			}
			failed := 0
			for i := range n {
				if l.calls[i] != 1 {
					t.Errorf("message %d: %d calls", i, l.calls[i])
				}
				if l.errs[i] != nil {
					failed++
				}
			}
			t.Logf("%d of %d failed: %v", failed, n, l.errs[n/2])
			if p.Err() != nil || failed != 1 || !errors.Is(l.errs[n/2], pulsar.ErrTooLarge) {
				t.Errorf("%d failed, that one: %v; the producer: %v", failed, l.errs[n/2], p.Err())
			}
		})
	}
}
