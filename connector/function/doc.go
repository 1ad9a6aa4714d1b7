// Package function is the connector's side of a Pulsar Go function: what the functions
// worker hands to the process of an instance, and what it asks of it.
//
// In comes the configuration that the worker puts on the command line (instance.go), and
// what the connector tells of its work (counts.go). Out go answers to the worker: status
// and statistics over gRPC (control.go), Prometheus' text over HTTP (metrics.go), and
// the log to the function's log topic (logtopic.go). run.go holds them together for the
// life of the process, which ends with its worker.
//
// The package neither receives nor publishes events.
package function
