// The checksums of the format. Each entry needs one of four bytes, for which
// hash/crc32 takes longer than for a hundred.

package commitlog

import "hash/crc32"

// crcTables are the tables of CRC-32 (IEEE) for four bytes at a time: table k is that
// of a byte with k zero bytes behind it.
var crcTables = func() (t [4][256]uint32) {
	t[0] = *crc32.IEEETable
	for i := range 256 {
		for k := 1; k < 4; k++ {
			t[k][i] = t[k-1][i]>>8 ^ t[0][t[k-1][i]&0xff]
		}
	}
	return t
}()

// crcInt continues a CRC-32 with an int as Java feeds one: its four big-endian bytes.
func crcInt(crc, v uint32) uint32 {
	crc = ^crc ^ (v>>24 | v>>8&0xff00 | v<<8&0xff0000 | v<<24)
	return ^(crcTables[3][crc&0xff] ^ crcTables[2][crc>>8&0xff] ^ crcTables[1][crc>>16&0xff] ^ crcTables[0][crc>>24])
}

// crcID is the start of every marker's checksum: the segment's id, its low word first.
func crcID(id int64) uint32 { return crcInt(crcInt(0, uint32(id)), uint32(id>>32)) }
