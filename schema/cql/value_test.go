// Raw values: what Cassandra says of them, and what no bytes whatsoever can do.

package cql_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql/cqltest"
)

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	v, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// valueDifferences are the values of which Cassandra says something else: what is
// said here, by class and value, each list with its reason.
var valueDifferences = []struct {
	why    string
	values map[string]string
}{
	{"Cassandra has no JSON for it, or fails in printing it", map[string]string{
		"BooleanType ":                                                   `valid ""`,
		"DateType ":                                                      `valid ""`,
		"CounterColumnType ":                                             `valid ""`,
		"TupleType(Int32Type,UTF8Type) ":                                 `valid [null, null]`,
		"TupleType(Int32Type,UTF8Type) 00000000":                         `valid ["", null]`,
		"TupleType(Int32Type,UTF8Type) 0000000400000001":                 `valid [1, null]`,
		"TupleType(Int32Type,UTF8Type) ffffffff":                         `valid [null, null]`,
		"VectorType(TupleType(Int32Type,UTF8Type),1) 00":                 `valid [[null, null]]`,
		"ListType(TupleType(Int32Type,UTF8Type)) 0000000100000000":       `valid [[null, null]]`,
		"VectorType(TupleType(Int32Type,UTF8Type),1) 080000000400000001": `valid [[1, null]]`,
		"CompositeType(Int32Type,UTF8Type) ":                             `valid "0x"`,
		"CompositeType(Int32Type,UTF8Type) 0004000000010000016100":       `valid "0x0004000000010000016100"`,
	}},
	{"nothing is known of a composite's layout", map[string]string{
		"CompositeType(Int32Type,UTF8Type) 00":                               `valid "0x00"`,
		"CompositeType(Int32Type,UTF8Type) 0000":                             `valid "0x0000"`,
		"CompositeType(Int32Type,UTF8Type) 00000000":                         `valid "0x00000000"`,
		"CompositeType(Int32Type,UTF8Type) 0000000000000000":                 `valid "0x0000000000000000"`,
		"CompositeType(Int32Type,UTF8Type) 00000000000000000000000000000000": `valid "0x00000000000000000000000000000000"`,
	}},
	{"Cassandra lets it pass, and cannot read it", map[string]string{
		"UTF8Type c080":         "invalid",
		"UTF8Type eda080":       "invalid",
		"UTF8Type eda081edb080": "invalid",
		"UTF8Type f4908080":     "invalid",
		"DecimalType 00000000":  "invalid",
		"DecimalType 0000000a":  "invalid",
		"DecimalType 00000001":  "invalid",
	}},
	{"bytes too many are not passed over", map[string]string{
		"DurationType 00000000":                         "invalid",
		"DurationType 0000000000000000":                 "invalid",
		"DurationType 00000000000000000000000000000000": "invalid",
	}},
	{"a negative count is not 0", map[string]string{
		"ListType(Int32Type) ffffffff":             "invalid",
		"SetType(Int32Type) ffffffff":              "invalid",
		"MapType(Int32Type,UTF8Type) ffffffff":     "invalid",
		"FrozenType(ListType(Int32Type)) ffffffff": "invalid",
	}},
	{"a collection of no bytes is empty", map[string]string{
		"ListType(Int32Type) ":                                   `valid []`,
		"SetType(Int32Type) ":                                    `valid []`,
		"FrozenType(ListType(Int32Type)) ":                       `valid []`,
		"MapType(Int32Type,UTF8Type) ":                           `valid {}`,
		"ListType(ListType(Int32Type)) 0000000100000000":         `valid [[]]`,
		"ListType(SetType(Int32Type)) 0000000100000000":          `valid [[]]`,
		"ListType(MapType(Int32Type,UTF8Type)) 0000000100000000": `valid [{}]`,
		"VectorType(ListType(Int32Type),1) 00":                   `valid [[]]`,
	}},
	{"a counter has its context in the commit log, its value only in answers to queries", map[string]string{
		"CounterColumnType 0000":                           `valid 0`,
		"ListType(CounterColumnType) 00000001000000020000": `valid [0]`,
		"CounterColumnType 000180001111111111111111111111111111111100000000000000010000000000000005": `valid 5`,
	}},
	{"the old class takes every UUID, the new one those of version 1", map[string]string{
		"LegacyTimeUUIDType 00000000000000000000000000000000": "invalid",
	}},
	{"the Java that Cassandra ran on prints digits that no reader needs", map[string]string{
		"FloatType 00800000":          `valid 1.1754944E-38`,
		"DoubleType 447c7e83209e90b2": `valid 8.41E21`,
		"DoubleType 44b52d02c7e14af6": `valid 1.0E23`,
		"DoubleType 44c52d02c7e14af6": `valid 2.0E23`,
	}},
	{"no time of a day", map[string]string{
		"TimeType 00004e94914f0000": `valid "86400000000000ns"`,
		"TimeType ffffffffffffffff": `valid "-1ns"`,
	}},
	{"Java has no absolute value of the smallest integers", map[string]string{
		"DurationType 0000ffffffffffffffffff":                 `valid "-2562047h47m16s854ms775us808ns"`,
		"DurationType f0fffffffff0ffffffffffffffffffffffffff": `valid "-178956970y8mo2147483648d2562047h47m16s854ms775us808ns"`,
	}},
}

