// What deploy/ and the documentation say of the command line and of the settings is true:
// every command in them is one that the programs take, every variable one that the agent
// knows.

package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/internal/endpoint"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

const root = "../../"

// parses tells whether the program takes a command line, whatever files it names.
func parses(args []string) error {
	var c commands
	anyFile := kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		return ctx.Scan.PopValueInto("path", target.Addr().Interface())
	})
	grammar, err := kong.New(&c, kong.Name(name), vars, kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard),
		kong.NamedMapper("existingfile", anyFile), kong.NamedMapper("path", anyFile))
	if err != nil {
		return err
	}
	_, err = grammar.Parse(args)
	return err
}

var (
	fence = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	span  = regexp.MustCompile("`([^`\n]+)`")
	// A command follows the beginning of a line or span, a prompt, or the name of another user.
	command = regexp.MustCompile(`^(?:\S+[$#%] |\$ )?(?:sudo (?:-u \S+ )?)?(?:\S*/)?cassandra-cdc( [^#|>;&]*)?`)
)

func TestDocumentedCommandsExist(t *testing.T) {
	files, err := filepath.Glob(root + "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(files, root+"README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, block := range fence.FindAllSubmatch(text, -1) {
			lines = append(lines, strings.Split(string(block[1]), "\n")...)
		}
		for _, s := range span.FindAllSubmatch(fence.ReplaceAll(text, nil), -1) {
			lines = append(lines, string(s[1]))
		}
		for _, line := range lines {
			m := command.FindStringSubmatch(line)
			if m == nil || m[1] == "" {
				continue
			}
			found++
			args := strings.Fields(strings.NewReplacer("'", "", `"`, "").Replace(m[1]))
			err := parses(args)
			if err != nil && len(args) == 1 && strings.Contains(err.Error(), "expected one of") {
				continue // several commands at once
			}
			if err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), line, err)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d commands were found in the documentation", found)
	}
	if parses([]string{"agent", "--chekc"}) == nil || parses([]string{"staus"}) == nil {
		t.Error("a slip of the pen is taken")
	}
}

func TestServiceRunsTheAgent(t *testing.T) {
	unit, err := os.ReadFile(root + "deploy/systemd/cassandra-cdc.service")
	if err != nil {
		t.Fatal(err)
	}
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/cassandra-cdc (.*)$`).FindSubmatch(unit)
	if start == nil {
		t.Fatal("the unit starts something else")
	}
	if err := parses(strings.Fields(string(start[1]))); err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(start[1]), config.DefaultFile) {
		t.Errorf("the service reads another file than %s, which the other commands read", config.DefaultFile)
	}
}

func TestImageRunsTheAgent(t *testing.T) {
	text, err := os.ReadFile(root + "deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var words [2][]string
	for i, instruction := range []string{"ENTRYPOINT", "CMD"} {
		line := regexp.MustCompile(`(?m)^` + instruction + ` (\[.*\])$`).FindSubmatch(text)
		if line == nil {
			t.Fatalf("no %s", instruction)
		}
		if err := json.Unmarshal(line[1], &words[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(words[0], []string{"/usr/bin/cassandra-cdc"}) {
		t.Errorf("the image runs %v", words[0])
	}
	if err := parses(words[1]); err != nil {
		t.Error(err)
	}
}

// statefulSet is what is looked at of deploy/kubernetes.
type statefulSet struct {
	Spec struct {
		Template struct {
			Spec struct {
				Containers []container
			}
		}
	}
}

type container struct {
	Name  string
	Args  []string
	Env   []struct{ Name, Value string }
	Ports []struct {
		Name          string
		ContainerPort string `yaml:"containerPort"`
	}
	StartupProbe   *probe  `yaml:"startupProbe"`
	LivenessProbe  *probe  `yaml:"livenessProbe"`
	ReadinessProbe *probe  `yaml:"readinessProbe"`
	VolumeMounts   []mount `yaml:"volumeMounts"`
}

type mount struct {
	MountPath string `yaml:"mountPath"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func TestKubernetesExample(t *testing.T) {
	text, err := os.ReadFile(root + "deploy/kubernetes/cassandra-cdc.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var set statefulSet
	if err := yaml.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	containers := set.Spec.Template.Spec.Containers
	i := slices.IndexFunc(containers, func(c container) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no container is called %s", name)
	}
	c := containers[i]
	if err := parses(c.Args); err != nil {
		t.Error(err)
	}

	var environ []string
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	const tokenInPod = "/etc/cassandra-cdc/token"
	known := map[string]bool{}
	for _, f := range settings.Fields(&config.Config{}) {
		known[f.Env] = true
	}
	for _, e := range c.Env {
		environ = append(environ, e.Name+"="+strings.ReplaceAll(e.Value, tokenInPod, token))
		if !known[e.Name] {
			t.Errorf("the agent knows no variable %s", e.Name)
		}
	}
	cfg, err := config.Load(settings.Sources{Environ: environ})
	if err := errors.Join(err, cfg.Validate()); err != nil {
		t.Error(err)
	}
	if warnings := cfg.Warnings(); len(warnings) > 0 {
		t.Error(warnings)
	}

	// The probes ask what the agent serves, where it serves it.
	if len(c.Ports) != 1 || !strings.HasSuffix(cfg.HTTPAddress, ":"+c.Ports[0].ContainerPort) {
		t.Fatalf("ports %v, and the agent listens at %s", c.Ports, cfg.HTTPAddress)
	}
	answers := endpoint.Handler(endpoint.Program{
		Metrics: prometheus.NewRegistry(), Board: health.NewBoard(health.Agent(), slog.New(slog.DiscardHandler)),
		Alive: func() error { return nil }, Starting: func() string { return "Pulsar" },
	})
	for _, p := range []*probe{c.StartupProbe, c.LivenessProbe} {
		if p == nil || p.HTTPGet.Port != c.Ports[0].Name {
			t.Fatalf("probe %v does not ask the port %s", p, c.Ports[0].Name)
		}
		w := httptest.NewRecorder()
		answers.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.HTTPGet.Path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s of an agent that waits for Pulsar answers %d: Kubernetes would end it", p.HTTPGet.Path, w.Code)
		}
	}
	if c.ReadinessProbe != nil {
		t.Error("a readiness probe of the side-car takes Cassandra out of service when Pulsar is away")
	}

	// What the settings name is in a volume.
	for _, dir := range []string{cfg.CassandraYAML, cfg.CassandraStorageDir, cfg.CDCWorkingDir, tokenInPod} {
		if !slices.ContainsFunc(c.VolumeMounts, func(m mount) bool {
			return dir == m.MountPath || strings.HasPrefix(dir, m.MountPath+"/")
		}) {
			t.Errorf("%s is in no volume", dir)
		}
	}
}
