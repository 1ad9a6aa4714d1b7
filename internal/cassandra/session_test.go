// Opening a session where nobody answers, or not as asked, and the statements of a
// session against nodes of the tests' own.

package cassandra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gocql/gocql"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// The driver leaves two goroutines of a session behind that is closed at once: a
// heartbeat that had not begun, and connections it still tries to make, for seconds.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/gocql/gocql.(*controlConn).heartBeat"),
		goleak.IgnoreAnyFunction("github.com/gocql/gocql.(*hostConnPool).connectMany"),
		goleak.IgnoreAnyFunction("github.com/gocql/gocql.(*hostConnPool).connect"))
}

const (
	id1 = "00000000-0000-0000-0000-000000000001"
	id2 = "00000000-0000-0000-0000-000000000002"
)

func connect(t *testing.T, nodes ...*node) *Session {
	t.Helper()
	for _, n := range nodes {
		if n.dc == "" {
			n.dc = "dc1"
		}
	}
	point := cluster(t, nodes...)
	_, port, _ := net.SplitHostPort(point)
	var p int
	if _, err := fmt.Sscan(port, &p); err != nil {
		t.Fatal(err)
	}
	s, err := Connect(t.Context(), Config{ContactPoints: []string{"127.0.0.1"}, Port: p, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// silent is a port that accepts and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accept(t, l, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	return l.Addr().String()
}

func TestConnectToNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	const timeout = 200 * time.Millisecond
	for name, points := range map[string][]string{
		"closed port":   {closed},
		"silent port":   {silent(t)},
		"both":          {closed, silent(t)},
		"no such host":  {"no-such-host.invalid"},
		"two silent":    {silent(t), silent(t)},
		"no port at it": {"127.0.0.1:port"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := Connect(t.Context(), Config{ContactPoints: points, Username: "u", Password: "hunter2", Timeout: timeout})
			if err == nil {
				t.Fatal("no error")
			}
			t.Logf("%v: %v", time.Since(began), err)
			// The driver asks one after the other.
			if bound := time.Duration(len(points))*timeout + 5*time.Second; time.Since(began) > bound {
				t.Errorf("it took %v", time.Since(began))
			}
			for _, p := range points {
				if !strings.Contains(err.Error(), p) {
					t.Errorf("the error does not name %s: %v", p, err)
				}
			}
			if !strings.Contains(err.Error(), "is the node up") {
				t.Errorf("the error names no remedy: %v", err)
			}
			for _, not := range []string{"gocql", "\n", "hunter2"} {
				if strings.Contains(err.Error(), not) {
					t.Errorf("the error has %q: %v", not, err)
				}
			}
		})
	}
	if _, err := Connect(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "contactPoints") {
		t.Errorf("no contact point: %v", err)
	}
}

// The caller's context ends the wait, long before the timeout, and by name.
func TestConnectIsGivenUp(t *testing.T) {
	point := silent(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	_, err := Connect(ctx, Config{ContactPoints: []string{point}, Timeout: 2 * time.Second})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), point) {
		t.Errorf("got %v", err)
	}
	if time.Since(began) > time.Second {
		t.Errorf("it took %v", time.Since(began))
	}
}

// A data center that no node is in is not a node that is down.
func TestWrongDataCenter(t *testing.T) {
	n := &node{id: id1, dc: "datacenter1"}
	point := cluster(t, n)
	_, err := Connect(t.Context(), Config{ContactPoints: []string{point}, LocalDC: "dc1", Timeout: 5 * time.Second})
	if err == nil {
		t.Fatal("no error")
	}
	for _, says := range []string{point, "dc1", "loadBalancing.localDc"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("the error does not say %q: %v", says, err)
		}
	}
}

