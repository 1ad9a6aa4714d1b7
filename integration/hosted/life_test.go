// The life of a source whose instances are processes.

package hosted

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

const (
	name      = "life"
	dataTopic = "data-hosted.t"
)

// admin runs pulsar-admin, where the command itself is what a person types.
func (s *stage) admin(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.broker.AdminCommand(ctx, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("pulsar-admin %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func availableSources(ctx context.Context, t *testing.T, s *stage) {
	if out := s.admin(ctx, t, "sources", "available-sources"); !strings.Contains(out, "cassandra-source") || !strings.Contains(out, "Apache Cassandra") {
		t.Errorf("pulsar-admin sources available-sources: %s", out)
	}
}

// create makes two instances and has both at work, as the status says.
func create(ctx context.Context, t *testing.T, s *stage) {
	s.admin(ctx, t, "sources", "create", "--name", name, "--source-type", "cassandra-source", "--parallelism", "2", "--destination-topic-name", dataTopic,
		"--producer-config", `{"batchBuilder":"KEY_BASED","compressionType":"ZSTD"}`, "--source-config", text(t, s.settings(nil)))
	s.programs(ctx, t, 2)
	data := s.follow(ctx, t, dataTopic)
	s.bothWork(ctx, t)
	data.arrive(ctx, t, s.write(ctx, t, 100))
	until(ctx, t, "the status", func() bool {
		st := s.status(ctx, t, name)
		received, written, restarts := st.sum()
		return st.Running == 2 && received == s.written && written == s.written && restarts == 0 &&
			st.Instances[0].Status.Written > 0 && st.Instances[1].Status.Written > 0 && time.Since(time.UnixMilli(st.Instances[0].Status.LastReceived)) < time.Hour
	})
	metrics, err := s.broker.Get(ctx, "/metrics/")
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range []string{"pulsar_source_written_total", "pulsar_source_received_total"} {
		if !strings.Contains(metrics, metric+`{tenant="public",namespace="public/default",name="life"`) {
			t.Errorf("no %s of the source among the broker's metrics", metric)
		}
	}
}

// consumers are those of a subscription of the events topic.
func (s *stage) consumers(ctx context.Context, t *testing.T, subscription string) int {
	t.Helper()
	body, err := s.broker.Get(ctx, "/admin/v2/persistent/public/default/"+eventsTopic+"/stats")
	var stats struct {
		Subscriptions map[string]struct {
			Type      string            `json:"type"`
			Consumers []json.RawMessage `json:"consumers"`
		} `json:"subscriptions"`
	}
	if err == nil {
		err = json.Unmarshal([]byte(body), &stats)
	}
	if err != nil {
		t.Fatal(err)
	}
	sub := stats.Subscriptions[subscription]
	if len(sub.Consumers) > 0 && sub.Type != "Key_Shared" {
		t.Fatalf("subscription %s is of type %s", subscription, sub.Type)
	}
	return len(sub.Consumers)
}

// bothWork waits until both instances receive events.
func (s *stage) bothWork(ctx context.Context, t *testing.T) {
	t.Helper()
	until(ctx, t, "two consumers of the events", func() bool { return s.consumers(ctx, t, "sub") == 2 })
}

// keysStay holds that no two consumers get events of one key, as the broker assigns them
// by the key that our agent and our consumer agree about.
func keysStay(ctx context.Context, t *testing.T, s *stage) {
	var consumers []*pulsar.Consumer
	for range 2 {
		c, err := s.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: eventsTopic, Subscription: "keys", Type: pulsar.KeyShared, ReceiverQueue: 10})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		consumers = append(consumers, c)
	}
	const keys, rounds = 30, 10
	for round := range rounds {
		for key := range keys {
			if err := s.session.Exec(ctx, fmt.Sprintf("UPDATE hosted.t SET v = 'round %d' WHERE id = %d", round, -1-key)); err != nil {
				t.Fatal(err)
			}
		}
	}
	owner, each, total := map[string]int{}, [2]int{}, 0
	until(ctx, t, "all events", func() bool {
		for i, c := range consumers {
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			d, err := c.Receive(short)
			cancel()
			if err != nil {
				continue // none for now
			}
			if err := c.Ack(d); err != nil {
				t.Fatal(err)
			}
			if other, ok := owner[d.KeyText]; ok && other != i && d.Key[0]%2 == 1 {
				t.Errorf("key %x went to both", d.Key)
			}
			if d.Key[0]%2 == 1 { // Avro's negative numbers are odd: of this test
				owner[d.KeyText] = i
				each[i]++
				total++
			}
		}
		return total >= keys*rounds
	})
	if each[0] == 0 || each[1] == 0 || len(owner) != keys {
		t.Errorf("%v events of %d keys", each, len(owner))
	}
}

// batchesOfOneKey holds that the producer's settings reach Pulsar's producer: with the
// builder KEY_BASED no batch has two keys, which the usual one makes of a burst.
func batchesOfOneKey(ctx context.Context, t *testing.T, s *stage) {
	data := s.follow(ctx, t, dataTopic)
	data.arrive(ctx, t, s.write(ctx, t, 200))
	of := map[string]int64{}
	for _, m := range data.list(t) {
		if key, ok := of[m.entry]; ok && key != m.id {
			t.Fatalf("batch %s has rows %d and %d", m.entry, key, m.id)
		}
		of[m.entry] = m.id
	}
}

