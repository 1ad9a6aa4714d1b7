// The pipe between the program and its launcher, seen from the launcher's end.

package relay_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// launcher reads frames as the Java class does.
type launcher struct {
	t  *testing.T
	in *bufio.Reader
}

func (l launcher) number() int32 {
	var n int32
	if err := binary.Read(l.in, binary.BigEndian, &n); err != nil {
		l.t.Fatal(err)
	}
	return n
}

// text gives null as "null".
func (l launcher) text() string {
	n := l.number()
	if n < 0 {
		return "null"
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(l.in, b); err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// frame is the next frame on one line.
func (l launcher) frame() string {
	kind, err := l.in.ReadByte()
	if err != nil {
		l.t.Fatal(err)
	}
	switch kind {
	case 'S':
		line := fmt.Sprintf("schema %d of %q:", l.number(), l.text())
		parts, _ := l.in.ReadByte()
		for range parts {
			line += fmt.Sprintf(" %s %s %s;", l.text(), l.text(), l.text())
		}
		return line
	case 'R':
		schema := l.number()
		var number int64
		_ = binary.Read(l.in, binary.BigEndian, &number)
		line := fmt.Sprintf("row %d of schema %d: %q %q", number, schema, l.text(), l.text())
		for range l.number() {
			line += fmt.Sprintf(" %s=%s", l.text(), l.text())
		}
		return line
	case 'M':
		name := l.text()
		var value float64
		_ = binary.Read(l.in, binary.BigEndian, &value)
		return fmt.Sprintf("metric %s: %g", name, value)
	case 'F':
		return "fail: " + l.text()
	}
	l.t.Fatalf("a frame of type %q", kind)
	return ""
}

var keyValue = registry.KeyValue(
	registry.Part{Name: "t", Type: registry.Avro, Schema: `{"k":1}`}, registry.Part{Name: "t", Type: registry.Avro, Schema: `{"v":1}`})

// pipe starts a publisher whose launcher the test plays.
func pipe(t *testing.T) (*relay.Publisher, launcher, func(numbers ...int64) error) {
	rows, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := relay.NewPublisher(out)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Flush(ctx) }()
	t.Cleanup(func() { rows.Close(); stop(); <-ended; out.Close() })
	acknowledge := func(numbers ...int64) error {
		var b []byte
		for _, n := range numbers {
			b = binary.BigEndian.AppendUint64(b, uint64(n))
		}
		return p.Acknowledge(strings.NewReader(string(b)))
	}
	return p, launcher{t, bufio.NewReader(rows)}, acknowledge
}

func TestRowsAndAcknowledgements(t *testing.T) {
	t.Parallel()
	p, l, acknowledge := pipe(t)
	plain := registry.Plain(registry.Part{Name: "u", Type: registry.JSON, Schema: `{"é":1}`})
	done := map[string]error{}
	send := func(topic string, m pipeline.Message) {
		p.Topic(topic).Publish(t.Context(), m, func(err error) { done[string(m.Key)] = err })
	}
	send("", pipeline.Message{Key: []byte("a\x00\xff"), Value: []byte("v"), Schema: keyValue, Properties: map[string]string{"writetime": "7", "a": "b"}})
	send("", pipeline.Message{Key: []byte("b"), Schema: keyValue})                          // a delete
	send("other", pipeline.Message{Key: []byte("c"), Value: []byte{}, Schema: plain})       // a row of nothing
	send("", pipeline.Message{Key: []byte("d"), Value: []byte("w"), Schema: keyValue})      // back to the first schema
	send("other", pipeline.Message{Key: []byte("e"), Value: []byte("w"), Schema: keyValue}) // the same one of another topic
	want := []string{
		`schema 0 of "": AVRO t {"k":1}; AVRO t {"v":1};`,
		`row 0 of schema 0: "a\x00\xff" "v" a=b writetime=7`,
		`row 1 of schema 0: "b" "null"`,
		`schema 1 of "other": JSON u {"é":1};`,
		`row 2 of schema 1: "c" ""`,
		`row 3 of schema 0: "d" "w"`,
		`schema 2 of "other": AVRO t {"k":1}; AVRO t {"v":1};`,
		`row 4 of schema 2: "e" "w"`,
	}
	for _, w := range want {
		if got := l.frame(); got != w {
			t.Errorf("%s, want %s", got, w)
		}
	}
	if len(done) > 0 {
		t.Errorf("acknowledged before the launcher said so: %v", done)
	}
	// In any order; one is refused, one not answered.
	if err := acknowledge(3, 0, -1-2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"a\x00\xff": false, "c": true, "d": false}, map[string]bool{
		"a\x00\xff": done["a\x00\xff"] != nil, "c": errors.Is(done["c"], relay.ErrRefused), "d": done["d"] != nil,
	}); diff != "" || len(done) != 3 {
		t.Errorf("%v", done)
	}
	if err := acknowledge(0); err == nil || !strings.Contains(err.Error(), "record 0") {
		t.Errorf("a second acknowledgement: %v", err)
	}
	p.Record("query_latency", 12.5)
	if got := l.frame(); got != "metric query_latency: 12.5" {
		t.Error(got)
	}
	p.Fail("because")
	if got := l.frame(); got != "fail: because" {
		t.Error(got)
	}
}

