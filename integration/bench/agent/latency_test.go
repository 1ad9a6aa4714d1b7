// The figures of latencies.

package main

import "testing"

func TestSummary(t *testing.T) {
	var all []float64
	for i := range 1000 {
		all = append(all, float64((i*7)%1000))
	}
	if got := summary(all); got != (figures{500, 990, 999}) {
		t.Errorf("%+v", got)
	}
}
