// The descriptor's checksum, computed here the way CommitLogDescriptor does.

package commitlog_test

import (
	"encoding/binary"
	"hash/crc32"
)

func descriptorCRC(version uint32, id uint64, params string) uint32 {
	b := binary.BigEndian.AppendUint32(nil, version)
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	b = binary.BigEndian.AppendUint32(b, uint32(id>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(len(params)))
	return crc32.ChecksumIEEE(append(b, params...))
}
