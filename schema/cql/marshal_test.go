// Marshal class texts: what Cassandra itself makes of them, and what is no class text.

package cql_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql/cqltest"
)

const marshalPackage = "org.apache.cassandra.db.marshal."

// golden gives the lines of a file of Cassandra's answers, split at tabs.
func golden(t testing.TB, name string) (lines [][]string) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.Split(line, "\t"))
		}
	}
	return lines
}

// classDifferences are the texts that Cassandra reads in another way, and why.
var classDifferences = map[string]string{
	"$ReversedType($ListType($Int32Type))":              "Cassandra says list<int>, and that it is not multi-cell; frozen says both",
	"$FrozenType($ReversedType($ListType($Int32Type)))": "the same",
	"$TupleType()":                 "CQL has no tuple without components",
	"$TupleType":                   "the same",
	"$Int32Type)":                  "Cassandra does not look at the rest",
	"$Int32Type xyz":               "the same",
	"$ListType($Int32Type) x":      "the same",
	"$UserType(,61,62:$Int32Type)": "Cassandra takes 61 for the keyspace",
	"$ColumnToCollectionType(616263:$ListType($Int32Type))":                           "a class of 3.11 alone",
	"$CompositeType($UTF8Type,$ColumnToCollectionType(616263:$ListType($Int32Type)))": "the same",
}

func TestClassesAreWhatCassandraReadsInThem(t *testing.T) {
	same := 0
	for _, line := range golden(t, "classes.tsv") {
		_, differs := classDifferences[line[0]]
		// Once with the package in front of each class, once without.
		for _, pkg := range []string{marshalPackage, ""} {
			text := strings.ReplaceAll(line[0], "$", pkg)
			want := strings.ReplaceAll(strings.Join(line[1:], " "), "$", pkg)
			got := "error"
			if typ, reversed, err := cql.ParseClass(text); err == nil {
				got = fmt.Sprintf("%s %v %v %d", typ, typ.MultiCell(), reversed, typ.FixedLength())
			} else if !strings.Contains(err.Error(), "at character ") {
				t.Errorf("%s: the error does not say where: %v", text, err)
			}
			if (got == want) == differs {
				t.Errorf("%s is %s for Cassandra, %s here", text, want, got)
			}
			same++
		}
	}
	if same < 200 {
		t.Errorf("only %d class texts", same)
	}
}

