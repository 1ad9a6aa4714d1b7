// Type texts: what system_schema spells is read, written back as it was, and what is
// no type ends in an error that says where.

package cql_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

const corpus = "../../testdata/corpus/"

// anyUDT resolves every name.
func anyUDT(name string) (*cql.Type, bool) {
	return &cql.Type{Kind: cql.UDT, Keyspace: "ks", Name: name}, true
}

// corpusTypes are all type texts that real nodes had in system_schema.
func corpusTypes(t testing.TB) (all []string) {
	t.Helper()
	files, _ := filepath.Glob(corpus + "*/*/system_schema.json")
	more, _ := filepath.Glob(corpus + "*/system_keyspaces.json")
	seen := map[string]bool{}
	for _, f := range append(files, more...) {
		var rows struct {
			Columns []struct{ Type string }
			Dropped []struct{ Type string } `json:"dropped_columns"`
			Types   []struct {
				Fields []string `json:"field_types"`
			}
		}
		data, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(data, &rows)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range append(rows.Columns, rows.Dropped...) {
			seen[r.Type] = true
		}
		for _, r := range rows.Types {
			for _, text := range r.Fields {
				seen[text] = true
			}
		}
	}
	for text := range seen {
		all = append(all, text)
	}
	if len(all) < 50 {
		t.Fatalf("only %d types in the corpus", len(all))
	}
	return all
}

