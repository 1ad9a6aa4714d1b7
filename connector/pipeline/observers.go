// Several observers of one pipeline.

package pipeline

// Observers are told the same, one after the other.
type Observers []Observer

// Received tells all.
func (all Observers) Received(e *Event) {
	for _, o := range all {
		o.Received(e)
	}
}

// Published tells all.
func (all Observers) Published(p Published) {
	for _, o := range all {
		o.Published(p)
	}
}

// Covered tells all.
func (all Observers) Covered(events int, by Cover) {
	for _, o := range all {
		o.Covered(events, by)
	}
}

// Buried tells all.
func (all Observers) Buried(e *Event, reason error) {
	for _, o := range all {
		o.Buried(e, reason)
	}
}

// Failed tells all.
func (all Observers) Failed(err error, class Class) {
	for _, o := range all {
		o.Failed(err, class)
	}
}

// Stale tells all.
func (all Observers) Stale(last bool) {
	for _, o := range all {
		o.Stale(last)
	}
}
