// A corpus from a real node: its parts must agree with each other and with what was
// written.

package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/integration/oracle"
)

// entry is as much of a line of expected.jsonl as the test looks at.
type entry struct {
	End     int64  `json:"end"`
	Size    int64  `json:"size"`
	CDC     bool   `json:"cdc"`
	Error   string `json:"error"`
	Updates []struct {
		Table string `json:"table"`
		ID    string `json:"id"`
		CDC   bool   `json:"cdc"`
		Items []struct {
			CK    []string `json:"ck"`
			Cells []struct {
				C string `json:"c"`
				V string `json:"v"`
			} `json:"cells"`
		} `json:"items"`
	} `json:"updates"`
}

type sections struct {
	Version     int    `json:"version"`
	ID          int64  `json:"id"`
	Compression string `json:"compression"`
	Encrypted   bool   `json:"encrypted"`
	HeaderEnd   int64  `json:"header_end"`
	Sections    []struct {
		FileStart  int64 `json:"file_start"`
		FileEnd    int64 `json:"file_end"`
		LogicalEnd int64 `json:"logical_end"`
	} `json:"sections"`
}

func TestMake(t *testing.T) {
	e := envtest.ForTest(t)
	envtest.Needs(t, e, env.Cassandra50)
	m := maker{
		env: e, line: env.Cassandra50, variant: variant{Compression: "LZ4", Sync: "periodic"}, out: t.TempDir(),
		say: func(line string) { t.Log(line) },
	}
	dir, err := m.make(t.Context(), "small")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.Rel(m.out, dir); err != nil || !regexp.MustCompile(`^5\.0\.\d+/small-lz4$`).MatchString(got) {
		t.Errorf("it is in %s (%v)", got, err)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v (%v), want one", segments, err)
	}
	base := strings.TrimSuffix(segments[0], ".log")
	var s sections
	readJSON(t, base+".sections.json", &s)
	entries := readEntries(t, base+".expected.jsonl")

	checkSections(t, segments[0], s)
	checkPositions(t, s, entries)
	checkWrites(t, dir, entries)
	index, err := os.ReadFile(base + "_cdc.idx")
	if want := strconv.FormatInt(s.Sections[len(s.Sections)-1].LogicalEnd, 10) + "\nCOMPLETED"; err != nil || string(index) != want {
		t.Errorf("the index says %q (%v), want %q", index, err, want)
	}
	settings, err := os.ReadFile(filepath.Join(dir, oracle.YAMLFile))
	if err != nil || strings.Contains(string(settings), e.WorkDir()) || !strings.Contains(string(settings), "LZ4Compressor") {
		t.Errorf("the settings (%v):\n%s", err, settings)
	}

	t.Run("bench", func(t *testing.T) {
		o, err := oracle.New(t.Context(), e, m.line)
		if err != nil {
			t.Fatal(err)
		}
		f, err := o.Bench(t.Context(), nil, segments...)
		rows := int64(0)
		for _, e := range entries {
			for _, u := range e.Updates {
				if u.CDC {
					rows += int64(len(u.Items))
				}
			}
		}
		if err != nil || f.Entries != int64(len(entries)) || f.Rows != rows || len(f.Seconds) < oracle.Passes || f.EntriesPerSecond <= 0 {
			t.Errorf("%+v (%v), want %d entries and %d rows", f, err, len(entries), rows)
		}
	})
}

// checkSections holds the sections against the file: they follow each other with 8 bytes
// of marker between, and the last ends the file.
func checkSections(t *testing.T, segment string, s sections) {
	t.Helper()
	if s.Version != 7 || s.Compression != "LZ4Compressor" || s.Encrypted || !strings.Contains(segment, "-7-"+strconv.FormatInt(s.ID, 10)) {
		t.Errorf("%s has version %d, id %d, compression %q, encrypted %v", segment, s.Version, s.ID, s.Compression, s.Encrypted)
	}
	if len(s.Sections) < 15 {
		t.Fatalf("%d sections: the pauses do not make any", len(s.Sections))
	}
	start := s.HeaderEnd + 8
	for _, x := range s.Sections {
		if x.FileStart != start || x.FileEnd <= x.FileStart {
			t.Errorf("a section is at %d to %d, want it at %d", x.FileStart, x.FileEnd, start)
		}
		start = x.FileEnd + 8
	}
	if info, err := os.Stat(segment); err != nil || info.Size() != start-8 {
		t.Errorf("the last section ends at %d, the file at %d (%v)", start-8, info.Size(), err)
	}
}

// checkPositions holds the entries against the sections: in each, they follow each other
// with 12 bytes of frame around the body, and the last ends the section.
func checkPositions(t *testing.T, s sections, entries []entry) {
	t.Helper()
	at := s.HeaderEnd
	for _, x := range s.Sections {
		at += 8
		for len(entries) > 0 && entries[0].End <= x.LogicalEnd {
			e := entries[0]
			entries = entries[1:]
			if e.Error != "" || e.End != at+12+e.Size {
				t.Errorf("an entry of %d bytes begins at %d and ends at %d %s", e.Size, at, e.End, e.Error)
			}
			at = e.End
		}
		if at != x.LogicalEnd {
			t.Errorf("a section ends at %d, its last entry at %d", x.LogicalEnd, at)
			at = x.LogicalEnd
		}
	}
	if len(entries) > 0 {
		t.Errorf("%d entries are in no section", len(entries))
	}
}

// checkWrites holds the entries of tables with CDC against the statements and the schema.
func checkWrites(t *testing.T, dir string, entries []entry) {
	t.Helper()
	var schema struct {
		Tables []struct {
			Name string `json:"table_name"`
			ID   string `json:"id"`
		} `json:"tables"`
	}
	readJSON(t, filepath.Join(dir, "system_schema.json"), &schema)
	ids := map[string]string{}
	for _, table := range schema.Tables {
		ids[table.Name] = table.ID
	}
	if len(ids) != 2 {
		t.Errorf("the schema has the tables %v", ids)
	}
	text, err := os.ReadFile(filepath.Join(dir, "statements.cql"))
	if err != nil {
		t.Fatal(err)
	}
	statements := strings.Split(strings.TrimSpace(string(text)), "\n")
	insert := regexp.MustCompile(`^INSERT INTO sm\.ev .* VALUES \(\S+, (\d+), '([^']*)'`)
	n := 0
	for _, e := range entries {
		if !e.CDC {
			continue
		}
		if n == len(statements) {
			t.Fatalf("%d statements made more entries of tables with CDC", n)
		}
		statement := statements[n]
		n++
		u := e.Updates[0]
		if len(e.Updates) != 1 || u.ID != ids[u.Table] || !u.CDC || !strings.Contains(statement, "sm."+u.Table+" ") {
			t.Fatalf("%s gave %+v", statement, e)
		}
		if m := insert.FindStringSubmatch(statement); m != nil {
			seq, payload := u.Items[0].CK[0], ""
			for _, c := range u.Items[0].Cells {
				if c.C == "payload" {
					payload = c.V
				}
			}
			number, err := strconv.ParseInt(seq, 16, 32)
			value, invalid := hex.DecodeString(payload)
			if err != nil || invalid != nil || strconv.FormatInt(number, 10) != m[1] || string(value) != m[2] {
				t.Errorf("%s gave seq %s and payload %s", statement, seq, payload)
			}
		}
	}
	if n != len(statements) || n < 500 {
		t.Errorf("%d entries of tables with CDC for %d statements", n, len(statements))
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func readEntries(t *testing.T, file string) (entries []entry) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v: %s", file, err, lines.Text())
		}
		entries = append(entries, e)
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	return entries
}