func TestTypesOfRealNodesAreWrittenBackAsTheyWere(t *testing.T) {
	for _, text := range corpusTypes(t) {
		typ, err := cql.Parse(text, anyUDT)
		if err != nil {
			t.Error(err)
		} else if got := typ.String(); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// texts that stand for the same type, and what the type is.
func TestParse(t *testing.T) {
	text := &cql.Type{Kind: cql.Text}
	integer := &cql.Type{Kind: cql.Int}
	udt := func(name string) *cql.Type { return &cql.Type{Kind: cql.UDT, Keyspace: "ks", Name: name} }
	for in, want := range map[string]*cql.Type{
		"text":                          text,
		"varchar":                       text,
		"TEXT":                          text,
		"  text ":                       text,
		"list<int>":                     {Kind: cql.List, Elem: integer},
		"frozen<list<int>>":             {Kind: cql.List, Elem: integer, Frozen: true},
		"frozen< list < int > >":        {Kind: cql.List, Elem: integer, Frozen: true},
		"map<text,int>":                 {Kind: cql.Map, Key: text, Elem: integer},
		"Map<text, int>":                {Kind: cql.Map, Key: text, Elem: integer},
		"vector<int, 3>":                {Kind: cql.Vector, Elem: integer, Dimension: 3},
		"tuple<int>":                    {Kind: cql.Tuple, Frozen: true, Fields: []cql.Field{{Type: integer}}},
		"frozen<tuple<int, text>>":      {Kind: cql.Tuple, Frozen: true, Fields: []cql.Field{{Type: integer}, {Type: text}}},
		"addr":                          udt("addr"),
		"Addr":                          udt("addr"), // names without quotes are lower case
		`"Addr"`:                        udt("Addr"),
		`"a ""b"" <c>, 日本"`:             udt(`a "b" <c>, 日本`),
		`"text"`:                        udt("text"),
		`set<frozen<"Addr">>`:           {Kind: cql.Set, Elem: &cql.Type{Kind: cql.UDT, Keyspace: "ks", Name: "Addr", Frozen: true}},
		"list":                          udt("list"), // no reserved word in CQL
		"'org.example.MyType'":          {Kind: cql.Custom, Name: "org.example.MyType"},
		"'org.example.MyType(a=1,b=2)'": {Kind: cql.Custom, Name: "org.example.MyType(a=1,b=2)"},
	} {
		got, err := cql.Parse(in, anyUDT)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func TestParseErrorsNameThePlace(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "at character 0: a type name expected",
		"   ":                               "at character 3: a type name expected",
		"int int":                           `at character 4: unexpected "int"`,
		"int\x00":                           `at character 3: unexpected`,
		"int>":                              `at character 3: unexpected ">"`,
		"list<int":                          "at character 8: '>' expected, the text ends",
		"list<>":                            "at character 5: a type name expected",
		"map<text>":                         "at character 8: ',' expected, found '>'",
		"map<text int>":                     "at character 9: ',' expected, found 'i'",
		"map<text, int, int>":               "at character 13: '>' expected, found ','",
		"tuple<int, >":                      "at character 11: a type name expected",
		"vector<int>":                       "at character 10: ',' expected, found '>'",
		"vector<int, 0>":                    "a vector's dimension must be a positive number",
		"vector<int, -1>":                   "at character 12: a vector's dimension must be a positive number",
		"vector<int, x>":                    "a vector's dimension must be a positive number",
		"vector<int, 99999999999999999999>": "a vector's dimension must be a positive number",
		"text<int>":                         `"text" takes no parameters`,
		"'org.example":                      "at character 12: a quoted name that does not end",
		`"Addr`:                             "at character 5: a quoted name that does not end",
		"\"\xff\"":                          "not UTF-8",
		"unknown":                           "unknown type unknown",
		`list<frozen<"Un known">>`:          `unknown type "Un known"`,
	} {
		typ, err := cql.Parse(in, func(string) (*cql.Type, bool) { return nil, false })
		if err == nil {
			t.Errorf("%q is %s", in, typ)
			continue
		}
		for _, w := range []string{want, "CQL type "} {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: the error does not say %q: %v", in, w, err)
			}
		}
	}
	// Without a resolver there are no user-defined types.
	if _, err := cql.Parse("addr", nil); err == nil || !strings.Contains(err.Error(), "unknown type addr") {
		t.Errorf("%v", err)
	}
}

// Damaged input ends in an error and not in an exhausted stack.
func TestNestingIsBounded(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("frozen<list<", n) + "int" + strings.Repeat(">>", n) }
	if _, err := cql.Parse(nested(30), nil); err != nil {
		t.Errorf("a type nested 30 deep: %v", err)
	}
	for _, n := range []int{40, 1_000_000} {
		if _, err := cql.Parse(nested(n), nil); err == nil || !strings.Contains(err.Error(), "nested deeper than") {
			t.Errorf("a type nested %d deep: %.200v", n, err)
		}
	}
	if _, err := cql.Parse(strings.Repeat("map<", 1_000_000), nil); err == nil {
		t.Error("an open end")
	}
}

// randomType draws a type as system_schema can spell it.
func randomType(t *rapid.T, depth int) *cql.Type {
	draw := func() *cql.Type { return randomType(t, depth+1) }
	top := cql.Custom
	if depth > 5 {
		top = cql.Empty
	}
	typ := &cql.Type{Kind: cql.Kind(rapid.IntRange(int(cql.ASCII), int(top)).Draw(t, "kind"))}
	switch typ.Kind {
	case cql.List, cql.Set, cql.Map:
		typ.Frozen = rapid.Bool().Draw(t, "frozen")
		typ.Elem = draw()
		if typ.Kind == cql.Map {
			typ.Key = draw()
		}
	case cql.Vector:
		typ.Elem, typ.Dimension = draw(), rapid.IntRange(1, 8192).Draw(t, "dimension")
	case cql.Tuple:
		typ.Frozen = true
		for range rapid.IntRange(1, 4).Draw(t, "components") {
			typ.Fields = append(typ.Fields, cql.Field{Type: draw()})
		}
	case cql.UDT:
		typ.Frozen, typ.Keyspace = rapid.Bool().Draw(t, "frozen"), "ks"
		typ.Name = rapid.OneOf(rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`), rapid.StringMatching(`[aZ1_"'<>, ]{1,8}`), rapid.String()).Draw(t, "name")
		if plain, err := cql.Parse(typ.Name, nil); err == nil && plain.Kind < cql.List {
			typ.Name += " " // Cassandra does not quote the name of a native type: no such UDT can be told apart
		}
	case cql.Custom:
		typ.Name = rapid.OneOf(rapid.StringMatching(`[a-z]+\.[A-Z][a-z]+`), rapid.StringMatching(`[aZ1_"'<>, ]{1,8}`), rapid.String()).Draw(t, "class")
	}
	return typ
}

func TestParseReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := randomType(t, 0)
		got, err := cql.Parse(want.String(), anyUDT)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", want, diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range corpusTypes(f) {
		f.Add(text)
	}
	for _, text := range []string{`frozen<"A ""b""">`, "'a.B'", "vector<frozen<map<text,'x.Y'>>, 12>", "list<", "map<text,", `"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		typ, err := cql.Parse(text, anyUDT)
		if err != nil {
			return
		}
		typ.FixedLength()
		typ.MultiCell()
		// What is written stands for the same type, however the text was spelled.
		again, err := cql.Parse(typ.String(), anyUDT)
		if err != nil || again.String() != typ.String() {
			t.Errorf("%q became %q, then %v, %v", text, typ, again, err)
		}
	})
}

// How a cell is laid out in the commit log (AbstractType.valueLengthIfFixed). A wrong
// answer here shifts everything behind the cell.
func TestFixedLength(t *testing.T) {
	for text, want := range map[string]int{
		"boolean": 1, "int": 4, "float": 4, "bigint": 8, "double": 8, "timestamp": 8, "uuid": 16, "timeuuid": 16, "empty": 0,
		"'org.apache.cassandra.db.marshal.DateType'": 8, "'org.apache.cassandra.db.marshal.LexicalUUIDType'": 16,
		// One size for all values, and a length in front all the same.
		"tinyint": -1, "smallint": -1, "date": -1, "time": -1, "counter": -1,
		"ascii": -1, "text": -1, "blob": -1, "inet": -1, "decimal": -1, "varint": -1, "duration": -1,
		"list<int>": -1, "frozen<set<uuid>>": -1, "map<int, int>": -1, "tuple<int>": -1, "addr": -1, "frozen<addr>": -1, "'org.example.MyType'": -1,
		"vector<float, 3>": 12, "vector<uuid, 2>": 32, "vector<vector<float, 2>, 2>": 16, "vector<boolean, 5>": 5,
		"vector<vector<bigint, 2000000000>, 2000000000>": math.MaxInt32, // no value is that long
		"vector<text, 3>": -1, "vector<smallint, 3>": -1, "vector<vector<text, 2>, 2>": -1, "vector<frozen<list<int>>, 2>": -1,
	} {
		typ, err := cql.Parse(text, anyUDT)
		if err != nil {
			t.Fatal(err)
		}
		if got := typ.FixedLength(); got != want {
			t.Errorf("%s: %d bytes, want %d", text, got, want)
		}
	}
}

// Which columns have a cell for each element.
func TestMultiCell(t *testing.T) {
	for text, want := range map[string]bool{
		"list<int>": true, "set<text>": true, "map<int, frozen<list<int>>>": true, "addr": true,
		"frozen<list<int>>": false, "frozen<set<text>>": false, "frozen<map<int, int>>": false, "frozen<addr>": false,
		"tuple<int, text>": false, "frozen<tuple<int, text>>": false, "vector<float, 3>": false, "int": false, "'org.example.MyType'": false,
	} {
		typ, err := cql.Parse(text, anyUDT)
		if err != nil {
			t.Fatal(err)
		}
		if got := typ.MultiCell(); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// Names in statements: quoted where CQL would read them as something else.
func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"users": "users", "t_1": "t_1", "text": "text", "key": "key",
		"Users": `"Users"`, "1t": `"1t"`, "_t": `"_t"`, "my-table": `"my-table"`, "a b": `"a b"`, "": `""`, "日本": `"日本"`, `say "hi"`: `"say ""hi"""`,
		"select": `"select"`, "table": `"table"`, "order": `"order"`, "Select": `"Select"`,
	} {
		if got := cql.Quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