func TestValuesAreWhatCassandraSaysOfThem(t *testing.T) {
	differences := map[string]string{}
	for _, list := range valueDifferences {
		for value, here := range list.values {
			differences[value] = here
		}
	}
	lines := golden(t, "values.tsv")
	if len(lines) < 500 {
		t.Fatalf("only %d values", len(lines))
	}
	for _, line := range lines {
		class, value, want := line[0], line[1], line[2]
		if want == "valid" {
			want += " " + line[3]
		}
		if here, ok := differences[class+" "+value]; ok {
			if here == want {
				t.Errorf("%s %s is no difference", class, value)
			}
			want = here
			delete(differences, class+" "+value)
		}
		typ, _, err := cql.ParseClass(class)
		if err != nil {
			t.Fatal(err)
		}
		v := unhex(t, value)
		got := "invalid"
		if typ.Validate(v) == nil {
			text, err := typ.AppendJSON([]byte("valid "), v)
			if got = string(text); err != nil {
				got = err.Error()
			}
		}
		if got != want {
			t.Errorf("%s %s is %s, want %s", class, value, got, want)
		}
	}
	for value := range differences {
		t.Errorf("no such value in the file: %s", value)
	}
}

// A udt with all that values need, under the name u; addr holds a list.
func udts(name string) (*cql.Type, bool) {
	text, integer := &cql.Type{Kind: cql.Text}, &cql.Type{Kind: cql.Int}
	switch name {
	case "u":
		return &cql.Type{Kind: cql.UDT, Keyspace: "ks", Name: "u", Fields: []cql.Field{{Name: "x", Type: integer}, {Name: "Y y", Type: text}}}, true
	case "addr":
		return &cql.Type{Kind: cql.UDT, Keyspace: "ks", Name: "addr", Fields: []cql.Field{
			{Name: "no", Type: integer}, {Name: "street", Type: &cql.Type{Kind: cql.List, Elem: text, Frozen: true}}}}, true
	}
	return nil, false
}

