// What a person may write where, what wins, and what is said of a slip.

package settings_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

const secret = "hunter2-Zq8"

type config struct {
	URL          string        `yaml:"serviceUrl" env:"CDC_SERVICE_URL" default:"pulsar://localhost:6650"`
	Pending      int           `yaml:"maxPending" env:"CDC_MAX_PENDING" default:"1000" min:"1" max:"5000"`
	Bytes        int64         `yaml:"limitBytes" env:"CDC_LIMIT_BYTES"`
	Delay        time.Duration `yaml:"delay" env:"CDC_DELAY" default:"10ms" min:"1ms"`
	Insecure     bool          `yaml:"allowInsecure" env:"CDC_ALLOW_INSECURE"`
	Tables       []string      `yaml:"tables" env:"CDC_TABLES"`
	Mode         string        `yaml:"mode" env:"CDC_MODE" oneof:"auto|on|off"`
	CA           string        `yaml:"caPath" env:"CDC_CA_PATH" file:"true"`
	Password     string        `yaml:"password" env:"CDC_PASSWORD" secret:"true"`
	PasswordFile string        `yaml:"passwordFile" env:"CDC_PASSWORD_FILE"`
	Threads      int           `yaml:"threads" env:"CDC_THREADS" ignored:"Go has its own"`

	NotASetting int
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, s settings.Sources) config {
	t.Helper()
	var c config
	if _, _, err := settings.Load(&c, s); err != nil {
		t.Fatal(err)
	}
	return c
}

// Each source alone gives every type.
func TestEverySourceGivesEveryType(t *testing.T) {
	want := config{
		URL: "pulsar://a:1,b:2", Pending: 7, Bytes: 1 << 40, Delay: 1500 * time.Millisecond, Insecure: true, Tables: []string{"a.*", "b.c"}, Password: "00123",
	}
	for name, s := range map[string]settings.Sources{
		"file": {File: write(t, `
serviceUrl: pulsar://a:1,b:2
maxPending: 7
limitBytes: 1099511627776
delay: 1.5s
allowInsecure: true
tables: ["a.*", b.c]
password: 00123
mode:
`)},
		"file, quoted":  {File: write(t, "serviceUrl: 'pulsar://a:1,b:2'\nmaxPending: '7'\nlimitBytes: \"1099511627776\"\ndelay: \"1500ms\"\nallowInsecure: 'TRUE'\ntables: a.*,b.c\npassword: \"00123\"\n")},
		"environment":   {Environ: []string{"CDC_SERVICE_URL=pulsar://a:1,b:2", "CDC_MAX_PENDING=7", "CDC_LIMIT_BYTES=1099511627776", "CDC_DELAY=1.5s", "CDC_ALLOW_INSECURE=True", "CDC_TABLES=a.*, b.c,", "CDC_PASSWORD=00123", "HOME=/root", "CDC_MODE="}},
		"parameters":    {Parameters: `serviceUrl=pulsar://a:1\,b:2, maxPending=7,limitBytes=1099511627776,  delay=1.5s,allowInsecure=true,tables=a.*\,b.c,password=00123,`},
		"flags":         {Set: []string{"serviceUrl=pulsar://a:1,b:2", "maxPending=7", "limitBytes=1099511627776", "delay=1.5s", "allowInsecure=true", "tables=a.*,b.c", "password=00123"}},
		"secret's file": {Set: []string{"serviceUrl=pulsar://a:1,b:2", "maxPending=7", "limitBytes=1099511627776", "delay=1.5s", "allowInsecure=true", "tables=a.*,b.c", "passwordFile=" + write(t, "00123\n")}},
	} {
		got := load(t, s)
		if got.PasswordFile != "" {
			got.PasswordFile = ""
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, got, want)
		}
	}
}

