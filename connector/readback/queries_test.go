// Which reads share a query, what becomes of them when it fails, and how many queries run
// at the same time.

package readback

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// refusal is an answer of Cassandra, with a code of the native protocol.
type refusal int

func (r refusal) Code() int       { return int(r) }
func (r refusal) Message() string { return "no" }
func (r refusal) Error() string   { return fmt.Sprintf("code %#x", int(r)) }

const (
	unavailable refusal = 0x1000
	overloaded  refusal = 0x1001
	timeout     refusal = 0x1200
	failure     refusal = 0x1300
	invalid     refusal = 0x2200
)

// server answers queries when it is let: each row has its key as its one value. Keys that
// begin with "no" have no row.
type server struct {
	free chan struct{} // one for each answer that may be given
	fail func(keys []string) error

	mu      sync.Mutex
	queries []cassandra.Query
}

func (s *server) run(_ context.Context, q cassandra.Query) (cassandra.Answer, error) {
	s.mu.Lock()
	s.queries = append(s.queries, q)
	s.mu.Unlock()
	keys := keysOf(q)
	<-s.free
	time.Sleep(time.Millisecond)
	a := cassandra.Answer{Coordinator: "node of " + q.HostID}
	if s.fail != nil {
		if err := s.fail(keys); err != nil {
			return a, err
		}
	}
	for _, key := range slices.Backward(keys) { // in an order of its own
		if strings.HasPrefix(key, "no") {
			continue
		}
		r := [][]byte{[]byte("row " + key)}
		if strings.Contains(q.Statement, " IN ?") {
			r = append(r, []byte(key))
		}
		a.Rows = append(a.Rows, r)
	}
	return a, nil
}

// keysOf are the last key values of a query, those of the list where it has one.
func keysOf(q cassandra.Query) (keys []string) {
	last := q.Values[len(q.Values)-1]
	if !strings.Contains(q.Statement, " IN ?") {
		return []string{string(last)}
	}
	n := binary.BigEndian.Uint32(last)
	last = last[4:]
	for range n {
		size := binary.BigEndian.Uint32(last)
		keys = append(keys, string(last[4:4+size]))
		last = last[4+size:]
	}
	return keys
}

// answer lets so many queries be answered.
func (s *server) answer(n int) {
	for range n {
		s.free <- struct{}{}
	}
	time.Sleep(time.Millisecond)
	synctest.Wait()
}

// asked are the keys of each query since the last call.
func (s *server) asked() (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.queries {
		k := keysOf(q)
		slices.Sort(k)
		keys = append(keys, strings.Join(k, " "))
	}
	s.queries = nil
	return keys
}

func wants(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func statements(t *testing.T, table string) (wholeRow, partition *statement) {
	t.Helper()
	v, err := newVersion(capturetest.Table(t, table), row.KeyValueAvro, nil, "5.0.2")
	if err != nil {
		t.Fatal(err)
	}
	return v.wholeRow, v.partition
}

// caller reads rows of one statement and keeps the answers.
type caller struct {
	*queries
	s *statement

	mu  sync.Mutex
	got map[string]string // by key
}

func (c *caller) read(node string, level cassandra.Consistency, key ...string) {
	var values [][]byte
	for _, v := range key {
		values = append(values, []byte(v))
	}
	go func() {
		a, err := c.queries.read(context.Background(), shape{node: node, statement: c.s, level: level}, values)
		name := strings.Join(key, " ")
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case err != nil:
			c.got[name] = err.Error()
		case a.values == nil:
			c.got[name] = "nothing"
		default:
			c.got[name] = string(a.values[0]) + " from " + a.coordinator
		}
	}()
	synctest.Wait()
}

func newCaller(s *server, statement *statement, most int) *caller {
	s.free = make(chan struct{})
	return &caller{queries: NewCluster(nil, Options{MaxQueries: most}).withRun(s.run), s: statement, got: map[string]string{}}
}

// withRun is the cluster's queries with another end.
func (c *Cluster) withRun(run func(context.Context, cassandra.Query) (cassandra.Answer, error)) *queries {
	c.queries = newQueries(run, c.check, c.options)
	return c.queries
}

const byText = `CREATE TABLE ks.t (p text PRIMARY KEY, v text)`

