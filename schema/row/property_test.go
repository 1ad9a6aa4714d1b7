// Random tables and rows: what another Avro library reads is what the row was.

package row_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql/cqltest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// randomTable draws a table of some columns of any type, with names of any kind.
func randomTable(t *rapid.T) *schema.Table {
	n := 0
	table := &schema.Table{Keyspace: "ks", Name: randomName(t, &n)}
	column := func(kind schema.ColumnKind, typ *cql.Type) schema.Column {
		return schema.Column{Name: randomName(t, &n), Kind: kind, Type: typ}
	}
	table.PartitionKey = []schema.Column{column(schema.PartitionKey, &cql.Type{Kind: cql.Int})}
	for range rapid.IntRange(1, 4).Draw(t, "columns") {
		typ := cqltest.Type(t)
		rename(t, typ, &n)
		table.Regular = append(table.Regular, column(schema.Regular, typ))
	}
	return table
}

// randomName is one that no other has.
func randomName(t *rapid.T, n *int) string {
	*n++
	return rapid.StringMatching(`[a-zA-Z_0-9 .€"-]{1,4}`).Draw(t, "name") + fmt.Sprint(*n)
}

// rename gives each user-defined type and each field of one a name of its own: two
// types of one name are the same in a keyspace.
func rename(t *rapid.T, typ *cql.Type, n *int) {
	if typ.Kind == cql.UDT {
		typ.Name = randomName(t, n)
	}
	for i := range typ.Fields {
		if typ.Kind == cql.UDT {
			typ.Fields[i].Name = randomName(t, n)
		}
		rename(t, typ.Fields[i].Type, n)
	}
	for _, part := range []*cql.Type{typ.Key, typ.Elem} {
		if part != nil {
			rename(t, part, n)
		}
	}
}

func TestRandomRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := randomTable(t)
		e, err := row.New(table)
		if err != nil {
			t.Fatal(err)
		}
		s := oracleSchema(t, e.ValueSchema())
		oracleSchema(t, e.KeySchema())
		values, want := make([][]byte, len(e.Columns())), map[string]any{}
		fails := false
		for i, c := range e.Columns() {
			if c.Kind == schema.PartitionKey || rapid.IntRange(0, 9).Draw(t, "null") > 0 {
				values[i] = cqltest.Value(t, c.Type)
			}
			v, err := meaning(c.Type, values[i])
			fails = fails || err != nil
			want[avro.Name(c.Name)] = v
		}
		payload, err := e.Append(nil, values)
		if err != nil {
			if !fails {
				t.Fatalf("%x: %v", values, err)
			}
			return
		}
		got, err := read(s, payload)
		if err != nil {
			t.Fatalf("%x in %s: %v", payload, e.ValueSchema(), err)
		}
		for _, c := range e.Columns() {
			if name := avro.Name(c.Name); c.Kind != schema.PartitionKey {
				got[name] = unwrapped(c.Type, got[name])
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("%s\n%x (-row +read):\n%s", e.ValueSchema(), payload, diff)
		}

		// A value that is cut off or goes on is an error that says where, or another value.
		i := rapid.IntRange(0, len(values)-1).Draw(t, "broken")
		c := e.Columns()[i]
		broken := append(slices.Clone(values[i]), 0)
		if len(values[i]) > 0 && rapid.Bool().Draw(t, "cut") {
			broken = values[i][:rapid.IntRange(0, len(values[i])-1).Draw(t, "length")]
		}
		values[i] = broken
		payload, err = e.Append([]byte("x"), values)
		switch {
		case err == nil && c.Type.Validate(broken) != nil && !lax(c.Type) && (len(broken) > 0 || !avro.EmptyIsNull(c.Type.Kind)):
			t.Fatalf("%x passes for a %s, but: %v", broken, c.Type, c.Type.Validate(broken))
		case err == nil:
			if _, err := read(s, payload[1:]); err != nil {
				t.Fatalf("%x became %x: %v", broken, payload, err)
			}
		case string(payload) != "x" || !strings.Contains(err.Error(), "column "+cql.Quote(c.Name)+" of type "+c.Type.String()):
			t.Fatalf("%q: %v", payload, err)
		}
	})
}

// lax says that Validate knows more of a type's values than their Avro form needs:
// ASCII beyond UTF-8, the version of a UUID, the signs of a duration, a custom UUID.
func lax(t *cql.Type) bool {
	switch t.Kind {
	case cql.ASCII, cql.TimeUUID, cql.Duration, cql.Custom:
		return true
	}
	for _, f := range t.Fields {
		if lax(f.Type) {
			return true
		}
	}
	return t.Elem != nil && lax(t.Elem) || t.Key != nil && lax(t.Key)
}