// What the CQL spelling does not show.
func TestParseClass(t *testing.T) {
	integer, text := &cql.Type{Kind: cql.Int}, &cql.Type{Kind: cql.Text}
	list := &cql.Type{Kind: cql.List, Elem: integer}
	frozenList := &cql.Type{Kind: cql.List, Elem: integer, Frozen: true}
	for in, want := range map[string]*cql.Type{
		"UserType(ks,41c3a9,622063:Int32Type,64:ListType(Int32Type))": {Kind: cql.UDT, Keyspace: "ks", Name: "Aé",
			Fields: []cql.Field{{Name: "b c", Type: integer}, {Name: "d", Type: list}}},
		"FrozenType(UserType(ks,61,62:ListType(Int32Type)))": {Kind: cql.UDT, Keyspace: "ks", Name: "a", Frozen: true,
			Fields: []cql.Field{{Name: "b", Type: list}}},
		"TupleType(Int32Type,ListType(Int32Type))": {Kind: cql.Tuple, Frozen: true, Fields: []cql.Field{{Type: integer}, {Type: frozenList}}},
		"MapType(ListType(Int32Type),UTF8Type)":    {Kind: cql.Map, Key: frozenList, Elem: text},
		"ListType(ReversedType(Int32Type))":        list,
		"org.example.MyType":                       {Kind: cql.Custom, Name: "org.example.MyType"},
		"SetType(org.example.MyType(a=(1,2),b) )":  {Kind: cql.Set, Elem: &cql.Type{Kind: cql.Custom, Name: "org.example.MyType(a=(1,2),b)"}},
		"org.example.ListType(Int32Type)":          {Kind: cql.Custom, Name: "org.example.ListType(Int32Type)"},
		" CompositeType ( Int32Type ) ":            {Kind: cql.Custom, Name: "CompositeType ( Int32Type )"},
	} {
		got, _, err := cql.ParseClass(in)
		if err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestParseClassErrorsNameThePlace(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "at character 0: a class name expected",
		"ListType(Int32Type":          "at character 18: ')' expected, the text ends",
		"ListType(Int32Type))":        `at character 19: unexpected ")"`,
		"ListType":                    "at character 8: '(' expected, the text ends",
		"MapType(Int32Type)":          "at character 18: MapType takes 2 types, not 1",
		"TupleType()":                 "at character 11: TupleType without a type",
		"VectorType(FloatType)":       "a vector's dimension must be a positive number",
		"VectorType(FloatType, 0)":    "a vector's dimension must be a positive number",
		"VectorType(FloatType, 1":     "at character 23: ')' expected, the text ends",
		"VectorType(FloatType,1e10)":  "a vector's dimension must be a positive number",
		"UserType(ks)":                "at character 11: ',' expected, found ')'",
		"UserType(ks,6)":              `at character 13: a name in hex expected, not "6"`,
		"UserType(ks,ff)":             `at character 14: a name in hex expected, not "ff"`,
		"UserType(ks,61,62)":          "at character 17: ':' expected, found ')'",
		"UserType(ks,61,62:)":         "at character 18: a class name expected",
		"org.example.MyType(a=(1)":    "at character 24: ')' expected, the text ends",
		"Int32Type(reversed=true":     "at character 23: ')' expected, the text ends",
		"Int32Type(=)":                "a parameter's name expected",
		"Int32Type\xff":               "not UTF-8",
		"VectorType(Int32Type,2)\x00": "at character 23: unexpected",
	} {
		typ, _, err := cql.ParseClass(in)
		if err == nil {
			t.Errorf("%q is %s", in, typ)
		} else if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "marshal class") {
			t.Errorf("%q: the error does not say %q: %v", in, want, err)
		}
	}
	for _, n := range []int{40, 70, 1_000_000} {
		for _, class := range []string{"ListType(", "UserType(ks,61,62:", "VectorType(", "TupleType("} {
			text := strings.Repeat(class, n) + "Int32Type" + strings.Repeat(")", n)
			if _, _, err := cql.ParseClass(text); n > 64 && (err == nil || !strings.Contains(err.Error(), "nested deeper than")) {
				t.Errorf("%s nested %d deep: %.200v", class, n, err)
			}
		}
	}
}

// system_schema has class texts in quotes, for types without a name in CQL.
func TestQuotedClasses(t *testing.T) {
	for in, want := range map[string]string{
		"'$DynamicCompositeType(a=>$BytesType,b=>$ListType($Int32Type))'": "",
		"'$CompositeType($Int32Type,$UTF8Type)'":                          "",
		"'$LexicalUUIDType'":                                              "",
		"frozen<list<'$LexicalUUIDType'>>":                                "",
		"frozen<map<'$EmptyClass', text>>":                                "",
		"'org.example.Type(that is(broken'":                               "", // nothing is known of such a class
		"'LexicalUUIDType'":                                               "",
		"'$Int32Type'":                                                    "int",
		"'$DateType'":                                                     "timestamp",
		"'$ReversedType($UTF8Type)'":                                      "text",
		"map<'$UTF8Type', '$SetType($InetAddressType)'>":                  "map<text, set<inet>>",
		"'$FrozenType($MapType($Int32Type,$VectorType($FloatType,2)))'":   "frozen<map<int, vector<float, 2>>>",
		"'$UserType(ks,61,62:$Int32Type)'":                                "a",
	} {
		if want == "" {
			want = in
		}
		in, want = strings.ReplaceAll(in, "$", marshalPackage), strings.ReplaceAll(want, "$", marshalPackage)
		typ, err := cql.Parse(in, nil)
		if err != nil {
			t.Error(err)
		} else if typ.String() != want {
			t.Errorf("%s became %s, want %s", in, typ, want)
		}
	}
	_, err := cql.Parse("list<'"+marshalPackage+"ListType('>", nil)
	if err == nil || !strings.Contains(err.Error(), "at character 48") || !strings.Contains(err.Error(), "at character 41: ')' expected") {
		t.Errorf("a broken class in quotes: %v", err)
	}
}