// stopAndStart ends the programs; what is written meanwhile arrives after the start.
func stopAndStart(ctx context.Context, t *testing.T, s *stage) {
	data := s.follow(ctx, t, dataTopic)
	began := time.Now()
	s.do(ctx, t, "POST", name+"/stop")
	s.programs(ctx, t, 0)
	t.Logf("stopped after %.1f s", time.Since(began).Seconds())
	ids := s.write(ctx, t, 50)
	s.do(ctx, t, "POST", name+"/start")
	s.programs(ctx, t, 2)
	data.arrive(ctx, t, ids)
}

// restart puts new programs in the place of the old ones. A stop in good order repeats
// nothing.
func restart(ctx context.Context, t *testing.T, s *stage) {
	data := s.follow(ctx, t, dataTopic)
	data.arrive(ctx, t, s.write(ctx, t, 50))
	before, old := len(data.list(t)), s.programs(ctx, t, 2)
	s.do(ctx, t, "POST", name+"/restart")
	s.programs(ctx, t, 2, old...)
	data.arrive(ctx, t, s.write(ctx, t, 50))
	if now := len(data.list(t)); now != before+50 {
		t.Errorf("%d messages for 50 rows after a restart in good order", now-before)
	}
}

// update changes the settings and the number of instances.
func update(ctx context.Context, t *testing.T, s *stage) {
	const elsewhere = "data-elsewhere"
	old := s.programs(ctx, t, 2)
	s.source(ctx, t, "PUT", name, map[string]any{
		"topicName": elsewhere, "parallelism": 1, "configs": s.settings(map[string]any{"outputFormat": "key-value-json"}),
	})
	data := s.follow(ctx, t, elsewhere)
	one := s.programs(ctx, t, 1, old...)
	data.arrive(ctx, t, s.write(ctx, t, 10))
	if last := data.list(t)[len(data.list(t))-1]; !json.Valid(last.value) {
		t.Errorf("after the change to JSON a row is %q", last.value)
	}
	s.source(ctx, t, "PUT", name, map[string]any{"topicName": dataTopic, "parallelism": 2, "configs": s.settings(nil)})
	s.programs(ctx, t, 2, one...)
}

// killWorker kills the worker with its broker. The instances are left on their own: they
// see that nobody asks for them any more, and end; the next worker starts new ones.
func killWorker(ctx context.Context, t *testing.T, s *stage) {
	old := s.programs(ctx, t, 2)
	s.bothWork(ctx, t)
	s.broker.Kill()
	began := time.Now()
	ids := s.write(ctx, t, 50)
	if left, err := Programs(s.broker); err != nil || len(left) != 2 {
		t.Fatalf("%d programs are left, want both: the instances are to outlive the worker here (%v)", len(left), err)
	}
	s.programs(ctx, t, 0)
	s.noInstances(ctx, t)
	t.Logf("the instances ended %.1f s after the worker", time.Since(began).Seconds())
	if err := s.broker.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.programs(ctx, t, 2, old...)
	s.follow(ctx, t, dataTopic).arrive(ctx, t, ids)
}

// remove leaves no process behind.
func remove(ctx context.Context, t *testing.T, s *stage) {
	s.do(ctx, t, "DELETE", name)
	s.programs(ctx, t, 0)
	s.noInstances(ctx, t)
}

func (s *stage) noInstances(ctx context.Context, t *testing.T) {
	t.Helper()
	until(ctx, t, "the end of the Java instances", func() bool {
		left, err := Instances(s.broker)
		if err != nil {
			t.Fatal(err)
		}
		return len(left) == 0
	})
}

// localRun runs a source in the foreground of pulsar-admin until that is interrupted.
func localRun(ctx context.Context, t *testing.T, s *stage) {
	const topic = "data-local"
	data := s.follow(ctx, t, topic)
	cmd := s.broker.AdminCommand(ctx, "sources", "localrun", "--name", "local", "--archive", s.archive, "--destination-topic-name", topic,
		"--broker-service-url", s.broker.ServiceURL(), "--source-config", text(t, s.settings(map[string]any{"events.subscription.name": "local"})))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what is left of it
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	}()
	data.arrive(ctx, t, s.write(ctx, t, 5))
	s.programs(ctx, t, 1)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	s.programs(ctx, t, 0)
}

// effectivelyOnce has the broker drop what the sink sends twice. The guarantee is the
// sink's: a row is not published twice by one life of an instance. A program that was
// killed reads again what it had not acknowledged, so that the state of a row may come
// again, and is never lost.
func effectivelyOnce(ctx context.Context, t *testing.T, s *stage) {
	const topic = "data-once"
	s.call(ctx, t, "POST", "/admin/v2/namespaces/public/default/deduplication", "application/json", bytes.NewBufferString("true"))
	data := s.follow(ctx, t, topic)
	s.source(ctx, t, "POST", "once", map[string]any{
		"topicName": topic, "parallelism": 2, "processingGuarantees": "EFFECTIVELY_ONCE", "configs": s.settings(map[string]any{"events.subscription.name": "once"}),
	})
	old := s.programs(ctx, t, 2)
	data.arrive(ctx, t, s.write(ctx, t, 200))
	if err := Kill(old[0]); err != nil {
		t.Fatal(err)
	}
	data.arrive(ctx, t, s.write(ctx, t, 200))
	s.programs(ctx, t, 2, old[0])
	s.do(ctx, t, "POST", "once/restart")
	s.programs(ctx, t, 2, old...)
	ids := s.write(ctx, t, 200)
	data.arrive(ctx, t, ids)
	times := map[int64]int{}
	for _, m := range data.list(t) {
		times[m.id]++
	}
	for _, id := range ids {
		if times[id] != 1 {
			t.Errorf("row %d came %d times, and nothing was killed", id, times[id])
		}
	}
	s.do(ctx, t, "DELETE", "once")
	s.programs(ctx, t, 0)
}
