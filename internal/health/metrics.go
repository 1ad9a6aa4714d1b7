// Conditions as metrics.

package health

import "github.com/prometheus/client_golang/prometheus"

var conditionMetric = prometheus.NewDesc("cassandra_cdc_condition",
	"Whether a known bad state holds (1) or not (0); docs/conditions.md explains the codes.", []string{"code", "severity"}, nil)

// Describe is a part of prometheus.Collector.
func (b *Board) Describe(ch chan<- *prometheus.Desc) { ch <- conditionMetric }

// Collect gives a series for each condition of the program, so that an alert can tell a state that
// does not hold from a program that does not run.
func (b *Board) Collect(ch chan<- prometheus.Metric) {
	holds := map[string]float64{}
	for _, s := range b.Active() {
		holds[s.Code] = 1
	}
	for _, c := range b.known {
		ch <- prometheus.MustNewConstMetric(conditionMetric, prometheus.GaugeValue, holds[c.Code], c.Code, c.Severity.String())
	}
}
