// The descriptor at the start of a segment, and the segment's file name.

package commitlog

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
)

// Log versions: what the descriptor calls the format of the segment and of the
// mutations in it.
const (
	Version30 = 6 // Cassandra 3.0 to 3.11
	Version40 = 7 // Cassandra 4.0, 4.1, and 5.0 with storage_compatibility_mode CASSANDRA_4
	Version50 = 8 // Cassandra 5.0
)

const (
	descriptorFixed = 4 + 8 + 2 // version, id, length of the parameters
	markerSize      = 4 + 4     // next, crc
	frameOverhead   = 4 + 4 + 4 // size, crc1, crc2
	minBody         = 10        // CommitLogReader refuses smaller entries
)

// Descriptor says how a segment is written.
type Descriptor struct {
	Version     int
	ID          int64
	Compression string // class name as in cassandra.yaml; "" when plain
	Encrypted   bool

	size int64 // bytes of the descriptor in the file
}

// errNoDescriptor is a file that Cassandra has created and not yet written.
var errNoDescriptor = errors.New("the segment has no descriptor yet")

// parseDescriptor reads the descriptor from the first bytes of a segment.
func parseDescriptor(head []byte) (Descriptor, error) {
	if len(head) < descriptorFixed || binary.BigEndian.Uint32(head) == 0 {
		return Descriptor{}, errNoDescriptor
	}
	d := Descriptor{Version: int(binary.BigEndian.Uint32(head)), ID: int64(binary.BigEndian.Uint64(head[4:]))}
	n := int(binary.BigEndian.Uint16(head[12:]))
	if len(head) < descriptorFixed+n+4 {
		return Descriptor{}, errNoDescriptor
	}
	d.size = int64(descriptorFixed + n + 4)
	params := head[descriptorFixed : descriptorFixed+n]

	crc := crc32.ChecksumIEEE(head[:4])
	crc = crc32.Update(crc, crc32.IEEETable, head[8:12]) // the low word of the id first
	crc = crc32.Update(crc, crc32.IEEETable, head[4:8])
	crc = crc32.Update(crc, crc32.IEEETable, binary.BigEndian.AppendUint32(nil, uint32(n)))
	crc = crc32.Update(crc, crc32.IEEETable, params)
	if want := binary.BigEndian.Uint32(head[descriptorFixed+n:]); crc != want {
		return Descriptor{}, fmt.Errorf("descriptor checksum is %08x, the file says %08x", crc, want)
	}
	var p struct {
		CompressionClass string `json:"compressionClass"`
		EncCipher        string `json:"encCipher"`
		EncKeyAlias      string `json:"encKeyAlias"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return Descriptor{}, fmt.Errorf("descriptor parameters %q: %w", params, err)
	}
	d.Compression = p.CompressionClass
	d.Encrypted = p.EncCipher != "" && p.EncKeyAlias != ""
	return d, nil
}

// maxDescriptor is the largest possible descriptor.
const maxDescriptor = descriptorFixed + 1<<16 + 4

// supported says what this version of the reader cannot read.
func (d Descriptor) supported() error {
	switch {
	case d.Version < Version30 || d.Version > Version50:
		return fmt.Errorf("log version %d is not supported: Cassandra 3.0 to 5.0 write 6 to 8", d.Version)
	case d.Encrypted:
		return errors.New("encrypted segments are not supported yet: set transparent_data_encryption_options.enabled to false")
	case d.Compression != "":
		return fmt.Errorf("segments compressed with %s are not supported yet: remove commitlog_compression from cassandra.yaml", d.Compression)
	}
	return nil
}

var fileName = regexp.MustCompile(`^CommitLog-(\d+)-(\d+)\.log$`)

// ParseFileName gives the id in a segment's file name; ok is false for any other file.
func ParseFileName(name string) (id int64, ok bool) {
	m := fileName.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	id, err := strconv.ParseInt(m[2], 10, 64)
	return id, err == nil
}

// IndexName is the name of the index file (4.0 and later) beside a segment in cdc_raw.
func IndexName(segment string) string { return strings.TrimSuffix(segment, ".log") + "_cdc.idx" }
