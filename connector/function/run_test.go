// An instance as its worker sees it.

package function

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/pulsar/pulsar-function-go/pb"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
)

// freePort is a port that nobody listens on, as the worker picks it.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// running is an instance that runs, and its worker's view of it.
type running struct {
	t       *testing.T
	in      *Instance
	counts  *Counts
	fail    chan error // ends the work
	done    chan error // result of Run
	stop    context.CancelFunc
	log     *safeBuffer
	metrics *prometheus.Registry
	conn    *grpc.ClientConn
}

type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func start(t *testing.T, shown time.Duration) *running {
	t.Helper()
	in := instance(t, "most") // with something that is ignored
	in.ID, in.Port, in.MetricsPort = 1, freePort(t), freePort(t)
	r := &running{t: t, in: in, counts: &Counts{}, fail: make(chan error, 1), done: make(chan error, 1), log: &safeBuffer{}, metrics: prometheus.NewRegistry()}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	working := make(chan struct{})
	h := Host{Instance: in, Counts: r.counts, Metrics: r.metrics, UserMetrics: func() map[string]float64 { return map[string]float64{"cache_hits": 7} }, LogTopic: NewLogTopic(in), Log: slog.New(slog.NewTextHandler(r.log, nil)), shown: shown}
	go func() {
		r.done <- h.Run(ctx, func(ctx context.Context) error {
			close(working)
			select {
			case <-ctx.Done():
				return nil
			case err := <-r.fail:
				return err
			}
		})
	}()
	select {
	case <-working:
	case err := <-r.done:
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("127.0.0.1:"+strconv.Itoa(in.Port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	r.conn = conn
	t.Cleanup(func() {
		stop()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *running) call(method string, answer any) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	if err := r.conn.Invoke(ctx, "/proto.InstanceControl/"+method, &emptypb.Empty{}, answer); err != nil {
		r.t.Fatalf("%s: %v", method, err)
	}
}

func (r *running) result() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(10 * time.Second):
		r.t.Fatal("the instance goes on")
		return nil
	}
}

// The answers to each call, and that they say what was counted.
func TestControl(t *testing.T) {
	r := start(t, time.Minute)
	for range 3 {
		r.counts.Received(nil)
	}
	r.counts.Covered(1, pipeline.ByPublication)
	r.counts.Published(pipeline.Published{SinceEvent: 5 * time.Millisecond})
	r.counts.Buried(nil, errors.New("no key"))
	r.counts.Failed(errors.New("no node"), pipeline.Retry)
	var health pb.HealthCheckResult
	if r.call("HealthCheck", &health); !health.Success {
		t.Error("the instance says that it is not well")
	}
	var status pb.FunctionStatus
	r.call("GetFunctionStatus", &status)
	if !status.Running || status.FailureException != "" || status.InstanceId != "1" || status.NumReceived != 3 || status.NumSuccessfullyProcessed != 1 ||
		status.NumUserExceptions != 1 || status.NumSystemExceptions != 1 || status.AverageLatency != 5 || time.Since(time.UnixMilli(status.LastInvocationTime)) > time.Minute {
		t.Errorf("status %+v", &status)
	}
	if e := status.LatestUserExceptions; len(e) != 1 || e[0].ExceptionString != "no key" || e[0].MsSinceEpoch == 0 {
		t.Errorf("user exceptions %v", e)
	}
	if e := status.LatestSystemExceptions; len(e) != 1 || e[0].ExceptionString != "no node" {
		t.Errorf("system exceptions %v", e)
	}
	check := func(method string, minute int64) {
		t.Helper()
		var m pb.MetricsData
		r.call(method, &m)
		if m.ReceivedTotal != 3 || m.ReceivedTotal_1Min != minute || m.ProcessedSuccessfullyTotal != 1 || m.UserExceptionsTotal != 1 || m.SystemExceptionsTotal != 1 || m.AvgProcessLatency != 5 || m.LastInvocation != status.LastInvocationTime {
			t.Errorf("%s: %+v", method, &m)
		}
		if len(m.UserMetrics) != 1 || m.UserMetrics["cache_hits"] != 7 {
			t.Errorf("%s: user metrics %v", method, m.UserMetrics)
		}
	}
	check("GetMetrics", 3)
	check("GetAndResetMetrics", 3)
	check("GetMetrics", 0)
	r.counts.Received(nil)
	r.call("ResetMetrics", &emptypb.Empty{})
	var m pb.MetricsData
	if r.call("GetMetrics", &m); m.ReceivedTotal != 4 || m.ReceivedTotal_1Min != 0 {
		t.Errorf("after a reset: %+v", &m)
	}

	r.stop()
	if err := r.result(); err != nil {
		t.Errorf("a stop in good order: %v", err)
	}
	if !strings.Contains(r.log.String(), "ATMOST_ONCE") {
		t.Errorf("no word about an option without effect:\n%s", r.log)
	}
}

// The worker pastes this text into the broker's: every series says whose it is.
func TestMetricsPort(t *testing.T) {
	r := start(t, time.Minute)
	rows := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cassandra_cdc_rows_total"}, []string{"table"})
	r.metrics.MustRegister(rows)
	rows.WithLabelValues("ks.t").Add(7)
	r.counts.Received(nil)
	r.counts.Published(pipeline.Published{SinceEvent: 1500 * time.Microsecond})
	const labels = `cluster="standalone",fqfn="public/default/most",instance_id="1",name="most",namespace="public/default"`
	var text string
	for range 2 { // labels must not add up
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", r.in.MetricsPort))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v", answer.Status, err)
		}
		text = string(body)
	}
	http.DefaultClient.CloseIdleConnections()
	for _, want := range []string{
		"pulsar_function_received_total{" + labels + `,tenant="public"} 1`,
		"pulsar_function_processed_successfully_total{" + labels + `,tenant="public"} 0`,
		"pulsar_function_process_latency_ms_sum{" + labels + `,tenant="public"} 1.5`,
		"pulsar_function_last_invocation{" + labels + `,tenant="public"} 1.`,
		"pulsar_function_user_metric{" + strings.Replace(labels, "name=", `metric="cache_hits",name=`, 1) + `,tenant="public"} 7`,
		"pulsar_function_log_topic_dropped_total{" + labels + `,tenant="public"} 0`,
		"cassandra_cdc_rows_total{" + labels + `,table="ks.t",tenant="public"} 7`,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	r.stop()
	if err := r.result(); err != nil {
		t.Error(err)
	}
}

// Work that fails is shown for a while, and a stop does not wait for that.
func TestFailureIsShown(t *testing.T) {
	broken := errors.New("keyspace is missing\ntable is missing")
	r := start(t, time.Minute)
	r.fail <- broken
	var status pb.FunctionStatus
	for deadline := time.Now().Add(10 * time.Second); status.FailureException == ""; {
		if time.Now().After(deadline) {
			t.Fatal("the status does not tell")
		}
		r.call("GetFunctionStatus", &status)
	}
	if status.Running || status.FailureException != "keyspace is missing; table is missing" {
		t.Errorf("status %+v", &status)
	}
	r.stop()
	if err := r.result(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}

	r = start(t, time.Millisecond)
	r.fail <- broken
	if err := r.result(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// A port that is taken is said.
func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	for _, in := range []*Instance{{Port: taken}, {Port: freePort(t), MetricsPort: taken}} {
		err := Host{Instance: in, Counts: &Counts{}, Log: slog.New(slog.DiscardHandler)}.Run(t.Context(), func(context.Context) error { return nil })
		if err == nil || !strings.Contains(err.Error(), strconv.Itoa(taken)) {
			t.Errorf("got %v", err)
		}
	}
}

// An orphan leaves, and one whose worker has promised to look after it and does not.
func TestWatchWorker(t *testing.T) {
	for name, c := range map[string]struct {
		interval time.Duration
		check    time.Duration // how often the worker looks
		adopted  time.Duration // when the worker is gone
		leaves   time.Duration
	}{
		"an orphan":                {adopted: 10*time.Second + time.Millisecond, leaves: 11 * time.Second},
		"the worker never checks":  {interval: 30 * time.Second, leaves: 91 * time.Second},
		"the worker checks":        {interval: 30 * time.Second, check: 30 * time.Second, leaves: -1},
		"the worker promises none": {leaves: -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var parent atomic.Int64
				parent.Store(7)
				ctl := &control{}
				ctx, stop := context.WithCancelCause(t.Context())
				h := Host{Instance: &Instance{CheckInterval: c.interval}, Log: slog.New(slog.DiscardHandler), parent: func() int { return int(parent.Load()) }}
				began := time.Now()
				go h.watchWorker(ctx, 7, ctl, stop)
				if c.adopted > 0 {
					time.AfterFunc(c.adopted, func() { parent.Store(1) })
				}
				if c.check > 0 {
					go func() {
						tick := time.NewTicker(c.check)
						defer tick.Stop()
						for {
							select {
							case <-ctx.Done():
								return
							case <-tick.C:
								ctl.HealthCheck(ctx, nil) //nolint:errcheck // it cannot fail
							}
						}
					}()
				}
				select {
				case <-ctx.Done():
					if took := time.Since(began); took != c.leaves || !errors.Is(context.Cause(ctx), errWorkerGone) {
						t.Errorf("it leaves after %s, want %s: %v", took, c.leaves, context.Cause(ctx))
					}
				case <-time.After(time.Hour):
					if c.leaves >= 0 {
						t.Error("it stays")
					}
				}
				stop(nil)
			})
		})
	}
}
