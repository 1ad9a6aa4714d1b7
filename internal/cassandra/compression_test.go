// Compressed frames, good and damaged.

package cassandra

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLZ4Frames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Repeat(rapid.SliceOf(rapid.Byte()).Draw(t, "data"), rapid.IntRange(0, 50).Draw(t, "times"))
		frame, err := lz4Frames{}.Encode(data)
		if err != nil {
			t.Fatal(err)
		}
		back, err := lz4Frames{}.Decode(frame)
		if err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%x became %x, %v", data, back, err)
		}
	})
}

func TestDamagedLZ4Frames(t *testing.T) {
	whole, err := lz4Frames{}.Encode(bytes.Repeat([]byte("cassandra"), 100))
	if err != nil {
		t.Fatal(err)
	}
	longer := append([]byte{0, 0, 99, 0}, whole[4:]...)
	for name, c := range map[string]struct {
		frame []byte
		says  string
	}{
		"nothing": {[]byte{}, "cut off"}, "half a length": {[]byte{0, 0}, "cut off"}, "a length alone": {[]byte{0, 0, 0, 9}, ""},
		"a length of gigabytes": {[]byte{0xff, 0xff, 0xff, 0xff, 0}, "says it has 4294967295 bytes"}, "half a block": {whole[:len(whole)-3], ""}, "a longer length": {longer, ""},
	} {
		if out, err := (lz4Frames{}).Decode(c.frame); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
}

func TestCompressions(t *testing.T) {
	for c, name := range map[Compression]string{LZ4: "lz4", Snappy: "snappy"} {
		if got, err := c.compressor(); err != nil || got.Name() != name {
			t.Errorf("%s: %v, %v", c, got, err)
		}
	}
	if _, err := Compression("zip").compressor(); err == nil {
		t.Error("zip: no error")
	}
}