// meaning is what another library should read for a raw value: the value by the rules
// of docs/types.md, written a second time. It fails where Avro has no form for it.
func meaning(t *cql.Type, v []byte) (any, error) {
	be := binary.BigEndian
	if v == nil || len(v) == 0 && avro.EmptyIsNull(t.Kind) {
		return nil, nil
	}
	switch t.Kind {
	case cql.ASCII, cql.Text:
		return string(v), nil
	case cql.Blob, cql.Custom:
		return v, nil
	case cql.Boolean:
		return v[0] != 0, nil
	case cql.TinyInt:
		return int(int8(v[0])), nil
	case cql.SmallInt:
		return int(int16(be.Uint16(v))), nil
	case cql.Int:
		return int(int32(be.Uint32(v))), nil
	case cql.BigInt, cql.Timestamp:
		return int64(be.Uint64(v)), nil
	case cql.Counter:
		return cql.CounterTotal(v)
	case cql.Date:
		return int(int64(be.Uint32(v)) - 1<<31), nil
	case cql.Time:
		return int64(be.Uint64(v)) / 1000, nil
	case cql.Float:
		return math.Float32frombits(be.Uint32(v)), nil
	case cql.Double:
		return math.Float64frombits(be.Uint64(v)), nil
	case cql.VarInt:
		return twosComplement(v), nil
	case cql.Decimal:
		return map[string]any{"bigint": twosComplement(v[4:]), "scale": int(int32(be.Uint32(v)))}, nil
	case cql.Duration:
		months, days, ns, err := cql.ReadDuration(v)
		return map[string]any{"months": int(months), "days": int(days), "nanoseconds": ns}, err
	case cql.Inet:
		return javaAddress(v), nil
	case cql.UUID, cql.TimeUUID:
		x := hex.EncodeToString(v)
		return strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-"), nil
	case cql.Tuple, cql.UDT:
		return recordMeaning(t, v)
	}
	return collectionMeaning(t, v)
}

func recordMeaning(t *cql.Type, v []byte) (any, error) {
	record := map[string]any{}
	parts := t.Parts(v)
	for i := 0; parts.Next(); i++ {
		field, err := meaning(parts.Type, parts.Value)
		if err != nil {
			return nil, err
		}
		record[avro.Name(avro.FieldName(t, i))] = field
	}
	return record, parts.Err()
}

func collectionMeaning(t *cql.Type, v []byte) (any, error) {
	list, pairs, key := []any{}, map[string]any{}, ""
	parts := t.Parts(v)
	for i := 0; parts.Next(); i++ {
		if t.Kind == cql.Map && i%2 == 0 {
			text, err := t.Key.AppendText(nil, parts.Value)
			if err != nil || len(parts.Value) == 0 && avro.EmptyIsNull(t.Key.Kind) {
				return nil, fmt.Errorf("no key: %w", err)
			}
			key = string(text)
			continue
		}
		e, err := meaning(parts.Type, parts.Value)
		if err != nil || e == nil {
			return nil, fmt.Errorf("no element: %w", err)
		}
		list = append(list, e)
		pairs[key] = e
	}
	if t.Kind == cql.Map {
		return pairs, parts.Err()
	}
	return list, parts.Err()
}

// twosComplement is BigInteger.toByteArray.
func twosComplement(v []byte) []byte {
	n := new(big.Int).SetBytes(v)
	if v[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	for size := 1; ; size++ {
		limit := new(big.Int).Lsh(big.NewInt(1), uint(8*size-1))
		if n.Cmp(limit) < 0 && n.Cmp(new(big.Int).Neg(limit)) >= 0 {
			return new(big.Int).Add(n, new(big.Int).Lsh(limit, 1)).FillBytes(make([]byte, size+1))[1:]
		}
	}
}

func javaAddress(v []byte) string {
	a, _ := netip.AddrFromSlice(v)
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	var groups []string
	for i := 0; i < 16; i += 2 {
		groups = append(groups, fmt.Sprintf("%x", binary.BigEndian.Uint16(v[i:])))
	}
	return strings.Join(groups, ":")
}

// unwrapped takes off what hamba/avro puts around values of unions that are no scalars:
// {"ks.u": value}, {"array": value}.
func unwrapped(t *cql.Type, v any) any {
	if m, ok := v.(map[string]any); ok && (t.HasParts() || t.Kind == cql.Decimal || t.Kind == cql.Duration) && len(m) == 1 {
		for _, inner := range m {
			v = inner
		}
	}
	return unwrappedParts(t, v)
}

func unwrappedParts(t *cql.Type, v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = unwrappedParts(t.Elem, v[i])
		}
	case map[string]any:
		switch t.Kind {
		case cql.Map:
			for k := range v {
				v[k] = unwrappedParts(t.Elem, v[k])
			}
		case cql.Tuple, cql.UDT:
			for i, f := range t.Fields {
				name := avro.Name(avro.FieldName(t, i))
				v[name] = unwrapped(f.Type, v[name])
			}
		}
	}
	return v
}