func TestReadsShareAQuery(t *testing.T) {
	whole, _ := statements(t, byText)
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		c := newCaller(s, whole, 2)
		c.read("1", "", "a")
		c.read("1", "", "b")
		wants(t, "a lone read goes at once", s.asked(), "a", "b")
		for _, key := range []string{"c", "nothing", "d", ""} {
			c.read("1", "", key)
		}
		c.read("2", "", "e")
		c.read("1", cassandra.LocalOne, "f")
		wants(t, "two queries are all that may run", s.asked())
		s.answer(2)
		wants(t, "those that waited longest, together", s.asked(), "c d nothing", "")
		s.answer(2)
		wants(t, "another node and another level", s.asked(), "e", "f")
		s.answer(2)
		if diff := cmp.Diff(map[string]string{
			"a": "row a from node of 1", "b": "row b from node of 1", "c": "row c from node of 1", "d": "row d from node of 1", "nothing": "nothing",
			"": "row  from node of 1", "e": "row e from node of 2", "f": "row f from node of 1",
		}, c.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for i := range defaultGroupSize + 3 {
			c.read("1", "", fmt.Sprintf("%c", 'A'+i))
		}
		s.answer(2)
		s.answer(2)
		sizes := []int{}
		for _, keys := range s.asked() {
			sizes = append(sizes, len(strings.Fields(keys)))
		}
		if !slices.Equal(sizes, []int{1, 1, defaultGroupSize, 1}) {
			t.Errorf("groups of %v", sizes)
		}
	})
}

func TestGroupsOfOne(t *testing.T) {
	whole, _ := statements(t, byText)
	synctest.Test(t, func(t *testing.T) {
		s := &server{free: make(chan struct{})}
		c := &caller{queries: NewCluster(nil, Options{MaxQueries: 2, GroupSize: 1}).withRun(s.run), s: whole, got: map[string]string{}}
		for _, key := range []string{"a", "b", "c", "d"} {
			c.read("1", "", key)
		}
		s.answer(2)
		wants(t, "each alone", s.asked(), "a", "b", "c", "d")
		s.answer(2)
	})
}

// Where more queries may run, reads wait for company only while some of their shape are
// under way, only for a full group, and not for long.
func TestReadsWaitForCompany(t *testing.T) {
	whole, _ := statements(t, byText)
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		c := newCaller(s, whole, 10)
		for _, key := range []string{"a", "b", "c", "d"} {
			c.read("1", "", key)
		}
		c.read("2", "", "other")
		wants(t, "at once", s.asked(), "a", "b", "other")
		time.Sleep(patience - time.Nanosecond)
		synctest.Wait()
		wants(t, "while they wait", s.asked())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wants(t, "when they have waited", s.asked(), "c d")
		for i := range defaultGroupSize {
			c.read("1", "", fmt.Sprintf("%c", 'A'+i))
		}
		if asked := s.asked(); len(asked) != 1 || len(strings.Fields(asked[0])) != defaultGroupSize {
			t.Errorf("a full group: %q", asked)
		}
		s.answer(5)
	})
}

// Rows of one partition share a query, others do not.
func TestReadsOfAPartition(t *testing.T) {
	whole, _ := statements(t, `CREATE TABLE ks.t (p text, q text, c text, v text, PRIMARY KEY ((p, q), c))`)
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		c := newCaller(s, whole, 1)
		c.read("1", "", "p", "q", "first")
		for _, key := range [][]string{{"p", "q", "a"}, {"pq", "", "c"}, {"p", "q", "b"}} {
			c.read("1", "", key...)
		}
		s.answer(3)
		wants(t, "queries", s.asked(), "first", "a b", "c")
		if c.got["p q b"] != "row b from node of 1" {
			t.Errorf("%v", c.got)
		}
	})
}

// One row that cannot be read does not make the others fail, whatever is wrong with it.
// A cluster that is overloaded gets no more queries for that.
func TestFailedGroups(t *testing.T) {
	for _, c := range []struct {
		err   refusal
		alone bool
	}{{failure, true}, {timeout, true}, {unavailable, true}, {overloaded, false}} {
		t.Run(c.err.Error(), func(t *testing.T) {
			whole, _ := statements(t, byText)
			synctest.Test(t, func(t *testing.T) {
				s := &server{fail: func(keys []string) error {
					if slices.Contains(keys, "poison") {
						return c.err
					}
					return nil
				}}
				caller := newCaller(s, whole, 1)
				for _, key := range []string{"first", "a", "poison", "b"} {
					caller.read("1", "", key)
				}
				s.answer(2)
				if !c.alone {
					wants(t, "queries", s.asked(), "first", "a b poison")
					if caller.got["a"] != c.err.Error() {
						t.Errorf("%v", caller.got)
					}
					return
				}
				s.answer(3)
				wants(t, "queries", s.asked(), "first", "a b poison", "a", "poison", "b")
				if caller.got["a"] != "row a from node of 1" || caller.got["b"] != "row b from node of 1" || caller.got["poison"] != c.err.Error() {
					t.Errorf("%v", caller.got)
				}
			})
		})
	}
}

// A cluster that does not take lists is not asked again with one.
func TestRefusedGroups(t *testing.T) {
	whole, _ := statements(t, byText)
	synctest.Test(t, func(t *testing.T) {
		s := &server{fail: func(keys []string) error {
			if len(keys) > 1 {
				return invalid
			}
			return nil
		}}
		c := newCaller(s, whole, 1)
		for _, key := range []string{"first", "a", "b"} {
			c.read("1", "", key)
		}
		s.answer(2)
		c.read("1", "", "c")
		c.read("1", "", "d")
		s.answer(4)
		wants(t, "queries", s.asked(), "first", "a b", "a", "b", "c", "d")
		if len(c.got) != 5 || c.got["d"] != "row d from node of 1" {
			t.Errorf("%v", c.got)
		}
	})
}

