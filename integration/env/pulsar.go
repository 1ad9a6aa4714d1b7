// This file starts stand-alone Pulsar brokers with their functions worker.

package env

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// PulsarOptions says what broker to start. The zero value is a broker with a
// functions worker on free ports of 127.0.0.1.
type PulsarOptions struct {
	// Name is the name of the broker's folder in the work directory. A folder
	// of that name that holds a broker is started again, with its data and
	// ports. Default: "pulsar", then "pulsar-2" and so on.
	Name string
	// Host is a loopback address. Default: 127.0.0.1.
	Host string
	// BrokerPort is for Pulsar's own protocol, WebPort for HTTP. Default: free
	// ones.
	BrokerPort, WebPort int
	// Conf overrides settings of standalone.conf.
	Conf map[string]string
	// FunctionsConf overrides settings of functions_worker.yml; nil removes one.
	FunctionsConf map[string]any
	// Connectors are NAR files to offer as built-in connectors.
	Connectors []string
	// JVMArgs come after the default ones, so that -Xmx1g wins.
	JVMArgs []string
	// Environment is added to the broker's, and so to that of functions that
	// run as processes.
	Environment []string
	// ZooKeeper keeps metadata in an embedded ZooKeeper instead of RocksDB. Set
	// it to kill the broker, or to have functions go on after a restart:
	//
	//   - RocksDB does not forget the dead broker's registrations. After a kill
	//     the bookie registers and removes itself in a loop, thousands of times,
	//     and sometimes the broker gives up ("exited with status 1").
	//   - With RocksDB the functions worker looks for uploaded packages before
	//     the broker can hand them out, and does not start them.
	//
	// The price: ZooKeeper listens on all interfaces, on a free port; Pulsar has
	// no setting for that. All else listens on Host only.
	ZooKeeper bool
	// WithoutFunctions leaves the functions worker out.
	WithoutFunctions bool
	// AdminToken is shown to the HTTP interface, for a Conf that asks for one.
	AdminToken string
}

// Pulsar is a stand-alone broker in a directory of its own, running or not.
type Pulsar struct {
	*server
	java  string // home of the Java it runs on
	dist  string // the unpacked distribution in the cache
	host  string
	ports pulsarPorts
	opts  PulsarOptions
}

type pulsarPorts struct {
	Broker int `json:"broker"`
	Web    int `json:"web"`
	// With RocksDB the bookie chooses its own port at its first start and keeps
	// it; these are 0 then.
	Bookie    int `json:"bookie,omitzero"`
	ZooKeeper int `json:"zookeeper,omitzero"`
}

// StartPulsar fetches what is missing, starts a broker and returns when it is
// healthy, its functions worker answers and the namespace public/default is
// there. When it returns an error nothing is left running.
func (e *Env) StartPulsar(ctx context.Context, opts PulsarOptions) (*Pulsar, error) {
	if opts.Host == "" {
		opts.Host = "127.0.0.1"
	}
	s, err := e.newServer("pulsar", pulsarRelease, opts.Name)
	if err != nil {
		return nil, err
	}
	p := &Pulsar{server: s, host: opts.Host, opts: opts}
	if err := p.bringUp(ctx); err != nil {
		e.forget(s)
		return nil, err
	}
	return p, nil
}

// bringUp fetches, chooses ports, or takes those of the folder, and starts.
func (p *Pulsar) bringUp(ctx context.Context) error {
	if _, err := findTool("bash", "start Pulsar", "bash"); err != nil {
		return err
	}
	var err error
	if p.java, err = p.env.javaHome(ctx, java17Pulsar, "Pulsar "+pulsarRelease); err != nil {
		return err
	}
	if p.dist, err = p.env.pulsarHome(ctx); err != nil {
		return err
	}
	return p.onFreePorts(func() error {
		in, err := p.resume("data")
		if err != nil {
			return err
		}
		if in != nil {
			p.host, p.ports = in.Host, in.Pulsar
		} else if err := p.choosePorts(); err != nil {
			return err
		}
		p.pinPorts()
		if err := p.remember(in != nil); err != nil {
			return err
		}
		if err := p.Start(ctx); err != nil {
			return err
		}
		return p.remember(true)
	})
}

func (p *Pulsar) remember(ready bool) error {
	return saveInstance(p.dir, instance{Kind: p.kind, Release: p.release, Host: p.host, Ready: ready, Pulsar: p.ports})
}

func (p *Pulsar) choosePorts() error {
	free, err := freePorts(p.host, 4)
	if err != nil {
		return err
	}
	p.ports = pulsarPorts{Broker: free[0], Web: free[1]}
	if p.opts.ZooKeeper {
		p.ports.Bookie, p.ports.ZooKeeper = free[2], free[3]
	}
	return nil
}

// pinPorts puts the caller's own choices in.
func (p *Pulsar) pinPorts() {
	if p.opts.BrokerPort != 0 {
		p.ports.Broker = p.opts.BrokerPort
	}
	if p.opts.WebPort != 0 {
		p.ports.Web = p.opts.WebPort
	}
}

