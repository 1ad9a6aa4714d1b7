// The metrics of DataStax's agent, under the names that Prometheus's JMX exporter gives
// its MBean org.apache.cassandra.metrics:type=CdcAgent, so that existing panels go on.
// Its task is the processing of one segment.

package metrics

import "github.com/prometheus/client_golang/prometheus"

type upstream Agent

func upstreamDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("cassandra_cdcagent_"+name, help, nil, nil)
}

var (
	sentMutations       = upstreamDesc("sentmutations", "Events that the broker has acknowledged.")
	sentErrors          = upstreamDesc("senterrors", "Failures to publish.")
	commitLogReadErrors = upstreamDesc("commitlogreaderrors", "Damaged stretches of segments, which are in quarantine.")
	skippedMutations    = upstreamDesc("skippedmutations", "Changes that became no event, and entries in quarantine.")
	executedTasks       = upstreamDesc("executedtasks", "Segments that were finished since the start.")
	submittedTasks      = upstreamDesc("submittedtasks", "Segments that are followed.")
	maxSubmittedTasks   = upstreamDesc("maxsubmittedtasks", "Most segments that were followed at a time.")
	pendingTasks        = upstreamDesc("pendingtasks", "Segments that are not read to their end.")
	maxPendingTasks     = upstreamDesc("maxpendingtasks", "Most segments that were not read to their end at a time.")
	uncleanedTasks      = upstreamDesc("uncleanedtasks", "Segments that are read to their end and still there.")
	maxUncleanedTasks   = upstreamDesc("maxuncleanedtasks", "Most segments that were read to their end and still there at a time.")
)

func (u *upstream) values() map[*prometheus.Desc]float64 {
	a := (*Agent)(u)
	var sent, failed uint64
	for _, t := range a.Tables() {
		s := t.State()
		sent, failed = sent+s.Events, failed+s.Errors
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return map[*prometheus.Desc]float64{
		sentMutations: float64(sent), sentErrors: float64(failed), commitLogReadErrors: float64(a.damaged), skippedMutations: float64(a.skips + a.entries),
		executedTasks: float64(a.log.Finished), submittedTasks: float64(a.log.Segments), maxSubmittedTasks: float64(a.segments.maxFollowed),
		pendingTasks: float64(a.log.Waiting), maxPendingTasks: float64(a.segments.maxWaiting),
		uncleanedTasks: float64(a.log.Done), maxUncleanedTasks: float64(a.segments.maxDone),
	}
}

func (u *upstream) Describe(ch chan<- *prometheus.Desc) {
	for d := range u.values() {
		ch <- d
	}
}

func (u *upstream) Collect(ch chan<- prometheus.Metric) {
	for d, v := range u.values() {
		ch <- prometheus.MustNewConstMetric(d, prometheus.UntypedValue, v)
	}
}