func parse(t testing.TB, text string) *cql.Type {
	t.Helper()
	typ, err := cql.Parse(text, udts)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestErrorsNameThePathInsideTheValue(t *testing.T) {
	for _, c := range []struct{ typ, value, want string }{
		{"int", "000001", "3 bytes, not 4"},
		{"ascii", "6180", "not ASCII: byte 0x80 at 1"},
		{"timeuuid", "00112233445546778899aabbccddeeff", "a UUID of version 4, not 1"},
		{"duration", "020100", "months, days and nanoseconds of different signs: 1, -1, 0"},
		{"duration", "0202", "an integer is missing"},
		{"counter", "0001", "the value is cut off"},
		{"counter", "000100", "the value is cut off"},
		{"counter", "0000 00", "1 bytes of counter shards, which have 32 each"},
		{"counter", "00018001" + strings.Repeat("00", 32), "names a shard that it does not have"},
		{"list<int>", "00000002 00000004 00000001 00000002 0000", "element 2 of 2: 2 bytes, not 4"},
		{"list<int>", "00000001 ffffffff", "element 1 of 1: null inside a collection"},
		{"list<int>", "00000001 00000004 0000", "element 1 of 1: the value is cut off"},
		{"map<int, text>", "00000002 00000004 00000001 00000001 61 00000001 00", "key 2 of 2: 1 bytes, not 4"},
		{"map<int, text>", "00000001 00000004 00000001 00000001 ff", "value 1 of 1: not UTF-8"},
		{"tuple<int, text>", "ffffffff 00000001 ff", "component 2 of 2: not UTF-8"},
		{"u", "ffffffff 00000001 ff", `field "Y y" of u: not UTF-8`},
		{"u", "ffffffff ffffffff ffffffff", "4 bytes too many"},
		{"frozen<addr>", "ffffffff 0000000f 00000002 00000001 61 00000002 61ff", "field street of addr: element 2 of 2: not UTF-8"},
		{"vector<text, 2>", "01 61 02 62", "element 2 of 2: the value is cut off"},
		{"vector<text, 2>", "01 61", "element 2 of 2: an integer is missing"},
		{"vector<text, 1>", "ffffffffffffffffff", "element 1 of 1: the value is cut off"},
		{"vector<float, 2>", "3f800000", "element 2 of 2: the value is cut off"},
		{"vector<empty, 2000000000>", "", "the value is cut off"},
		{"vector<vector<bigint, 2000000000>, 2000000000>", "00", "the value is cut off"},
	} {
		typ, v := parse(t, c.typ), unhex(t, c.value)
		if err := typ.Validate(v); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s %s: the error is not %q: %v", c.typ, c.value, c.want, err)
		}
		dst := []byte("before")
		if got, err := typ.AppendJSON(dst, v); err != nil && !bytes.Equal(got, dst) {
			t.Errorf("%s %s: an error leaves %q", c.typ, c.value, got)
		}
	}
}

func TestNullIsAValue(t *testing.T) {
	for _, text := range []string{"int", "list<int>", "u", "counter", "'org.example.MyType'"} {
		typ := parse(t, text)
		got, err := typ.AppendJSON(nil, nil)
		if typ.Validate(nil) != nil || err != nil || string(got) != "null" {
			t.Errorf("null as %s: %s, %v", text, got, err)
		}
	}
}

// A map inside the key of a map inside a key … doubles its text with each escape.
func TestKeysInsideKeysStayShort(t *testing.T) {
	text, value := "text", unhex(t, "22")
	for range 25 {
		text = "frozen<map<" + text + ", int>>"
		v := binary.BigEndian.AppendUint32(unhex(t, "00000001"), uint32(len(value)))
		v = append(v, value...)
		value = append(v, unhex(t, "00000000")...)
	}
	typ := parse(t, text)
	got, err := typ.AppendJSON(nil, value)
	if typ.Validate(value) != nil || err != nil || !json.Valid(got) {
		t.Fatalf("%v, %s", err, got)
	}
	if len(got) > 20*len(value) {
		t.Errorf("%d bytes are %d of JSON", len(value), len(got))
	}
}

