// The node that a query asks for comes first while it is up, and the others follow.

package cassandra

import (
	"net"
	"slices"
	"testing"

	"github.com/gocql/gocql"
)

func newHost(id string, last byte) *gocql.HostInfo {
	h := &gocql.HostInfo{}
	h.SetHostID(id)
	return h.SetConnectAddress(net.IPv4(127, 0, 0, last))
}

// order is the hosts in the order in which a query would try them.
func order(t *testing.T, p *pinned, id string) (ids []string) {
	t.Helper()
	s := gocql.Session{}
	next := p.Pick(s.Query("SELECT").WithContext(withCoordinator(t.Context(), id)))
	for h := next(); h != nil; h = next() {
		h.Mark(nil)
		ids = append(ids, h.Info().HostID())
	}
	return ids
}

func TestPinned(t *testing.T) {
	p := newPinned(gocql.RoundRobinHostPolicy())
	hosts := map[string]*gocql.HostInfo{}
	for i, id := range []string{"a", "b", "c"} {
		hosts[id] = newHost(id, byte(i+1))
		p.AddHost(hosts[id])
	}
	first := func(id, want string) {
		t.Helper()
		for range 6 { // wherever the round robin stands
			got := order(t, p, id)
			if len(got) == 0 || got[0] != want {
				t.Errorf("asked for %q: %q, want %s first", id, got, want)
			}
			// When the first fails, every other is tried.
			all := slices.Compact(slices.Sorted(slices.Values(got)))
			if !slices.Equal(all, []string{"a", "b", "c"}) {
				t.Errorf("asked for %q: only %q are tried", id, all)
			}
		}
	}
	others := func(id string, want ...string) {
		t.Helper()
		seen := map[string]bool{}
		for range 12 {
			got := order(t, p, id)
			if len(got) == 0 {
				t.Fatalf("asked for %q: no host", id)
			}
			seen[got[0]] = true
			if !slices.Equal(slices.Compact(slices.Sorted(slices.Values(got))), want) {
				t.Errorf("asked for %q: %q are tried, want %q", id, got, want)
			}
		}
		if len(seen) != len(want) { // their load is spread
			t.Errorf("asked for %q: first was always one of %v", id, seen)
		}
	}
	first("a", "a")
	first("c", "c")
	others("", "a", "b", "c")
	others("unknown", "a", "b", "c")

	p.HostDown(hosts["b"])
	others("b", "a", "c")
	p.HostUp(hosts["b"])
	first("b", "b")

	p.RemoveHost(hosts["c"])
	others("c", "a", "b")
	// A node that was replaced, with its id, at another address.
	replaced := newHost("c", 9)
	p.AddHost(replaced)
	first("c", "c")
	s := gocql.Session{}
	if got := p.Pick(s.Query("SELECT").WithContext(withCoordinator(t.Context(), "c")))(); got.Info() != replaced {
		t.Errorf("the old address %v is tried", got.Info().ConnectAddress())
	}
}
