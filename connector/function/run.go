// The life of an instance: it answers its worker while the work goes on, and leaves with
// it.

package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
)

// Host is what an instance runs with.
type Host struct {
	Instance *Instance
	Counts   *Counts
	// Metrics are those of the connector; nil for none.
	Metrics prometheus.Gatherer
	// UserMetrics are what pulsar-admin functions stats shows besides the counts; nil for
	// nothing.
	UserMetrics func() map[string]float64
	// LogTopic is nil for a function without one.
	LogTopic *LogTopic
	Log      *slog.Logger

	parent func() int    // os.Getppid, but in tests
	shown  time.Duration // FailureShown, but in tests
}

const (
	// watchInterval is how soon an instance notices that its worker is gone.
	watchInterval = time.Second
	// missedChecks of the worker are as good as its end.
	missedChecks = 3
	// FailureShown is how long an instance whose work has failed stays to say why. The
	// worker starts another one in its place, but only the present one can tell.
	FailureShown = time.Minute
)

// errWorkerGone ends an instance whose worker does not live any more.
var errWorkerGone = errors.New("the functions worker is gone")

// Run runs work and answers the worker meanwhile, until ctx ends, the work does, or the
// worker is gone. When the work fails, `pulsar-admin functions status` shows the error for
// FailureShown, and then Run returns it.
func (h Host) Run(ctx context.Context, work func(context.Context) error) error {
	if h.parent == nil {
		h.parent = os.Getppid
	}
	worker := h.parent() // before anything else: it may end at any moment
	if h.shown == 0 {
		h.shown = FailureShown
	}
	c := &control{host: h}
	stopControl, err := serveControl(controlAddress(h.Instance.Port), c)
	if err != nil {
		return err
	}
	defer stopControl()
	if h.Instance.MetricsPort > 0 {
		stopMetrics, err := h.serveMetrics()
		if err != nil {
			return err
		}
		defer stopMetrics()
	}
	for _, ignored := range h.Instance.Ignored {
		h.Log.Warn("an option of the function has no effect", "option", ignored)
	}

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go h.watchWorker(ctx, worker, c, stop)
	err = work(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	c.fail(err)
	h.Log.Error("the connector has stopped; the functions worker will start it again", "error", err, "in", h.shown)
	select {
	case <-ctx.Done():
	case <-time.After(h.shown):
	}
	return err
}

func (h Host) userMetrics() map[string]float64 {
	if h.UserMetrics == nil {
		return nil
	}
	return h.UserMetrics()
}

// controlAddress is the machine's own address, since the worker is the parent. In
// Kubernetes it is in another pod.
func controlAddress(port int) string {
	host := "127.0.0.1"
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		host = ""
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func serveControl(address string, c *control) (stop func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the functions worker: %w", err)
	}
	server := grpc.NewServer()
	server.RegisterService(&service, c)
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(l) //nolint:errcheck // it ends with Stop
	}()
	return func() {
		server.Stop()
		<-served
	}, nil
}

// serveMetrics answers GET / on all addresses: the worker asks at the machine's name.
func (h Host) serveMetrics() (stop func(), err error) {
	l, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(h.Instance.MetricsPort)))
	if err != nil {
		return nil, fmt.Errorf("listen for the function's metrics: %w", err)
	}
	own := prometheus.NewRegistry()
	own.MustRegister(newCollector(h))
	all := prometheus.Gatherers{own}
	if h.Metrics != nil {
		all = append(all, newLabelled(h.Metrics, h.Instance.labels()))
	}
	server := &http.Server{
		Handler: promhttp.HandlerFor(all, promhttp.HandlerOpts{
			ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(h.Log.Handler(), slog.LevelWarn),
		}),
		ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(h.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(l) //nolint:errcheck // it ends with Close
	}()
	return func() {
		server.Close() //nolint:errcheck // nothing to be done about it
		<-served
	}, nil
}

// watchWorker ends the instance when its parent is another process than the worker,
// which is what becomes of an orphan, and when the worker has not looked after it for some
// time though it said that it would.
func (h Host) watchWorker(ctx context.Context, worker int, c *control, stop context.CancelCauseFunc) {
	began := time.Now()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		last := c.lastChecked()
		if last.IsZero() {
			last = began
		}
		orphan := h.parent() != worker
		overdue := h.Instance.CheckInterval > 0 && time.Since(last) > missedChecks*h.Instance.CheckInterval
		if orphan || overdue {
			h.Log.Warn("the functions worker is gone: the instance leaves too", "orphan", orphan, "since_health_check", time.Since(last).Round(time.Second))
			stop(errWorkerGone)
			return
		}
	}
}