// User metrics come between rows, also while several goroutines write.
func TestMetricsBesideRows(t *testing.T) {
	t.Parallel()
	p, l, _ := pipe(t)
	const each = 500
	go func() {
		for i := range each {
			p.Record("a", float64(i))
		}
	}()
	go func() {
		for range each {
			p.Topic("").Publish(t.Context(), pipeline.Message{Key: []byte("k"), Schema: keyValue}, func(error) {})
		}
	}()
	metrics, rows := 0, 0
	for metrics < each || rows < each {
		switch f := l.frame(); {
		case f == fmt.Sprintf("metric a: %d", metrics):
			metrics++
		case strings.HasPrefix(f, fmt.Sprintf("row %d of", rows)):
			rows++
		case !strings.HasPrefix(f, "schema 0"):
			t.Fatal(f)
		}
	}
}

// A row that nobody takes any more is answered, so that its lane does not wait for ever.
func TestLauncherIsGone(t *testing.T) {
	t.Parallel()
	rows, out := io.Pipe()
	rows.Close()
	p := relay.NewPublisher(out)
	refused := 0
	for range 3 {
		p.Topic("").Publish(t.Context(), pipeline.Message{Key: []byte("k"), Value: make([]byte, 1<<17), Schema: keyValue}, func(err error) {
			if err != nil {
				refused++
			}
		})
	}
	if refused != 3 {
		t.Errorf("%d of 3 rows answered", refused)
	}
	p.Record("query_latency", 1) // harms nothing
}

func TestSettings(t *testing.T) {
	t.Parallel()
	text := func(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }
	got, err := relay.ReadSettings(strings.NewReader(text(`{"tenant":"t","namespace":"n","name":"s","instance":2,"outputTopic":"o",
		"config":{"keyspace":"ks"},"pulsar":{"serviceUrl":"pulsar://b:6650","authParams":"token:x","tlsAllowInsecureConnection":true}}`) + "acknowledgements"))
	if err != nil {
		t.Fatal(err)
	}
	want := relay.Settings{Tenant: "t", Namespace: "n", Name: "s", Instance: 2, OutputTopic: "o", Config: json.RawMessage(`{"keyspace":"ks"}`),
		Pulsar: relay.Pulsar{ServiceURL: "pulsar://b:6650", AuthParams: "token:x", AllowInsecure: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, stream := range map[string]string{
		"nothing": "", "cut off": text("{}")[:5], "no JSON": text("hunter2"), "another form": text(`{"tenant":{"hunter2":1}}`), "absurd length": "\x7fhunter2",
	} {
		_, err := relay.ReadSettings(strings.NewReader(stream))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