// Invariant 8: the node is asked for its schema beside the query, once for all of a group,
// and what it says goes before the query's outcome.
func TestSchemaBesideTheQuery(t *testing.T) {
	whole, _ := statements(t, byText)
	for name, c := range map[string]struct {
		node   string // its schema
		asked  error  // for its schema
		answer error
		want   error
	}{
		"the same":                       {"s1", nil, nil, nil},
		"another":                        {"s2", nil, nil, errSchemaChanged},
		"another that explains a fault":  {"s2", nil, invalid, errSchemaChanged},
		"the same, with a fault":         {"s1", nil, failure, failure},
		"the node does not tell in time": {"", timeout, nil, timeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				checks := 0
				s := &server{free: make(chan struct{}), fail: func([]string) error { return c.answer }}
				q := newQueries(s.run, func(_ context.Context, hostID string) (cassandra.Node, error) {
					checks++
					return cassandra.Node{SchemaVersion: c.node}, c.asked
				}, NewCluster(nil, Options{MaxQueries: 1}).options)
				got := make(chan error, 4)
				for i := range 4 {
					go func() {
						_, err := q.read(t.Context(), shape{node: "1", statement: whole, schema: "s1"}, [][]byte{{byte(i)}})
						got <- err
					}()
					synctest.Wait()
				}
				close(s.free)
				for range 4 {
					if err := <-got; !errors.Is(err, c.want) {
						t.Errorf("%v, want %v", err, c.want)
					}
				}
				if queries := len(s.asked()); checks != queries {
					t.Errorf("%d checks for %d queries", checks, queries)
				}
			})
		})
	}
}

func TestCallerThatIsGone(t *testing.T) {
	whole, _ := statements(t, byText)
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		c := newCaller(s, whole, 1)
		c.read("1", "", "first")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := c.queries.read(ctx, shape{node: "1", statement: whole}, [][]byte{[]byte("gone")})
			ended <- err
		}()
		synctest.Wait()
		c.read("1", "", "a")
		cancel()
		synctest.Wait()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		s.answer(2)
		wants(t, "queries", s.asked(), "first", "a")
	})
}

// rounds gives a limit outcomes of queries, one after the other.
func rounds(l *limit, now *time.Time, n int, took time.Duration, overloaded bool) {
	for range n {
		began := *now
		*now = now.Add(took)
		l.done(began, *now, overloaded)
	}
}

func TestLimit(t *testing.T) {
	now := time.Unix(0, 0)
	l := newLimit(8, 100*time.Millisecond)
	is := func(what string, want int) {
		t.Helper()
		if l.now != want {
			t.Errorf("%s: %d, want %d", what, l.now, want)
		}
	}
	rounds(&l, &now, 100, time.Millisecond, false)
	is("never more than the most", 8)
	began := now.Add(-time.Second)
	for range 8 { // under way together
		l.done(began, now, true)
	}
	is("one overload", 6)
	rounds(&l, &now, 1, time.Second, true)
	is("another", 5)
	rounds(&l, &now, 20, time.Second, true)
	is("never none", 1)
	rounds(&l, &now, 1, time.Millisecond, false)
	is("a round of one", 2)
	rounds(&l, &now, 2+3+4+5, time.Millisecond, false)
	is("and so on", 6)
	rounds(&l, &now, 6, time.Second, false)
	is("slow", 5)
	rounds(&l, &now, 5+4+3+2+1+1, time.Second, false)
	is("slow for long", 1)
}

// While the cluster is overloaded there are fewer queries at the same time, and as many
// as before when it has recovered.
func TestFewerQueries(t *testing.T) {
	whole, _ := statements(t, byText)
	synctest.Test(t, func(t *testing.T) {
		busy := true
		s := &server{fail: func([]string) error {
			if busy {
				return overloaded
			}
			return nil
		}}
		c := newCaller(s, whole, 4)
		node := 0 // each with a node of its own: none shares a query
		read := func(n int) {
			for range n {
				node++
				c.read(fmt.Sprint(node), "", fmt.Sprint("key ", node))
			}
		}
		read(20)
		if got := len(s.asked()); got != 4 {
			t.Errorf("%d queries at first", got)
		}
		s.answer(4)
		if got := len(s.asked()); got != 3 {
			t.Errorf("%d queries after an overload", got)
		}
		busy = false
		s.answer(3)
		s.asked()
		s.answer(4)
		if got := len(s.asked()); got != 4 {
			t.Errorf("%d queries after a round without", got)
		}
		s.answer(9)
		if len(c.got) != 20 {
			t.Errorf("%d answers", len(c.got))
		}
	})
}
