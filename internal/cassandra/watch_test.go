// A session whose driver has given up all nodes.

package cassandra

import (
	"errors"
	"testing"
	"time"

	"github.com/gocql/gocql"
)

func TestDriverThatFindsNoNodeIsReplaced(t *testing.T) {
	n := &node{id: id1}
	n.answer = func(string, [][]byte) reply { return reply{columns: []column{{"v", typeText}}} }
	s := connect(t, n)
	ask := func() error {
		_, err := s.Select(t.Context(), Query{Statement: "SELECT v FROM ks.t"})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	s.gocql().Close() // as good as one that knows no node any more
	if err := ask(); !errors.Is(err, gocql.ErrSessionClosed) {
		t.Fatalf("the driver goes on: %v", err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if err := ask(); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
