// The instance's metrics: Prometheus' text, which the worker pastes into its own, and
// the same as the user metrics of pulsar-admin functions stats.

package function

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// labels are those of every metric of a function.
func (in *Instance) labels() prometheus.Labels {
	return prometheus.Labels{
		"tenant": in.Tenant, "namespace": in.Tenant + "/" + in.Namespace, "name": in.Name,
		"instance_id": strconv.Itoa(in.ID), "cluster": in.Cluster, "fqfn": in.FQFN(),
	}
}

// collector gives the counts under the names that Pulsar's own instances use.
type collector struct {
	counts *Counts
	log    *LogTopic // nil for none
	descs  map[string]*prometheus.Desc
}

func newCollector(in *Instance, counts *Counts, log *LogTopic) *collector {
	c := &collector{counts: counts, log: log, descs: map[string]*prometheus.Desc{}}
	for name, help := range map[string]string{
		"received_total":                    "Events received.",
		"processed_successfully_total":      "Events that are done with: a row that covers them is persisted.",
		"system_exceptions_total":           "Failures of Cassandra or Pulsar; the events are tried again.",
		"user_exceptions_total":             "Events that are dead letters.",
		"received_total_1min":               "Events received in the present minute.",
		"processed_successfully_total_1min": "Events done with in the present minute.",
		"system_exceptions_total_1min":      "Failures in the present minute.",
		"user_exceptions_total_1min":        "Dead letters in the present minute.",
		"process_latency_ms":                "From an event to its row's acknowledgement by the broker, in milliseconds.",
		"process_latency_ms_1min":           "The same in the present minute.",
		"last_invocation":                   "When the last event came, in milliseconds since 1970; 0 for never.",
		"log_topic_dropped_total":           "Lines of the log that were not published to the log topic.",
	} {
		c.descs[name] = prometheus.NewDesc("pulsar_function_"+name, help, nil, in.labels())
	}
	return c
}

// Describe is a part of prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect is a part of prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.counts.now()
	for name, value := range map[string]int64{
		"received_total":               s.total.received,
		"processed_successfully_total": s.total.processed,
		"system_exceptions_total":      s.total.systemExceptions,
		"user_exceptions_total":        s.total.userExceptions,
	} {
		ch <- prometheus.MustNewConstMetric(c.descs[name], prometheus.CounterValue, float64(value))
	}
	for name, value := range map[string]int64{
		"received_total_1min":               s.minute.received,
		"processed_successfully_total_1min": s.minute.processed,
		"system_exceptions_total_1min":      s.minute.systemExceptions,
		"user_exceptions_total_1min":        s.minute.userExceptions,
		"last_invocation":                   s.lastEventMillis(),
	} {
		ch <- prometheus.MustNewConstMetric(c.descs[name], prometheus.GaugeValue, float64(value))
	}
	if c.log != nil {
		ch <- prometheus.MustNewConstMetric(c.descs["log_topic_dropped_total"], prometheus.CounterValue, float64(c.log.Dropped()))
	}
	for name, t := range map[string]tally{"process_latency_ms": s.total, "process_latency_ms_1min": s.minute} {
		ch <- prometheus.MustNewConstSummary(c.descs[name], uint64(t.rows), float64(t.latency.Microseconds())/1000, nil)
	}
}

// labelled gives the metrics of another gatherer with the labels of the instance, since
// the worker shows those of all instances side by side.
type labelled struct {
	prometheus.Gatherer
	labels []*dto.LabelPair
}

func newLabelled(g prometheus.Gatherer, labels prometheus.Labels) labelled {
	l := labelled{Gatherer: g}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		l.labels = append(l.labels, &dto.LabelPair{Name: proto.String(name), Value: proto.String(labels[name])})
	}
	return l
}

func (l labelled) Gather() ([]*dto.MetricFamily, error) {
	families, err := l.Gatherer.Gather()
	for _, family := range families {
		for _, metric := range family.Metric {
			// The slice may belong to the metric itself, and be used again.
			all := slices.Clone(metric.Label)
			for _, pair := range l.labels {
				if !slices.ContainsFunc(all, func(own *dto.LabelPair) bool { return own.GetName() == pair.GetName() }) {
					all = append(all, pair)
				}
			}
			slices.SortFunc(all, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
			metric.Label = all
		}
	}
	return families, err
}

// userMetrics are the metrics of a gatherer as names and numbers; those of the Go runtime
// and of the process are left to Prometheus.
func userMetrics(g prometheus.Gatherer) map[string]float64 {
	families, err := g.Gather()
	if err != nil {
		return nil // what could be gathered is at the metrics port, with the reason
	}
	all := map[string]float64{}
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "go_") || strings.HasPrefix(family.GetName(), "process_") {
			continue
		}
		for _, metric := range family.Metric {
			set := func(suffix string, value float64) {
				if !math.IsNaN(value) && !math.IsInf(value, 0) { // which JSON has no form for
					all[family.GetName()+suffix+labelText(metric.Label)] = value
				}
			}
			switch {
			case metric.Counter != nil:
				set("", metric.Counter.GetValue())
			case metric.Gauge != nil:
				set("", metric.Gauge.GetValue())
			case metric.Untyped != nil:
				set("", metric.Untyped.GetValue())
			case metric.Histogram != nil:
				set("_count", float64(metric.Histogram.GetSampleCount()))
				set("_sum", metric.Histogram.GetSampleSum())
			case metric.Summary != nil:
				set("_count", float64(metric.Summary.GetSampleCount()))
				set("_sum", metric.Summary.GetSampleSum())
			}
		}
	}
	return all
}

// labelText is {name="value",…} as Prometheus writes it, "" without labels.
func labelText(labels []*dto.LabelPair) string {
	if len(labels) == 0 {
		return ""
	}
	var parts []string
	for _, l := range labels {
		parts = append(parts, l.GetName()+"="+strconv.Quote(l.GetValue()))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
