// A repeated fault is told at once, then at intervals, and none is forgotten.

package seldom_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
)

func TestDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l seldom.Line
		told, leftOut := 0, 0
		for range 600 { // one fault every 100 ms, for a minute
			if n, due := l.Due(); due {
				told++
				leftOut += n
			}
			time.Sleep(100 * time.Millisecond)
		}
		if told != 6 {
			t.Errorf("%d lines in a minute, want 6", told)
		}
		time.Sleep(time.Minute)
		if n, due := l.Due(); !due || told+leftOut+n != 600 {
			t.Errorf("due %v; %d told and %d left out of 600", due, told, leftOut+n)
		}
	})
}
