// The instance's metrics: Prometheus' text, which the worker pastes into its own.

package function

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

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
	host  Host
	descs map[string]*prometheus.Desc
	user  *prometheus.Desc
}

func newCollector(h Host) *collector {
	c := &collector{host: h, descs: map[string]*prometheus.Desc{}}
	c.user = prometheus.NewDesc("pulsar_function_user_metric", "Metrics of the connector by the names of DataStax's.", []string{"metric"}, h.Instance.labels())
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
		c.descs[name] = prometheus.NewDesc("pulsar_function_"+name, help, nil, h.Instance.labels())
	}
	return c
}

// Describe is a part of prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.user
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect is a part of prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.host.Counts.now()
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
	for name, value := range c.host.userMetrics() {
		ch <- prometheus.MustNewConstMetric(c.user, prometheus.GaugeValue, value, name)
	}
	if c.host.LogTopic != nil {
		ch <- prometheus.MustNewConstMetric(c.descs["log_topic_dropped_total"], prometheus.CounterValue, float64(c.host.LogTopic.Dropped()))
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
