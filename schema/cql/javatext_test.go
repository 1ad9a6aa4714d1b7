// Texts of values against what Java prints.

package cql_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql/cqltest"
)

// The numbers are what Float, Double, BigInteger and BigDecimal of Java 17 print.
func TestAppendText(t *testing.T) {
	t.Parallel()
	one := func(parts ...string) string { // a list of values
		text := "0000000" + string(rune('0'+len(parts)))
		for _, p := range parts {
			text += "000000" + hex.EncodeToString([]byte{byte(len(p) / 2)}) + p
		}
		return text
	}
	for _, c := range []struct{ typ, raw, want string }{
		{"float", "3f800000", "1.0"},
		{"float", "3f8ccccd", "1.1"},
		{"float", "80000000", "-0.0"},
		{"float", "3a83126f", "0.001"},
		{"float", "3a830f14", "9.999E-4"},
		{"float", "4b189680", "1.0E7"},
		{"float", "4b18967f", "9999999.0"},
		{"float", "7f7fffff", "3.4028235E38"},
		{"float", "4b800000", "1.6777216E7"},
		{"float", "7fc00000", "NaN"},
		{"float", "ff800000", "-Infinity"},
		{"double", "4202a05f20000000", "1.0E10"},
		{"double", "3fb999999999999a", "0.1"},
		{"double", "7e37e43c8800759c", "1.0E300"},
		{"double", "419d6f3454800000", "1.23456789125E8"},
		{"double", "3f505e1c15097c81", "9.99E-4"},
		{"double", "416312cff0000000", "9999999.5"},
		{"double", "7fefffffffffffff", "1.7976931348623157E308"},
		{"double", "7ff0000000000000", "Infinity"},
		{"double", "3ee4f8b588e368f1", "1.0E-5"},
		{"decimal", "fffffffdff", "-1E+3"},
		{"decimal", "000000027ab8", "314.16"},
		{"decimal", "0000000000", "0"},
		{"decimal", "0000000500", "0.00000"},
		{"decimal", "fffffffe00", "0E+2"},
		{"decimal", "0000000701", "1E-7"},
		{"decimal", "0000000601", "0.000001"},
		{"decimal", "000000080c", "1.2E-7"},
		{"decimal", "fffffffffe1dc0", "-1.23456E+6"},
		{"decimal", "0000000a056bc75e2d630fffff", "9999999999.9999999999"},
		{"varint", "ff7f", "-129"},
		{"varint", "00ffffffffffffffff", "18446744073709551615"},
		{"duration", "020406", "1mo2d3ns"},
		{"duration", "010305", "-1mo2d3ns"},
		{"duration", "000000", ""},
		{"boolean", "01", "true"},
		{"tinyint", "80", "-128"},
		{"blob", "00ff", "0x00ff"},
		{"blob", "", "0x"},
		{"'org.example.MyType'", "00ff", "0x00ff"},
		{"inet", "7f000001", "127.0.0.1"},
		{"time", "0000000000000000", "00:00"},
		{"time", "00004e94914effff", "23:59:59.999999999"},
		{"timestamp", "ffffffffffffffff", "1969-12-31T23:59:59.999Z"},
		{"frozen<list<int>>", one("00000001", "00000002"), "[1, 2]"},
		{"frozen<set<text>>", one("61", "22"), `[a, "]`},
		{"frozen<list<inet>>", one("7f000001"), "[/127.0.0.1]"},
		{"frozen<map<int, text>>", "00000001" + "0000000400000005" + "0000000161", "{5=a}"},
		{"frozen<map<int, frozen<list<blob>>>>", "00000001" + "0000000400000005" + "00000009" + one("61"), "{5=[0x61]}"},
		{"frozen<tuple<int, text>>", "ffffffff" + "0000000161", `[null, "a"]`},
		{"vector<float, 2>", "3f80000040000000", "[1.0, 2.0]"},
		{"frozen<list<int>>", "", "[]"},
	} {
		typ, err := cql.Parse(c.typ, nil)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := typ.AppendText([]byte("x"), append([]byte{}, raw...))
		if err != nil || string(got) != "x"+c.want {
			t.Errorf("%s %s: %q %v, want %q", c.typ, c.raw, got, err, c.want)
		}
	}
	for _, c := range []struct{ typ, raw, want string }{
		{"int", "0001", "2 bytes, not 4"},
		{"int", "", "0 bytes, not 4"},
		{"varint", "", "no bytes"},
		{"decimal", "00000001", "at least 5"},
		{"text", "ff", "not UTF-8"},
		{"time", "ffffffffffffffff", "not within a day"},
		{"frozen<list<int>>", one("01"), "element 1 of 1: 1 bytes, not 4"},
		{"frozen<map<int, text>>", "00000001" + "0000000400000005" + "00000001ff", "value 1 of 1: not UTF-8"},
	} {
		typ, err := cql.Parse(c.typ, nil)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := typ.AppendText([]byte("x"), append([]byte{}, raw...))
		if err == nil || !strings.Contains(err.Error(), c.want) || string(got) != "x" {
			t.Errorf("%s %s: %q %v, want %q", c.typ, c.raw, got, err, c.want)
		}
	}
}

// Any bytes are a text or an error.
func TestAppendTextOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typ := cqltest.Type(t)
		v := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		if got, err := typ.AppendText([]byte("x"), v); err != nil && string(got) != "x" {
			t.Fatalf("%s %x: %v left %q", typ, v, err, got)
		}
	})
}
