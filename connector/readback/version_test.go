// The check that shares queries between callers without answering any of them with
// what was so before they asked (invariant 8).

package readback

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
)

func TestCheckerSharesTheNextQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan string)
		asked := 0
		c := checker{ask: func(context.Context) (cassandra.Node, error) {
			asked++
			return cassandra.Node{SchemaVersion: <-gate}, nil
		}}
		got := make(chan string, 10)
		call := func() {
			go func() {
				n, err := c.check(t.Context())
				if err != nil {
					t.Error(err)
				}
				got <- n.SchemaVersion
			}()
			synctest.Wait()
		}
		call()
		call() // these two came while the first query was under way
		call()
		if asked != 1 || len(got) != 0 {
			t.Fatalf("%d queries, %d answers", asked, len(got))
		}
		gate <- "old"
		synctest.Wait()
		if asked != 2 || len(got) != 1 {
			t.Fatalf("%d queries, %d answers", asked, len(got))
		}
		gate <- "new"
		synctest.Wait()
		if asked != 2 || len(got) != 3 {
			t.Fatalf("%d queries, %d answers", asked, len(got))
		}
		if a, b, c := <-got, <-got, <-got; a != "old" || b != "new" || c != "new" {
			t.Errorf("answers %s, %s, %s", a, b, c)
		}
		call()
		gate <- "newest"
		synctest.Wait()
		if a := <-got; a != "newest" || asked != 3 {
			t.Errorf("a call later: answer %s, %d queries", a, asked)
		}
	})
}

// Many callers at once, without fake time: an answer is of a query that began after
// its caller asked, and no two queries run at once.
func TestCheckerUnderLoad(t *testing.T) {
	var clock atomic.Int64
	var running atomic.Int32
	var asked int64
	c := checker{ask: func(context.Context) (cassandra.Node, error) {
		began := clock.Add(1)
		if running.Add(1) != 1 {
			t.Error("two queries at once")
		}
		defer running.Add(-1)
		asked++
		if asked%5 == 0 {
			return cassandra.Node{}, errors.New("timeout of query " + strconv.FormatInt(began, 10))
		}
		return cassandra.Node{SchemaVersion: strconv.FormatInt(began, 10)}, nil
	}}
	const callers, calls = 16, 500
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				called := clock.Add(1)
				n, err := c.check(t.Context())
				text := n.SchemaVersion
				if err != nil {
					text = err.Error()[len("timeout of query "):]
				}
				if began, err := strconv.ParseInt(text, 10, 64); err != nil || began <= called {
					t.Errorf("call at %d has the answer of the query at %q", called, text)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d queries for %d calls", asked, callers*calls)
}

// A caller that goes away neither waits nor takes the query from the others.
func TestCheckerCallerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := checker{ask: func(ctx context.Context) (cassandra.Node, error) {
			select {
			case <-ctx.Done():
				return cassandra.Node{}, ctx.Err()
			case <-time.After(time.Second):
				return cassandra.Node{SchemaVersion: "v"}, nil
			}
		}}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 2)
		for range 2 { // the one whose query it is, and one that waits for the next
			go func() {
				_, err := c.check(ctx)
				gone <- err
			}()
			synctest.Wait()
		}
		stays := make(chan cassandra.Node, 1)
		go func() {
			n, err := c.check(t.Context())
			if err != nil {
				t.Error(err)
			}
			stays <- n
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if len(gone) != 2 || !errors.Is(<-gone, context.Canceled) || !errors.Is(<-gone, context.Canceled) {
			t.Error("a caller whose context ended still waits")
		}
		if n := <-stays; n.SchemaVersion != "v" {
			t.Errorf("the other got %+v", n)
		}
	})
}