func TestDriverLogIsDebug(t *testing.T) {
	var log strings.Builder
	_, err := Connect(t.Context(), Config{
		ContactPoints: []string{"no-such-host.invalid"}, Timeout: time.Second,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err == nil || !strings.Contains(log.String(), "level=DEBUG") || strings.Contains(log.String(), "level=WARN") {
		t.Errorf("error %v, log %q", err, log.String())
	}
}

// Values come as they are, whatever their type: the driver interprets none.
func TestSelect(t *testing.T) {
	pair := typeTuple(typeInt, typeText)
	const statement = "SELECT a, b, c, d, e, f, g FROM ks.t WHERE p = ? AND q = ?"
	n := &node{id: id1}
	n.answer = func(_ string, values [][]byte) reply {
		r := reply{columns: []column{
			{"a", typeInt}, {"b", pair}, {"c", pair}, {"d", pair}, {"e", typeTuple(pair)}, {"f", typeText}, {"g", typeBigInt},
		}}
		if values == nil {
			return r
		}
		if len(values) == 2 && string(values[0]) == "here" {
			r.rows = [][][]byte{{
				[]byte("\x00\x00\x00\x01"),
				[]byte("\x00\x00\x00\x04\x00\x00\x00\x02\x00\x00\x00\x01x"), // (2, 'x')
				[]byte("\xff\xff\xff\xff\x00\x00\x00\x00"),                  // (null, '')
				nil,
				[]byte("\x00\x00\x00\x0d\x00\x00\x00\x04\x00\x00\x00\x02\x00\x00\x00\x01x"), // ((2, 'x'))
				{}, // empty, not null
				[]byte("not a bigint at all"),
			}, {
				[]byte("\x00\x00\x00\x02"), nil, nil, nil, nil, nil, {},
			}}
		}
		return r
	}
	s := connect(t, n)
	answer, err := s.Select(t.Context(), Query{HostID: id1, Statement: statement, Values: [][]byte{[]byte("here"), nil}})
	if err != nil {
		t.Fatal(err)
	}
	want := Answer{Coordinator: id1, Rows: [][][]byte{{
		[]byte("\x00\x00\x00\x01"),
		[]byte("\x00\x00\x00\x04\x00\x00\x00\x02\x00\x00\x00\x01x"),
		[]byte("\xff\xff\xff\xff\x00\x00\x00\x00"),
		nil,
		[]byte("\x00\x00\x00\x0d\x00\x00\x00\x04\x00\x00\x00\x02\x00\x00\x00\x01x"),
		{},
		[]byte("not a bigint at all"),
	}, {
		[]byte("\x00\x00\x00\x02"), nil, nil, nil, nil, nil, {},
	}}}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	answer, err = s.Select(t.Context(), Query{HostID: id1, Statement: statement, Values: [][]byte{[]byte("gone"), nil}})
	if err != nil || answer.Rows != nil || answer.Coordinator != id1 {
		t.Errorf("a row that is not there: %+v, %v", answer, err)
	}
}

// What a person and the pipeline need to know of a refusal survives the driver.
func TestExecBatch(t *testing.T) {
	var got [][][]byte
	n := &node{id: id1}
	n.answer = func(_ string, values [][]byte) reply {
		if values == nil {
			return reply{} // prepared
		}
		if string(values[0]) == "refused" {
			return reply{fault: 0x2200, message: "Batch too large"}
		}
		got = append(got, values)
		return reply{}
	}
	s := connect(t, n)
	const insert = "INSERT INTO ks.t (p, v) VALUES (?, ?)"
	rows := [][][]byte{{[]byte("one"), {1}}, {[]byte("two"), nil}, {[]byte("three"), {}}}
	if err := s.ExecBatch(t.Context(), insert, rows); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("the node got (-want +got):\n%s", diff)
	}
	for _, statement := range n.executed() {
		if statement != insert {
			t.Errorf("executed %q", statement)
		}
	}
	err := s.ExecBatch(t.Context(), insert, [][][]byte{{[]byte("refused"), nil}})
	if err == nil || !Invalid(err) || !strings.Contains(err.Error(), "Batch too large") {
		t.Errorf("a refused batch gives %v", err)
	}
}

// serverError has the code that a node of the tests cannot send: there 0 is none.
type serverError struct{}

func (serverError) Code() int       { return gocql.ErrCodeServer }
func (serverError) Message() string { return "java.lang.NullPointerException" }
func (e serverError) Error() string { return e.Message() }

func TestRefusals(t *testing.T) {
	type kinds struct{ Invalid, Denied, Unavailable, Timeout, Failed, Overloaded, Unreachable, Away bool }
	of := func(err error) kinds {
		return kinds{Invalid(err), Denied(err), Unavailable(err), Timeout(err), Failed(err), Overloaded(err), Unreachable(err), Away(err)}
	}
	for code, want := range map[int]kinds{
		0x1000: {Unavailable: true, Away: true},
		0x1001: {Overloaded: true, Away: true},
		0x1002: {Away: true}, // bootstrapping
		0x1200: {Timeout: true, Overloaded: true, Away: true},
		0x1300: {Failed: true, Away: true},
		0x2000: {Invalid: true}, // syntax
		0x2100: {Denied: true},
		0x2200: {Invalid: true},
	} {
		t.Run(fmt.Sprintf("%#x", code), func(t *testing.T) {
			n := &node{id: id1}
			n.answer = func(string, [][]byte) reply { return reply{fault: code, message: "Undefined column name x"} }
			_, err := connect(t, n).Select(t.Context(), Query{Statement: "SELECT x FROM ks.t WHERE p = ?", Values: [][]byte{nil}})
			err = fmt.Errorf("read a row: %w", err)
			if diff := cmp.Diff(want, of(err)); diff != "" || !strings.Contains(err.Error(), "Undefined column name x") {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
	if got := of(serverError{}); got != (kinds{Failed: true, Away: true}) {
		t.Errorf("a server's own fault: %+v", got)
	}
	if got := of(fmt.Errorf("read a row: %w", gocql.ErrTimeoutNoResponse)); got != (kinds{Timeout: true, Overloaded: true, Away: true}) {
		t.Errorf("no response: %+v", got)
	}
	for _, err := range []error{gocql.ErrNoConnections, gocql.ErrConnectionClosed, &net.OpError{Op: "dial", Err: errors.New("refused")}, unreachable{errors.New("no such host")}} {
		if got := of(fmt.Errorf("read a row: %w", err)); got != (kinds{Unreachable: true, Away: true}) {
			t.Errorf("%v: %+v", err, got)
		}
	}
	if of(errors.New("anything else")) != (kinds{}) {
		t.Error("an error that is no refusal is taken for one")
	}
}

// The level that a query asks for is the one that the node gets.
func TestConsistency(t *testing.T) {
	n := &node{id: id1, answer: func(string, [][]byte) reply { return reply{columns: []column{{"v", typeInt}}} }}
	s := connect(t, n)
	for level, code := range map[Consistency]uint16{"": 6, LocalQuorum: 6, Quorum: 4, EachQuorum: 7, All: 5, LocalOne: 10, One: 1, Two: 2, Three: 3} {
		if _, err := s.Select(t.Context(), Query{Statement: "SELECT v FROM ks.t WHERE p = ?", Values: [][]byte{nil}, Level: level}); err != nil {
			t.Fatal(err)
		}
		n.mu.Lock()
		got := n.levels[len(n.levels)-1]
		n.mu.Unlock()
		if got != code {
			t.Errorf("%s: the node got %d, want %d", level, got, code)
		}
	}
	for weak, want := range map[Consistency]Consistency{LocalOne: LocalQuorum, One: Quorum, LocalQuorum: All, Quorum: All, EachQuorum: All, All: ""} {
		if got := weak.Stronger(); got != want {
			t.Errorf("stronger than %s: %s, want %s", weak, got, want)
		}
	}
}

// While the node that was asked is slow, another one answers.
func TestSpeculate(t *testing.T) {
	slow := make(chan struct{})
	columns := []column{{"v", typeInt}}
	n1 := &node{id: id1, answer: func(_ string, values [][]byte) reply {
		if values != nil {
			<-slow
		}
		return reply{columns: columns}
	}}
	n2 := &node{id: id2, answer: func(string, [][]byte) reply { return reply{columns: columns} }}
	s := connect(t, n1, n2)
	defer close(slow)
	answer, err := s.Select(t.Context(), Query{Statement: "SELECT v FROM ks.t WHERE p = ?", Values: [][]byte{nil}, HostID: id1, Speculate: time.Millisecond})
	if err != nil || answer.Coordinator != id2 {
		t.Errorf("%+v, %v", answer, err)
	}
}

// Each statement goes to the node it asks for, and the answer says who gave it. A node
// that nobody knows is no reason to fail.
func TestCoordinator(t *testing.T) {
	answer := func(string, [][]byte) reply { return reply{columns: []column{{"v", typeInt}}} }
	n1, n2 := &node{id: id1, answer: answer}, &node{id: id2, answer: answer}
	s := connect(t, n1, n2)
	for _, id := range []string{id1, id2, id2, id1, id1, id2, id2, id2} {
		row, err := s.Select(t.Context(), Query{HostID: id, Statement: "SELECT v FROM ks.t WHERE p = ?", Values: [][]byte{nil}})
		if err != nil || row.Coordinator != id {
			t.Errorf("asked %s: %+v, %v", id, row, err)
		}
	}
	if a, b := len(n1.executed()), len(n2.executed()); a != 3 || b != 5 {
		t.Errorf("%d and %d statements, want 3 and 5", a, b)
	}
	for _, id := range []string{"", "00000000-0000-0000-0000-00000000dead"} {
		row, err := s.Select(t.Context(), Query{HostID: id, Statement: "SELECT v FROM ks.t WHERE p = ?", Values: [][]byte{nil}})
		if err != nil || row.Coordinator != id1 && row.Coordinator != id2 {
			t.Errorf("asked %q: %+v, %v", id, row, err)
		}
	}
}

func TestLocalAndSchema(t *testing.T) {
	n := &node{id: id1}
	var busy atomic.Bool
	n.answer = func(statement string, values [][]byte) reply {
		switch {
		case strings.Contains(statement, "FROM system.local"):
			return reply{
				columns: []column{{"host_id", typeUUID}, {"release_version", typeText}, {"partitioner", typeText}, {"data_center", typeText}, {"schema_version", typeUUID}},
				rows:    [][][]byte{{uuid(id1), []byte("4.1.5"), []byte("Murmur3Partitioner"), []byte("dc1"), uuid(id2)}},
			}
		case strings.Contains(statement, "system_schema.views") && busy.Load():
			return reply{fault: 0x1001, message: "busy"}
		}
		r := reply{columns: []column{{"[json]", typeText}}}
		if strings.HasSuffix(statement, "tables WHERE keyspace_name=?") && len(values) == 1 {
			r.rows = [][][]byte{{[]byte(`{"of":"` + string(values[0]) + `"}`)}}
		}
		return r
	}
	s := connect(t, n)
	got, err := s.Local(t.Context(), id1)
	want := Node{HostID: id1, ReleaseVersion: "4.1.5", Partitioner: "Murmur3Partitioner", DataCenter: "dc1", SchemaVersion: id2}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	// Half a schema is none.
	busy.Store(true)
	if rows, err := s.Schema(t.Context(), id1, "Ks"); err == nil || !strings.Contains(err.Error(), "system_schema.views") || !cmp.Equal(rows, schema.Rows{}) {
		t.Errorf("got %+v, %v", rows, err)
	}
	busy.Store(false)
	rows, err := s.Schema(t.Context(), id1, "Ks")
	if err != nil || len(rows.Tables) != 1 || string(rows.Tables[0]) != `{"of":"Ks"}` || len(rows.Columns) != 0 {
		t.Errorf("got %+v, %v", rows, err)
	}
}

func TestAsJSON(t *testing.T) {
	for statement, want := range map[string]string{
		"SELECT * FROM ks.t":                          "SELECT JSON * FROM ks.t",
		"select a,b from ks.t":                        "select JSON a,b from ks.t",
		"\n  SELECT\n\ta FROM ks.t":                   "\n  SELECT JSON\n\ta FROM ks.t",
		"SELECT*FROM ks.t":                            "SELECT JSON*FROM ks.t",
		"SELECT JSON a FROM ks.t":                     "SELECT JSON a FROM ks.t",
		"select json a FROM ks.t":                     "select json a FROM ks.t",
		"SELECT json, a FROM ks.t":                    "SELECT JSON json, a FROM ks.t",
		"SELECT jsonb FROM ks.t":                      "SELECT JSON jsonb FROM ks.t",
		"SELECT DISTINCT p FROM ks.t":                 "SELECT JSON DISTINCT p FROM ks.t",
		"SELECT * FROM ks.t WHERE p = 'two  spaces'":  "SELECT JSON * FROM ks.t WHERE p = 'two  spaces'",
		"SELECT * FROM ks.t WHERE p = 'line\n break'": "SELECT JSON * FROM ks.t WHERE p = 'line\n break'",
		"INSERT INTO ks.t (p) VALUES ('SELECT a')":    "INSERT INTO ks.t (p) VALUES ('SELECT a')",
		"selection": "selection",
		"":          "",
	} {
		if got := asJSON(statement); got != want {
			t.Errorf("%q became %q, want %q", statement, got, want)
		}
	}
}
