// The descriptor at the start of a segment, and the segment's file name.

package commitlog

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
)

// Log versions: what the descriptor calls the format of the segment and of the
// mutations in it.
const (
	Version30 = 6 // Cassandra 3.0 to 3.11
	Version40 = 7 // Cassandra 4.0, 4.1, and 5.0 and 6.0 with storage_compatibility_mode CASSANDRA_4
	Version50 = 8 // Cassandra 5.0
	Version60 = 9 // Cassandra 6.0 (as of its second alpha)
)

// Supported says whether segments of that log version can be read.
func Supported(version int) bool { return version >= Version30 && version <= Version60 }

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
	Cipher      string // Java's name of the transformation, such as AES/CBC/PKCS5Padding; "" when not encrypted
	KeyAlias    string // the key's name in the keystore

	size int64  // bytes of the descriptor in the file
	iv   []byte // of the cipher, the same for every block
}

// Encrypted says whether the segment is encrypted. What it names as its compression
// has no meaning then: inside it is always LZ4.
func (d Descriptor) Encrypted() bool { return d.Cipher != "" && d.KeyAlias != "" }

// errNoDescriptor is a file that Cassandra has created and not yet written.
var errNoDescriptor = errors.New("the segment has no descriptor yet")

// DescriptorError is a file that does not begin with a descriptor: without one, nothing
// in it can be read.
type DescriptorError struct{ Reason string }

func (e *DescriptorError) Error() string { return e.Reason }

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

	crc := crcInt(0, uint32(d.Version))
	crc = crcInt(crcInt(crc, uint32(d.ID)), uint32(d.ID>>32)) // the low word of the id first
	crc = crc32.Update(crcInt(crc, uint32(n)), crc32.IEEETable, params)
	switch want := binary.BigEndian.Uint32(head[descriptorFixed+n:]); want {
	case crc:
	case 0:
		return Descriptor{}, errNoDescriptor // field by field, it is being written into a mapped file
	default:
		return Descriptor{}, &DescriptorError{fmt.Sprintf("descriptor checksum is %08x, the file says %08x: this is no commit log segment, or its start is damaged", crc, want)}
	}
	var p struct {
		CompressionClass string `json:"compressionClass"`
		EncCipher        string `json:"encCipher"`
		EncKeyAlias      string `json:"encKeyAlias"`
		EncIV            string `json:"encIV"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return Descriptor{}, &DescriptorError{fmt.Sprintf("descriptor parameters %q: %v", params, err)}
	}
	d.Compression, d.Cipher, d.KeyAlias = p.CompressionClass, p.EncCipher, p.EncKeyAlias
	iv, err := hex.DecodeString(p.EncIV)
	if err != nil {
		return Descriptor{}, &DescriptorError{fmt.Sprintf("descriptor parameter encIV: %v", err)}
	}
	d.iv = iv
	return d, nil
}

// maxDescriptor is the largest possible descriptor.
const maxDescriptor = descriptorFixed + 1<<16 + 4

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
