// The borders between the rooms, held by a test: who may import whom.

package borders_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/cassandra-cdc/cassandra-cdc"

var borders = []struct {
	rooms     []string // and all below them
	forbidden []string
	why       string
}{
	{
		rooms:     []string{"/schema", "/agent/commitlog", "/agent/mutation", "/agent/history"},
		forbidden: []string{"github.com/apache/pulsar-client-go", "github.com/gocql/gocql", module + "/internal/", module + "/connector"},
		why:       "anyone can use these as a library, without a client of Pulsar or Cassandra",
	}, {
		rooms:     []string{"/schema"},
		forbidden: []string{module + "/agent"},
		why:       "the language both stages speak knows neither of them",
	}, {
		rooms:     []string{"/agent"},
		forbidden: []string{module + "/connector", module + "/integration"},
		why:       "the stages meet on the events topic and nowhere else",
	}, {
		rooms:     []string{"/connector"},
		forbidden: []string{module + "/agent", module + "/integration"},
		why:       "the stages meet on the events topic and nowhere else",
	}, {
		rooms:     []string{"/integration/env"},
		forbidden: []string{module + "/agent", module + "/connector", module + "/internal/"},
		why:       "starting servers is of no concern to what runs against them",
	},
}

// doors are packages that only one of ours may import directly.
var doors = map[string]string{
	"github.com/apache/pulsar-client-go": module + "/internal/pulsar",
	"github.com/gocql/gocql":             module + "/internal/cassandra",
	// The contract with the functions worker.
	"github.com/apache/pulsar/pulsar-function-go": module + "/connector/function",
	"google.golang.org/grpc":                      module + "/connector/function",
}

func list(t *testing.T, format string) [][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join "+format+" \" \"}}", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		all = append(all, strings.Fields(line))
	}
	return all
}

func TestBorders(t *testing.T) {
	for _, p := range list(t, ".Deps") {
		for _, b := range borders {
			inside := false
			for _, room := range b.rooms {
				inside = inside || p[0] == module+room || strings.HasPrefix(p[0], module+room+"/")
			}
			for _, dep := range p[1:] {
				for _, f := range b.forbidden {
					if inside && strings.HasPrefix(dep, f) {
						t.Errorf("%s depends on %s: %s", p[0], dep, b.why)
					}
				}
			}
		}
	}
}

func TestEachClientHasOneDoor(t *testing.T) {
	for _, p := range list(t, ".Imports") {
		for _, dep := range p[1:] {
			for client, door := range doors {
				if strings.HasPrefix(dep, client) && p[0] != door {
					t.Errorf("%s imports %s: only %s does", p[0], dep, door)
				}
			}
		}
	}
}