// Start starts the broker again after Stop, Kill or a crash, with its data and
// ports, and returns when it is usable. Nothing happens if it runs.
func (p *Pulsar) Start(ctx context.Context) error {
	p.starting.Lock()
	defer p.starting.Unlock()
	if p.Running() {
		return nil
	}
	for _, port := range []int{p.ports.Broker, p.ports.Web, p.ports.Bookie, p.ports.ZooKeeper} {
		if port == 0 {
			continue
		}
		if err := portFree(p.host, port); err != nil {
			return fmt.Errorf("start %s: %w", p.label(), err)
		}
	}
	if err := p.writeFiles(); err != nil {
		return fmt.Errorf("start %s: %w", p.label(), err)
	}
	args := []string{"standalone", "--no-stream-storage"}
	environ := p.environ(p.serverMemory()...)
	if p.ports.ZooKeeper != 0 {
		args = append(args, "--zookeeper-port", strconv.Itoa(p.ports.ZooKeeper), "--bookkeeper-port", strconv.Itoa(p.ports.Bookie))
		environ = append(environ, "PULSAR_STANDALONE_USE_ZOOKEEPER=1")
	}
	if p.opts.WithoutFunctions {
		args = append(args, "--no-functions-worker")
	}
	cmd := exec.Command(filepath.Join(p.dir, "bin", "pulsar"), args...)
	cmd.Dir = p.dir
	cmd.Env = append(environ, p.opts.Environment...)
	return p.launch(ctx, cmd, p.ready)
}

// Configure changes settings of standalone.conf from the next Start on.
func (p *Pulsar) Configure(conf map[string]string) {
	p.starting.Lock()
	defer p.starting.Unlock()
	merged := maps.Clone(p.opts.Conf)
	if merged == nil {
		merged = make(map[string]string, len(conf))
	}
	maps.Copy(merged, conf)
	p.opts.Conf = merged
}

// ConfigureFunctions changes settings of functions_worker.yml from the next Start on.
func (p *Pulsar) ConfigureFunctions(conf map[string]any) {
	p.starting.Lock()
	defer p.starting.Unlock()
	merged := maps.Clone(p.opts.FunctionsConf)
	if merged == nil {
		merged = make(map[string]any, len(conf))
	}
	maps.Copy(merged, conf)
	p.opts.FunctionsConf = merged
}

func (p *Pulsar) serverMemory() []string {
	return append([]string{
		"-Xms128m", "-Xmx384m", "-XX:MaxDirectMemorySize=256m", "-XX:TieredStopAtLevel=1",
	}, p.opts.JVMArgs...)
}

// tmpDir takes the native libraries that Pulsar's JVMs unpack at every start and
// leave behind.
func (p *Pulsar) tmpDir() string { return filepath.Join(p.dir, "tmp") }

// environ is this process's environment without what would lead Pulsar's
// scripts elsewhere, and with the Java and memory they are to use. Functions
// that run as processes are started with the first java on PATH.
func (p *Pulsar) environ(memory ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "PULSAR_") && name != "JAVA_HOME" && name != "PATH" && name != "CLASSPATH" {
			env = append(env, v)
		}
	}
	collector := "-XX:+UseSerialGC"
	if choosesCollector(memory) {
		collector = " " // empty would mean the script's default
	}
	return append(env,
		"JAVA_HOME="+p.java,
		"PATH="+filepath.Join(p.java, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"PULSAR_MEM="+strings.Join(memory, " ")+" -Djava.io.tmpdir="+p.tmpDir(),
		"PULSAR_GC="+collector+" -XX:+PerfDisableSharedMem",
		"PULSAR_GC_LOG=-Xlog:disable",
	)
}

// ready returns nil when clients and functions can use the broker. A healthy
// broker may still lack its functions worker, and both the first namespace.
func (p *Pulsar) ready(ctx context.Context) error {
	paths := []string{"/admin/v2/brokers/health", "/admin/v3/functions/public/default", "/admin/v2/namespaces/public"}
	for _, path := range paths {
		if p.opts.WithoutFunctions && strings.HasPrefix(path, "/admin/v3/functions") {
			continue
		}
		body, err := p.Get(ctx, path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, "/namespaces/public") && !strings.Contains(body, `"public/default"`) {
			return errors.New("the namespace public/default is not there yet")
		}
	}
	return nil
}

// Get asks the admin interface for a path, /admin/v2/…, and wants status 200.
func (p *Pulsar) Get(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.AdminURL()+path, nil)
	if err != nil {
		return "", err
	}
	if p.opts.AdminToken != "" {
		req.Header.Set("Authorization", "Bearer "+p.opts.AdminToken)
	}
	answer, err := adminClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return string(body), nil
}

// adminClient goes to loopback, and never through the machine's proxy.
var adminClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// ServiceURL is for Pulsar clients.
func (p *Pulsar) ServiceURL() string { return "pulsar://" + p.address(p.ports.Broker) }

// AdminURL is the root of the HTTP interface, without a slash at the end.
func (p *Pulsar) AdminURL() string { return "http://" + p.address(p.ports.Web) }

func (p *Pulsar) address(port int) string { return net.JoinHostPort(p.host, strconv.Itoa(port)) }

// Home is the broker's own copy of a Pulsar installation: bin and conf are its
// own, lib and instances are shared.
func (p *Pulsar) Home() string { return p.dir }

// Java is the home of the Java the broker runs on.
func (p *Pulsar) Java() string { return p.java }

// Lib is the folder of Pulsar's jars.
func (p *Pulsar) Lib() string { return filepath.Join(p.dist, "lib") }

// ClientCommand is a bin/pulsar-client call against this broker, not yet
// started; AdminCommand the same for bin/pulsar-admin. Both take seconds per
// call: where HTTP will do, use AdminURL.
func (p *Pulsar) ClientCommand(ctx context.Context, args ...string) *exec.Cmd {
	return p.command(ctx, "pulsar-client", args)
}

// AdminCommand is a bin/pulsar-admin call against this broker.
func (p *Pulsar) AdminCommand(ctx context.Context, args ...string) *exec.Cmd {
	return p.command(ctx, "pulsar-admin", args)
}

// command is a call of one of the distribution's tools. conf/client.conf leads
// it to this broker.
func (p *Pulsar) command(ctx context.Context, program string, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.dir, "bin", program), args...)
	cmd.Dir = p.dir
	cmd.Env = p.environ("-Xmx128m", "-XX:TieredStopAtLevel=1")
	return cmd
}