// className is a type as Cassandra's toString spells it: FrozenType is left out of
// what is inside of something frozen already.
func className(t *cql.Type, insideFrozen bool) string {
	name := map[cql.Kind]string{
		cql.ASCII: "AsciiType", cql.BigInt: "LongType", cql.Blob: "BytesType", cql.Boolean: "BooleanType", cql.Counter: "CounterColumnType",
		cql.Date: "SimpleDateType", cql.Decimal: "DecimalType", cql.Double: "DoubleType", cql.Duration: "DurationType", cql.Float: "FloatType",
		cql.Inet: "InetAddressType", cql.Int: "Int32Type", cql.SmallInt: "ShortType", cql.Text: "UTF8Type", cql.Time: "TimeType",
		cql.Timestamp: "TimestampType", cql.TimeUUID: "TimeUUIDType", cql.TinyInt: "ByteType", cql.UUID: "UUIDType", cql.VarInt: "IntegerType",
		cql.Empty: "EmptyType", cql.List: "ListType", cql.Set: "SetType", cql.Map: "MapType", cql.Tuple: "TupleType", cql.UDT: "UserType",
		cql.Vector: "VectorType",
	}[t.Kind]
	var parts []string
	inner := insideFrozen || t.Frozen
	switch t.Kind {
	case cql.Custom:
		return t.Name
	case cql.List, cql.Set:
		parts = []string{className(t.Elem, inner)}
	case cql.Map:
		parts = []string{className(t.Key, inner), className(t.Elem, inner)}
	case cql.Vector:
		return marshalPackage + name + "(" + className(t.Elem, inner) + " , " + fmt.Sprint(t.Dimension) + ")"
	case cql.Tuple:
		for _, f := range t.Fields {
			parts = append(parts, className(f.Type, true))
		}
	case cql.UDT:
		parts = []string{t.Keyspace, hex.EncodeToString([]byte(t.Name))}
		for _, f := range t.Fields {
			parts = append(parts, hex.EncodeToString([]byte(f.Name))+":"+className(f.Type, inner))
		}
	}
	name = marshalPackage + name
	if len(parts) > 0 {
		name += "(" + strings.Join(parts, ",") + ")"
	}
	if t.Frozen && t.Kind != cql.Tuple && !insideFrozen {
		name = marshalPackage + "FrozenType(" + name + ")"
	}
	return name
}

func TestParseClassReadsWhatCassandraWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := cqltest.Type(t)
		text := className(want, false)
		got, reversed, err := cql.ParseClass(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || reversed {
			t.Fatalf("%s (-want +got):\n%s", text, diff)
		}
		if again, reversed, err := cql.ParseClass(marshalPackage + "ReversedType(" + text + ")"); err != nil || !reversed {
			t.Fatalf("reversed: %s, %v, %v", again, reversed, err)
		}
	})
}

func FuzzParseClass(f *testing.F) {
	for _, line := range golden(f, "classes.tsv") {
		f.Add(strings.ReplaceAll(line[0], "$", ""))
	}
	f.Add(marshalPackage + "ListType(" + marshalPackage + "Int32Type)")
	f.Fuzz(func(t *testing.T, text string) {
		typ, _, err := cql.ParseClass(text)
		if err != nil {
			return
		}
		typ.FixedLength()
		again, err := cql.Parse(typ.String(), anyUDT)
		if err != nil {
			if !strings.Contains(err.Error(), "nested deeper than") { // frozen<> counts there
				t.Error(err)
			}
		} else if again.String() != typ.String() {
			t.Errorf("%q is %s, which is read as %s", text, typ, again)
		}
	})
}
