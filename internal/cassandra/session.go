// Package cassandra is the project's only door to Cassandra's native protocol (gocql).
//
// In come statements with raw CQL values, out come rows of raw CQL values and the
// rows of system_schema. It interprets no value and keeps no schema.
package cassandra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gocql/gocql"
)

// Config says which cluster, or which one node of it, and as whom.
type Config struct {
	ContactPoints []string // host or host:port
	Port          int      // of contact points without one; 0 means 9042
	LocalDC       string   // only nodes of this data center are asked; "" means all
	// OnlyContactPoints keeps to the contact points and ignores the rest of the
	// cluster: the agent talks to its own node.
	OnlyContactPoints bool
	// Bundle says where the nodes are and how they are reached, instead of ContactPoints,
	// LocalDC and TLS; nil means no bundle.
	Bundle       *Bundle
	Connections  int         // to each node; 0 means 2
	Compression  Compression // of the connections; "" means none
	Username     string
	Password     string
	PasswordFile string        // holds the password instead, and is read again for each connection
	TLS          *TLS          // nil means none
	Timeout      time.Duration // of one request; 0 means 10 s
	Log          *slog.Logger
}

// Session is a connection to a cluster, safe for concurrent use.
type Session struct {
	driver  atomic.Pointer[gocql.Session]
	watcher *watcher
}

// gocql is the driver's session that is in use now.
func (s *Session) gocql() *gocql.Session { return s.driver.Load() }

// Connect opens a session. When no contact point answers it fails within the timeout
// of cfg for each of them; the error names them, the cause and a remedy.
func Connect(ctx context.Context, cfg Config) (*Session, error) {
	made, err := cfg.open(ctx)
	if err != nil {
		return nil, err
	}
	s := &Session{}
	s.driver.Store(made)
	s.watcher = s.watch(cfg)
	return s, nil
}

// open makes a session of the driver's.
func (cfg Config) open(ctx context.Context) (*gocql.Session, error) {
	if len(cfg.ContactPoints) == 0 && cfg.Bundle == nil {
		return nil, errors.New("no Cassandra contact point is configured: set contactPoints to the address of a node")
	}
	port := cfg.Port
	if port == 0 {
		port = 9042
	}
	timeout := cfg.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	var through *throughProxy
	if cfg.Bundle != nil {
		var err error
		if through, err = cfg.Bundle.open(ctx, timeout); err != nil {
			return nil, err
		}
		cfg.ContactPoints, cfg.LocalDC = through.standIns(), through.localDC
	}
	cluster := gocql.NewCluster(cfg.ContactPoints...)
	cluster.Port = port
	cluster.Timeout, cluster.ConnectTimeout = timeout, timeout
	cluster.ReconnectInterval = 2 * time.Second // a minute by default, in which a node that is back is not asked
	cluster.Consistency = gocql.LocalQuorum
	if cfg.Connections != 0 {
		cluster.NumConns = cfg.Connections
	}
	compressor, err := cfg.Compression.compressor()
	if err != nil {
		return nil, err
	}
	cluster.Compressor = compressor
	cluster.DisableInitialHostLookup = cfg.OnlyContactPoints
	cluster.Logger = driverLog{cfg.Log}
	nodes := gocql.RoundRobinHostPolicy()
	if cfg.LocalDC != "" {
		nodes = gocql.DCAwareRoundRobinPolicy(cfg.LocalDC)
		cluster.HostFilter = gocql.DataCentreHostFilter(cfg.LocalDC)
	}
	cluster.PoolConfig.HostSelectionPolicy = newPinned(nodes)
	if cfg.Username != "" || cfg.Password != "" {
		cluster.Authenticator = login{cfg}
	}
	if through != nil {
		cluster.HostDialer = through
	} else if cfg.TLS != nil {
		secure, err := cfg.TLS.config()
		if err != nil {
			return nil, fmt.Errorf("TLS to Cassandra: %w", err)
		}
		cluster.SslOpts = &gocql.SslOptions{Config: secure}
	}

	// gocql's constructor takes no context: leave it behind when ours ends first.
	type result struct {
		session *gocql.Session
		err     error
	}
	where := addresses(cfg.ContactPoints, port)
	if through != nil {
		where = through.proxy
	}
	made := make(chan result, 1)
	go func() {
		s, err := cluster.CreateSession()
		made <- result{s, err}
	}()
	select {
	case r := <-made:
		if r.err != nil {
			cause := short(r.err)
			if credentialsRefused(cause) {
				cause = fmt.Errorf("%w: %w", ErrCredentials, cause)
			} else {
				cause = unreachable{cause}
			}
			return nil, fmt.Errorf("connect to Cassandra at %s: %w (%s)", where, cause, cfg.remedy(r.err))
		}
		return r.session, nil
	case <-ctx.Done():
		go func() {
			if r := <-made; r.session != nil {
				r.session.Close()
			}
		}()
		return nil, fmt.Errorf("connect to Cassandra at %s: %w", where, ctx.Err())
	}
}

// ErrCredentials says that the cluster refused the user name or the password, or wants
// some.
var ErrCredentials = errors.New("credentials refused")

// credentialsRefused knows the refusal by its words: the driver's constructor drops the
// error that the node sent. The first two are Cassandra's (PasswordAuthenticator, and its
// CREDENTIALS error), the third is the driver's when it has none to give.
func credentialsRefused(err error) bool {
	for _, words := range []string{"and/or password are incorrect", "Unable to perform authentication", "authentication required"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// Close closes the session.
func (s *Session) Close() {
	s.watcher.close()
	s.gocql().Close()
}

func addresses(points []string, port int) string {
	var all []string
	for _, p := range points {
		if _, _, err := net.SplitHostPort(p); err != nil {
			p = net.JoinHostPort(p, strconv.Itoa(port))
		}
		all = append(all, p)
	}
	return strings.Join(all, ", ")
}

// short takes the driver's own name off an error's front.
func short(err error) error {
	text := err.Error()
	for _, prefix := range []string{"gocql: ", "unable to create session: ", "unable to discover protocol version: ", "gocql: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	if text == err.Error() {
		return err
	}
	return &shortened{text, err}
}

type shortened struct {
	text string
	err  error
}

func (e *shortened) Error() string { return e.text }
func (e *shortened) Unwrap() error { return e.err }

// driverLog passes the driver's log lines on as debug lines: what matters of them
// comes back as errors.
type driverLog struct{ log *slog.Logger }

func (l driverLog) line(s string) {
	if l.log != nil {
		l.log.Debug("cassandra driver", "message", strings.TrimSpace(s))
	}
}

func (l driverLog) Print(v ...any)                 { l.line(fmt.Sprint(v...)) }
func (l driverLog) Printf(format string, v ...any) { l.line(fmt.Sprintf(format, v...)) }
func (l driverLog) Println(v ...any)               { l.line(fmt.Sprintln(v...)) }
