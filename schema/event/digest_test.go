// The digest against vectors of Cassandra 4.0.19 and the Java agent.

package event

import (
	"encoding/hex"
	"testing"
)

// golden is the insert of id='1', a=1 and a blob into ks1.table1, as version 12 of
// Cassandra's messages serializes it; blobAt is where the blob begins.
func golden(blob int) (body []byte, blobAt int) {
	head := "01d2177dd0eaa211dea572001b779c76e3013110fcd9031567afb000"
	if blob == 0 {
		body, _ = hex.DecodeString(head + "00010161012400080000000101")
		return body, 0
	}
	body, _ = hex.DecodeString(head + "0002016101620124000800000001" + "08")
	if blob < 128 {
		body = append(body, byte(blob))
	} else {
		body = append(body, 0x80|byte(blob>>8), byte(blob))
	}
	blobAt = len(body)
	for i := range blob {
		body = append(body, byte(i%251)+1)
	}
	return append(body, 1), blobAt
}

func TestDigestGolden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		blob, length, capacity int
		want                   string
	}{
		{0, 41, 128, "4793e098c78a3d632322d3be9c3ab023"},
		{10, 55, 128, "b3337ce130838f900aaae3a7ef126178"},
		{60, 105, 128, "d2c7edcd0e4b86129dd78c75c9dcf34a"},
		{100, 145, 256, "c51d05b5665c022c1564a53308178930"},
		{200, 246, 256, "787127eb9b020b4f346a796dddaf0925"},
		{1000, 1046, 2090, "aeaa8adc78303a8b591337e2d7cd3bbe"},
		{5000, 5046, 10090, "bb335d314035aa3b250f85706d61d2a9"},
	} {
		body, at := golden(c.blob)
		if len(body) != c.length {
			t.Fatalf("blob of %d: the body has %d bytes, want %d", c.blob, len(body), c.length)
		}
		var writes []Write
		if c.blob > 128 {
			writes = []Write{{at, c.blob}}
		}
		if got := bufferCapacity(len(body), writes); got != c.capacity {
			t.Errorf("blob of %d: capacity %d, want %d", c.blob, got, c.capacity)
		}
		if got := Digest(body, writes); string(got[:]) != c.want {
			t.Errorf("blob of %d: %s, want %s", c.blob, got, c.want)
		}
	}
}

func TestBufferCapacity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		length int
		writes []Write
		want   int
	}{
		// Two blobs in one row; between them are the second cell's flags and length.
		{47 + 300 + 2 + 50 + 1, []Write{{47, 300}}, 694},
		{46 + 50 + 3 + 300 + 1, []Write{{99, 300}}, 798},
		{47 + 1000 + 3 + 1000 + 1, []Write{{47, 1000}, {1050, 1000}}, 2094},
		{47 + 5000 + 4 + 20000 + 1, []Write{{47, 5000}, {5051, 20000}}, 50102},
		{0, nil, 128},
		{128, nil, 128},
		{129, nil, 256},
		{64<<20 + 1, nil, 128 << 20},
		{128<<20 + 1, nil, 192 << 20}, // from 64 MiB on by a half, and exactly 64 MiB is not yet more
	} {
		if got := bufferCapacity(c.length, c.writes); got != c.want {
			t.Errorf("%d bytes with %v: capacity %d, want %d", c.length, c.writes, got, c.want)
		}
	}
}

func TestMutation(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]Mutation{
		"0002403031323334353637383961626364656630313233343536373839616263646566024864323137376464302d656161322d313164652d613537322d303031623737396337366533": {
			Digest: "0123456789abcdef0123456789abcdef", NodeID: "d2177dd0-eaa2-11de-a572-001b779c76e3"},
		"0002204241434b5f46494c4c5f494e5345525400": {Digest: "BACK_FILL_INSERT"},
		"000000": {},
	} {
		payload := AppendMutation(nil, m)
		if got := hex.EncodeToString(payload); got != want {
			t.Errorf("%+v: %s, want %s", m, got, want)
		}
		if got, err := DecodeMutation(payload); err != nil || got != m {
			t.Errorf("%s: %+v, %v, want %+v", want, got, err, m)
		}
	}
	// Columns are null today; a list of them is no fault, in either form of a block
	// (a negative count is followed by the size in bytes).
	withColumns, _ := hex.DecodeString("02" + "04" + "0261" + "0262" + "01" + "04" + "0263" + "00" + "00" + "020231")
	m, err := DecodeMutation(withColumns)
	if err != nil || m.NodeID != "1" {
		t.Errorf("with columns: %+v, %v", m, err)
	}
	for _, bad := range []string{"", "00", "0000", "00000000", "000402", "0002", "0001"} {
		b, _ := hex.DecodeString(bad)
		if _, err := DecodeMutation(b); err == nil {
			t.Errorf("%q decodes", bad)
		}
	}
}

func TestParseProperties(t *testing.T) {
	t.Parallel()
	none := Properties{Segment: -1, Offset: -1, NoToken: true, WriteTime: NoWriteTime}
	for _, c := range []struct {
		in   map[string]string
		want Properties
		bad  bool
	}{
		{nil, none, false},
		{map[string]string{"segpos": "-1:-1", "token": ""}, none, false},
		{map[string]string{"segpos": "17:4", "token": "-9223372036854775808", "writetime": "-5", "more": "x"},
			Properties{Segment: 17, Offset: 4, Token: -1 << 63, WriteTime: -5}, false},
		{map[string]string{"segpos": "17:4", "token": "0", "writetime": "0", "operation": "delete"},
			Properties{Segment: 17, Offset: 4, Operation: Delete}, false},
		{map[string]string{"segpos": "17", "token": "x", "writetime": ""}, none, true},
	} {
		got, err := ParseProperties(c.in)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%v: %+v, %v, want %+v", c.in, got, err, c.want)
		}
		if again, err := ParseProperties(got.Map()); err != nil || again != got {
			t.Errorf("%v there and back: %+v, %v", c.in, again, err)
		}
	}
}