func TestLaterSourcesWin(t *testing.T) {
	all := settings.Sources{
		File: write(t, "serviceUrl: file\n"), Environ: []string{"CDC_SERVICE_URL=environment"}, Parameters: "serviceUrl=parameters", Set: []string{"serviceUrl=first", "serviceUrl=flag"},
	}
	for _, c := range []struct{ want, origin string }{
		{"flag", "--set"}, {"parameters", "--parameters"}, {"environment", "environment variable CDC_SERVICE_URL"}, {"file", all.File + ":1"}, {"", ""},
	} {
		var got config
		origins, _, err := settings.Load(&got, all)
		if err != nil || got.URL != c.want || origins["serviceUrl"].Place != c.origin {
			t.Errorf("%q from %q, want %q from %q: %v", got.URL, origins["serviceUrl"].Place, c.want, c.origin, err)
		}
		switch {
		case all.Set != nil:
			all.Set = nil
		case all.Parameters != "":
			all.Parameters = ""
		case all.Environ != nil:
			all.Environ = nil
		default:
			all.File = ""
		}
	}
	// An empty flag is the way back to the default; an empty variable is none.
	file := write(t, "serviceUrl: file\nmode: on\n")
	if c := load(t, settings.Sources{File: file, Set: []string{"serviceUrl="}}); c.URL != "" || c.Mode != "on" {
		t.Errorf("an empty flag: %+v", c)
	}
	if c := load(t, settings.Sources{File: file, Environ: []string{"CDC_SERVICE_URL="}}); c.URL != "file" {
		t.Errorf("an empty variable: %+v", c)
	}
}

