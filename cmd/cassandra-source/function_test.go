// The program as a functions worker starts it, without a worker: it never outlives its
// parent, and shows no secret.

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const secret = "hunter2secret"

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cassandra-source")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return path
}

// instanceConf is what the worker writes, for a Cassandra and a Pulsar that do not answer.
func instanceConf(t *testing.T, inputs ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	encode := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	specs := map[string]any{}
	for _, topic := range inputs {
		specs[topic] = struct{}{}
	}
	return encode(map[string]any{
		"pulsarServiceURL": "pulsar://127.0.0.1:1", "port": l.Addr().(*net.TCPAddr).Port, "clientAuthenticationPlugin": "token", "clientAuthenticationParameters": "token:" + secret,
		"functionDetails": encode(map[string]any{
			"tenant": "public", "namespace": "default", "name": "f", "autoAck": true, "logTopic": "log-f",
			"source": map[string]any{"inputSpecs": specs}, "sink": map[string]any{"topic": "data-ks.t"},
			"userConfig": encode(map[string]any{"keyspace": "ks", "table": "t", "contactPoints": "127.0.0.1", "port": 1.0, "auth": map[string]string{"username": "me"}}),
			"secretsMap": encode(map[string]string{"auth.password": secret}),
		}),
	})
}

func TestFunction(t *testing.T) {
	program := build(t)
	t.Run("it leaves with its worker", func(t *testing.T) { leaves(t, program) })
	t.Run("a wrong command line", func(t *testing.T) { commandLine(t, program) })
}

func leaves(t *testing.T, program string) {
	worker := exec.Command("sh", "-c", `"$0" -instance-conf "$1" & wait`, program, instanceConf(t, "events-ks.t"))
	output, err := worker.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	// The pipe ends with the last process that holds it, which is the program.
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(output); s.Scan(); {
			lines <- s.Text()
		}
	}()
	var all strings.Builder
	killed := time.Time{}
	timeout := time.After(time.Minute)
	for {
		select {
		case line, more := <-lines:
			if !more {
				if killed.IsZero() || !strings.Contains(all.String(), "the functions worker is gone") || !strings.Contains(all.String(), "function=public/default/f instance=0") {
					t.Errorf("the program has left with\n%s", all.String())
				}
				if took := time.Since(killed); took > functionLeaveTime+2*time.Second {
					t.Errorf("it has taken %s", took)
				}
				if strings.Contains(all.String(), secret) {
					t.Errorf("a secret is in the log:\n%s", all.String())
				}
				_ = worker.Wait() // killed
				return
			}
			fmt.Fprintln(&all, line)
			if killed.IsZero() {
				killed = time.Now()
				if err := syscall.Kill(worker.Process.Pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		case <-timeout:
			t.Fatalf("the program goes on:\n%s", all.String())
		}
	}
}

// commandLine is wrong, which is said without repeating it.
func commandLine(t *testing.T, program string) {
	for says, args := range map[string][]string{
		"no JSON object":                          {"-instance-conf", secret},
		"-instance-conf has no value":             {"-instance-conf"},
		"read the instance's configuration: open": {"-instance-conf-path", filepath.Join(t.TempDir(), "nowhere")},
	} {
		out, err := exec.Command(program, args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), says) || strings.Contains(string(out), secret) {
			t.Errorf("%q: %v\n%s", says, err, out)
		}
	}
}