// The time to write digits grows with their square.
func TestHugeNumbersAreWrittenAsBlobs(t *testing.T) {
	huge := bytes.Repeat([]byte{0x5a}, 16<<20)
	for _, text := range []string{"varint", "decimal"} {
		typ := parse(t, text)
		got, err := typ.AppendJSON(nil, huge)
		if err != nil || !bytes.HasPrefix(got, []byte(`"0x5a5a`)) || typ.Validate(huge) != nil {
			t.Errorf("%s: %.20s, %v", text, got, err)
		}
	}
}

func TestCounterShards(t *testing.T) {
	id := func(b byte) (id [16]byte) { id[0], id[15] = b, b; return id }
	shard := func(b byte, clock, count string) string {
		return hex.EncodeToString([]byte{b}) + strings.Repeat("00", 14) + hex.EncodeToString([]byte{b}) + clock + count
	}
	const one, two, minus = "0000000000000001", "0000000000000002", "ffffffffffffffff"
	for context, want := range map[string][]cql.CounterShard{
		"0000":                          nil,
		"00018000" + shard(7, one, two): {{ID: id(7), Clock: 1, Count: 2, Kind: cql.GlobalShard}},
		"0000" + shard(7, one, minus):   {{ID: id(7), Clock: 1, Count: -1}},
		"ffff0000" + shard(7, one, two): {{ID: id(7), Clock: 1, Count: 2, Kind: cql.LocalShard}},
		"000200018002" + shard(1, one, one) + shard(2, two, two) + shard(3, one, minus): {
			{ID: id(1), Clock: 1, Count: 1}, {ID: id(2), Clock: 2, Count: 2, Kind: cql.LocalShard}, {ID: id(3), Clock: 1, Count: -1, Kind: cql.GlobalShard}},
	} {
		var got []cql.CounterShard
		var sum int64
		shards := cql.ShardsOf(unhex(t, context))
		for shards.Next() {
			got = append(got, shards.Shard)
			sum += shards.Shard.Count
		}
		if diff := cmp.Diff(want, got); diff != "" || shards.Err() != nil {
			t.Errorf("%s: %v (-want +got):\n%s", context, shards.Err(), diff)
		}
		if total, err := cql.CounterTotal(unhex(t, context)); err != nil || total != sum {
			t.Errorf("%s: total %d, %v", context, total, err)
		}
	}
	if total, err := cql.CounterTotal(unhex(t, minus)); err != nil || total != -1 {
		t.Errorf("a value: %d, %v", total, err)
	}
}

func TestRandomValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := cqltest.Type(t)
		v := cqltest.Value(t, typ)
		if err := typ.Validate(v); err != nil {
			t.Fatalf("%s %x: %v", typ, v, err)
		}
		text, err := typ.AppendJSON(nil, v)
		if err != nil || !json.Valid(text) {
			t.Fatalf("%s %x is %s, %v", typ, v, text, err)
		}
		for n := range len(v) {
			checkTruncated(t, typ, v[:n:n])
		}
		checkAny(t, typ, append(v[:len(v):len(v)], 0))
	})
}

// checkTruncated checks that what is left of a value is an error, or is a value
// because of what the type is.
func checkTruncated(t *rapid.T, typ *cql.Type, v []byte) {
	if !checkAny(t, typ, v) {
		return
	}
	switch typ.Kind {
	case cql.ASCII, cql.Text, cql.Blob, cql.VarInt, cql.Decimal, cql.Inet: // a shorter one
	case cql.Tuple, cql.UDT: // fewer fields
	case cql.Counter: // 8 bytes are a value
	case cql.Custom:
		if typ.FixedLength() > 0 && len(v) > 0 {
			t.Fatalf("%s %x is valid", typ, v)
		}
	default:
		if len(v) > 0 || typ.Kind == cql.Vector {
			t.Fatalf("%s %x is valid", typ, v)
		}
	}
}

