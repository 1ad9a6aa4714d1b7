// Raw CQL values as the text of a message property.

package event

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

// valuesVersion begins the text of values. Another form of them gets another one.
const valuesVersion = "1:"

var errValuesVersion = errors.New(`values that do not begin with "` + valuesVersion + `": written by a newer version than this one`)

// valuesText is the values as Base64 without padding (RFC 4648, the standard
// alphabet) of, for each of them, its length and one as an unsigned varint (seven bits
// a byte, the lowest first) and its bytes. A length of 0 is null.
func valuesText(values [][]byte) string {
	var b []byte
	for _, v := range values {
		if v == nil {
			b = append(b, 0)
			continue
		}
		b = append(binary.AppendUvarint(b, uint64(len(v))+1), v...)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// parseValues reads what valuesText writes, and nothing that it would write in another
// way. nil is null.
func parseValues(text string) (values [][]byte, err error) {
	if strings.ContainsAny(text, "\r\n") { // the decoder passes over them
		return nil, errors.New("values with a line break")
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, err
	}
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 || size > 1 && b[size-1] == 0 || n > uint64(len(b)-size)+1 {
			return nil, errors.New("the values are cut off")
		}
		if b = b[size:]; n == 0 {
			values = append(values, nil)
			continue
		}
		values, b = append(values, b[:n-1:n-1]), b[n-1:]
	}
	return values, nil
}