// A secret and the file of one are the same setting.
func TestOfASecretAndItsFileTheLaterSourceCounts(t *testing.T) {
	path := write(t, "from the file\r\n")
	for name, c := range map[string]struct {
		s    settings.Sources
		want string
	}{
		"the secret, from later": {settings.Sources{Environ: []string{"CDC_PASSWORD_FILE=" + path}, Set: []string{"password=direct"}}, "direct"},
		"the file, from later":   {settings.Sources{Environ: []string{"CDC_PASSWORD=direct"}, Set: []string{"passwordFile=" + path}}, "from the file"},
	} {
		got := load(t, c.s)
		if got.Password != c.want || (got.PasswordFile != "") != (c.want == "from the file") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDefaultsFillWhatIsZero(t *testing.T) {
	c := config{Pending: 3}
	settings.Defaults(&c)
	if c.URL != "pulsar://localhost:6650" || c.Pending != 3 || c.Delay != 10*time.Millisecond || c.Tables != nil {
		t.Errorf("%+v", c)
	}
	if err := settings.Check(&c, nil); err != nil {
		t.Error(err)
	}
}

// Every way to be wrong, with what the message must say. None repeats the value.
func TestFaults(t *testing.T) {
	long := strings.Repeat("9", 30)
	for name, c := range map[string]struct {
		s    settings.Sources
		want []string // words of each line, joined by spaces
	}{
		"unknown in the file":        {settings.Sources{File: write(t, "# a\nserviceUlr: "+secret+"\n")}, []string{"agent.yaml:2: serviceUlr: no such setting serviceUrl?"}},
		"unknown as a parameter":     {settings.Sources{Parameters: "maxpending=" + secret}, []string{"--parameters: maxpending: no such setting maxPending?"}},
		"unknown as a flag":          {settings.Sources{Set: []string{"nothingLikeIt=" + secret}}, []string{"--set: nothingLikeIt: no such setting reference"}},
		"the nearest of two":         {settings.Sources{Set: []string{"passwordF=" + secret}}, []string{"--set: passwordF: mean password?"}},
		"no assignment":              {settings.Sources{Set: []string{secret}}, []string{"--set: key=value"}},
		"no key":                     {settings.Sources{Set: []string{"=" + secret}}, []string{"--set: key=value"}},
		"a comma in a value":         {settings.Sources{Parameters: "password=a," + secret}, []string{`--parameters: key=value \,`}},
		"words for a number":         {settings.Sources{File: write(t, "maxPending: "+secret)}, []string{"agent.yaml:1: maxPending: form whole number"}},
		"a fraction":                 {settings.Sources{Set: []string{"maxPending=1.5"}}, []string{"--set: maxPending: form whole number"}},
		"a number out of all bounds": {settings.Sources{Set: []string{"limitBytes=" + long}}, []string{"--set: limitBytes: form whole number"}},
		"yes for true":               {settings.Sources{Environ: []string{"CDC_ALLOW_INSECURE=yes"}}, []string{"CDC_ALLOW_INSECURE: allowInsecure: true or false"}},
		"a number without a unit":    {settings.Sources{Set: []string{"delay=10"}}, []string{"--set: delay: duration 10s"}},
		"a list for a text":          {settings.Sources{File: write(t, "password: ["+secret+"]")}, []string{"agent.yaml:1: password: form text"}},
		"a map for a text":           {settings.Sources{File: write(t, "password: {token: "+secret+"}")}, []string{"agent.yaml:1: password: form text"}},
		"a map for a list":           {settings.Sources{File: write(t, "tables: {a: "+secret+"}")}, []string{"agent.yaml:1: tables: form list"}},
		"lists in a list":            {settings.Sources{File: write(t, "tables: [["+secret+"]]")}, []string{"agent.yaml:1: tables: form list"}},
		"a list for a number":        {settings.Sources{File: write(t, "maxPending: [1]")}, []string{"agent.yaml:1: maxPending: form whole number"}},
		"a key twice":                {settings.Sources{File: write(t, "password: "+secret+"\nmode: on\npassword: "+secret)}, []string{"agent.yaml:3: password: already line 1"}},
		"no file":                    {settings.Sources{File: "/no/such/agent.yaml"}, []string{"/no/such/agent.yaml readable YAML"}},
		"a directory":                {settings.Sources{File: t.TempDir()}, []string{"directory YAML"}},
		"no YAML":                    {settings.Sources{File: write(t, "{{{"+secret)}, []string{"agent.yaml line 1"}},
		"a list of settings":         {settings.Sources{File: write(t, "- password: "+secret)}, []string{"agent.yaml: key: value"}},
		"a text":                     {settings.Sources{File: write(t, secret)}, []string{"agent.yaml: key: value"}},
		"an asterisk in front":       {settings.Sources{File: write(t, "password: *"+secret)}, []string{"agent.yaml quotes"}},
		"a quote in front":           {settings.Sources{File: write(t, "password: '"+secret)}, []string{"agent.yaml"}},
		"a percent in front":         {settings.Sources{File: write(t, "password: %"+secret)}, []string{"agent.yaml"}},
		"a colon in it":              {settings.Sources{File: write(t, "password: "+secret+": x")}, []string{"agent.yaml"}},
		"both, in one source":        {settings.Sources{File: write(t, "password: "+secret+"\npasswordFile: /x")}, []string{"agent.yaml:2: passwordFile: password agent.yaml:1 one of them"}},
		"a file that is not there":   {settings.Sources{Set: []string{"passwordFile=/no/such/file"}}, []string{"--set: passwordFile: /no/such/file may read"}},
		"an empty file":              {settings.Sources{Set: []string{"passwordFile=" + write(t, "\n")}}, []string{"--set: passwordFile: empty"}},
		"everything at once": {
			settings.Sources{File: write(t, "maxPending: x\nmod: on\n"), Environ: []string{"CDC_DELAY=x"}, Parameters: "limitBytes=x", Set: []string{"allowInsecure=x"}},
			[]string{"agent.yaml:1: maxPending:", "agent.yaml:2: mod: mode?", "CDC_DELAY: delay:", "--parameters: limitBytes:", "--set: allowInsecure:"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got config
			_, _, err := settings.Load(&got, c.s)
			expect(t, err, c.want)
		})
	}
}

// expect holds an error against words for each line of it, in order.
func expect(t *testing.T, err error, want []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("a value is told: %v", err)
	}
	faults := settings.FaultsOf(err)
	if len(faults) != len(want) {
		t.Fatalf("%d faults, want %d:\n%v", len(faults), len(want), err)
	}
	for i, f := range faults {
		for _, word := range strings.Fields(want[i]) {
			if !strings.Contains(f.Error(), word) || strings.Contains(f.Error(), "\n") {
				t.Errorf("no %q in %q", word, f)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	good := write(t, "x")
	for name, c := range map[string]struct {
		c    config
		want []string
	}{
		"too small":         {config{Pending: -1}, []string{"here: maxPending: small 1 or more"}},
		"too large":         {config{Pending: 5001}, []string{"here: maxPending: large 5000 or less"}},
		"too short":         {config{Delay: time.Microsecond}, []string{"here: delay: small 1ms or more"}},
		"no such word":      {config{Mode: secret}, []string{"here: mode: auto, on, off"}},
		"no such file":      {config{CA: "/no/such/ca"}, []string{"here: caPath: /no/such/ca may read"}},
		"a directory":       {config{CA: t.TempDir()}, []string{"here: caPath: directory"}},
		"an empty file":     {config{CA: write(t, "")}, []string{"here: caPath: empty"}},
		"all of them":       {config{Pending: -1, Delay: -1, Mode: "x", CA: "/no"}, []string{"maxPending", "delay", "mode", "caPath"}},
		"bounds themselves": {config{Pending: 5000, Delay: time.Millisecond, Mode: "off", CA: good}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			origins := settings.Origins{}
			for _, f := range settings.Fields(&c.c) {
				origins[f.Key] = settings.Origin{Place: "here"}
			}
			err := settings.Check(&c.c, origins)
			if c.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			expect(t, err, c.want)
		})
	}
}

// An unknown variable is nobody's fault: Kubernetes makes some for every service.
func TestWarnings(t *testing.T) {
	var c config
	_, warnings, err := settings.Load(&c, settings.Sources{
		Environ: []string{"CDC_SERVICE_ULR=x", "CDC_AGENT_SERVICE_HOST=10.0.0.1", "CDC_AGENT_PORT=tcp://10.0.0.1", "OTHER_SERVICE_URL=x", "CDC_MAX_PENDIN="}, Set: []string{"threads=3"},
	})
	want := []string{"environment variable CDC_SERVICE_ULR is no setting: did you mean CDC_SERVICE_URL?", "--set: threads has no effect: Go has its own"}
	if err != nil || !slices.Equal(warnings, want) {
		t.Errorf("%q, %v", warnings, err)
	}
}

type dotted struct {
	Max     int      `yaml:"cache.max" env:"CDC_CACHE_MAX"`
	Tables  []string `yaml:"tables" env:"CDC_TABLES"`
	Exclude []string `yaml:"tables.exclude" env:"CDC_TABLES_EXCLUDE"`
	Key     string   `yaml:"their.key" secret:"true"`
}

// What is before a dot of a name may be a mapping; names of others are no fault.
func TestNamesWithDots(t *testing.T) {
	want := dotted{Max: 3, Tables: []string{"a"}, Exclude: []string{"b", "c"}, Key: "k"}
	for name, s := range map[string]settings.Sources{
		"flat":         {File: write(t, "cache.max: 3\ntables: a\ntables.exclude: [b, c]\ntheir.key: k\ntheir.other: "+secret)},
		"nested":       {File: write(t, "cache: {max: 3}\ntables.exclude: b,c\ntables: [a]\ntheir:\n  key: k\n  other: {of: {them: ["+secret+"]}}")},
		"by a program": {GivenBy: "the host", Given: map[string]any{"cache.max": "3", "tables": "a", "tables.exclude": []string{"b", "c"}, "their.key": "k", "their.other": secret}},
	} {
		t.Run(name, func(t *testing.T) {
			var got dotted
			s.Foreign = "their."
			_, warnings, err := settings.Load(&got, s)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, %v", got, err)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], "their.other") || !strings.Contains(warnings[0], "has no effect") || strings.Contains(warnings[0], secret) {
				t.Errorf("%q", warnings)
			}
		})
	}
	for name, c := range map[string]struct {
		s    settings.Sources
		want []string
	}{
		"unknown, nested":  {settings.Sources{File: write(t, "cache:\n  mx: "+secret)}, []string{"agent.yaml:2: cache.mx: mean cache.max?"}},
		"twice":            {settings.Sources{File: write(t, "cache.max: 3\ncache: {max: 4}")}, []string{"agent.yaml:2: cache.max: already line 1"}},
		"too deep":         {settings.Sources{File: write(t, "cache: {max: {a: "+secret+"}}")}, []string{"agent.yaml:1: cache.max: form whole number"}},
		"another's, ours":  {settings.Sources{Set: []string{"there.key=" + secret}}, []string{"--set: there.key: mean their.key?"}},
		"given, no number": {settings.Sources{GivenBy: "the host", Given: map[string]any{"cache.max": secret}}, []string{"the host: cache.max: form whole number"}},
		"given, a list":    {settings.Sources{GivenBy: "the host", Given: map[string]any{"cache.max": []string{secret}}}, []string{"the host: cache.max: form whole number"}},
		"given, unknown":   {settings.Sources{GivenBy: "the host", Given: map[string]any{"cache.min": []string{secret}}}, []string{"the host: cache.min: mean cache.max?"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got dotted
			c.s.Foreign = "their."
			_, _, err := settings.Load(&got, c.s)
			expect(t, err, c.want)
		})
	}
}

func TestFaultsOfAnyError(t *testing.T) {
	one, two := settings.Fault{Key: "a", Problem: "x"}, settings.Fault{Key: "b", Problem: "y"}
	got := settings.FaultsOf(errors.Join(one, settings.Faults{two, one}, errors.Join(two, errors.New("other")), nil))
	want := settings.Faults{one, two, one, two, {Problem: "other"}}
	if !slices.Equal(got, want) || settings.FaultsOf(nil) != nil {
		t.Errorf("%v", got)
	}
}
