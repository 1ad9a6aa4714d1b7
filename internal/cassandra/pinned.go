// The choice of the coordinator: the node a query asks for while it is up, any other
// of the data center otherwise.

package cassandra

import (
	"context"
	"sync"

	"github.com/gocql/gocql"
)

type coordinatorKey struct{}

// withCoordinator asks for the node with that host id.
func withCoordinator(ctx context.Context, hostID string) context.Context {
	if hostID == "" {
		return ctx
	}
	return context.WithValue(ctx, coordinatorKey{}, hostID)
}

// pinned is a host selection policy that honours withCoordinator.
type pinned struct {
	gocql.HostSelectionPolicy

	mu    sync.RWMutex
	hosts map[string]*gocql.HostInfo // by host id
}

func newPinned(others gocql.HostSelectionPolicy) *pinned {
	return &pinned{HostSelectionPolicy: others, hosts: map[string]*gocql.HostInfo{}}
}

func (p *pinned) set(h *gocql.HostInfo, up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if up {
		p.hosts[h.HostID()] = h
	} else {
		delete(p.hosts, h.HostID())
	}
}

func (p *pinned) AddHost(h *gocql.HostInfo)    { p.set(h, true); p.HostSelectionPolicy.AddHost(h) }
func (p *pinned) HostUp(h *gocql.HostInfo)     { p.set(h, true); p.HostSelectionPolicy.HostUp(h) }
func (p *pinned) RemoveHost(h *gocql.HostInfo) { p.set(h, false); p.HostSelectionPolicy.RemoveHost(h) }
func (p *pinned) HostDown(h *gocql.HostInfo)   { p.set(h, false); p.HostSelectionPolicy.HostDown(h) }

func (p *pinned) Pick(q gocql.ExecutableQuery) gocql.NextHost {
	others := p.HostSelectionPolicy.Pick(q)
	id, _ := q.Context().Value(coordinatorKey{}).(string)
	p.mu.RLock()
	first := p.hosts[id]
	p.mu.RUnlock()
	if first == nil || !first.IsUp() {
		return others
	}
	given := false
	return func() gocql.SelectedHost {
		if !given {
			given = true
			return host{first}
		}
		next := others()
		if next != nil && next.Info() == first { // the one that is slow or has failed
			next = others()
		}
		return next
	}
}

type host struct{ info *gocql.HostInfo }

func (h host) Info() *gocql.HostInfo { return h.info }
func (host) Mark(error)              {}