// checkAny checks what holds for all bytes, and gives whether they are a value.
func checkAny(t interface{ Fatalf(string, ...any) }, typ *cql.Type, v []byte) bool {
	invalid := typ.Validate(v)
	before := []byte("before")
	text, err := typ.AppendJSON(before, v)
	switch {
	case err != nil && invalid == nil:
		t.Fatalf("%s %x is valid and has no JSON: %v", typ, v, err)
	case err != nil && string(text) != "before":
		t.Fatalf("%s %x: an error leaves %q", typ, v, text)
	case err == nil && !json.Valid(text[len(before):]):
		t.Fatalf("%s %x: no JSON: %s", typ, v, text)
	}
	return invalid == nil
}

// Parts are what a value is made of, and nothing but them.
func TestPartsMakeUpTheValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := cqltest.Type(t)
		v := cqltest.Value(t, typ)
		size := 0
		parts := typ.Parts(v)
		for parts.Next() {
			size += len(parts.Value)
			if len(parts.Value) != cap(parts.Value) {
				t.Fatalf("%s of %s reaches behind its end", parts.Name(), typ)
			}
			if err := parts.Type.Validate(parts.Value); err != nil {
				t.Fatalf("%s of %s: %v", parts.Name(), typ, err)
			}
		}
		if typ.HasParts() && parts.Err() != nil || size > len(v) {
			t.Fatalf("%s %x: %d bytes in parts, %v", typ, v, size, parts.Err())
		}
	})
}

func TestReadingAllocatesNothing(t *testing.T) {
	typ := parse(t, "map<int, frozen<tuple<text, vector<float, 2>, list<int>>>>")
	v := unhex(t, "00000001 00000004 00000001 00000021 00000001 61 00000008 3f8000003f800000 0000000c 000000010000000400000001")
	counter := unhex(t, "00018000"+strings.Repeat("01", 32))
	if n := testing.AllocsPerRun(100, func() {
		_, err := cql.CounterTotal(counter)
		if err = errors.Join(err, typ.Validate(v)); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVInt(t *testing.T) {
	for _, want := range []uint64{0, 1, 127, 128, 1<<14 - 1, 1 << 14, 1<<56 - 1, 1 << 56, math.MaxUint64} {
		b := cqltest.AppendUnsignedVInt(nil, want)
		got, rest, err := cql.TakeUnsignedVInt(append(b, 7))
		if err != nil || got != want || !bytes.Equal(rest, []byte{7}) {
			t.Errorf("%d in %x: %d, rest %x, %v", want, b, got, rest, err)
		}
		for n := range b {
			if _, _, err := cql.TakeUnsignedVInt(b[:n]); err == nil {
				t.Errorf("%x is whole", b[:n])
			}
		}
	}
}

// addSeeds adds a value of each kind.
func addSeeds(f *testing.F) {
	for _, line := range golden(f, "values.tsv") {
		if typ, _, err := cql.ParseClass(line[0]); err == nil && typ.Kind != cql.UDT {
			f.Add(typ.String(), unhex(f, line[1]))
		}
	}
	f.Add("frozen<addr>", unhex(f, "ffffffff 0000000f 00000002 00000001 61 00000002 6161"))
	f.Add("list<frozen<u>>", unhex(f, "00000001 00000008 00000004 00000001"))
	f.Add("map<frozen<map<frozen<u>, int>>, double>", unhex(f, "00000001 00000008 00000001 0000000000000000 00000000"))
	f.Add("'"+marshalPackage+"UserType(ks,61,62:Int32Type)'", unhex(f, "0000000400000001"))
}

func FuzzValidate(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string, v []byte) {
		typ, err := cql.Parse(text, udts)
		if err != nil {
			return
		}
		valid := typ.Validate(v) == nil
		for parts := typ.Parts(v); parts.Next(); {
			if parts.Type.Validate(parts.Value) != nil && valid {
				t.Errorf("%s %x is valid, %s is not", typ, v, parts.Name())
			}
		}
	})
}

func FuzzAppendJSON(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string, v []byte) {
		if typ, err := cql.Parse(text, udts); err == nil {
			checkAny(t, typ, v)
		}
	})
}
