// This file finds out how large a message the broker takes, which the client
// library knows and does not tell.

package pulsar

import (
	"strconv"
	"strings"
)

// The library's default, and Pulsar's, in bytes.
const defaultMaxMessageSize = 5 << 20

// handshakeSize is how the library's debug line begins that is written with every
// new connection; the size follows as an int32.
const handshakeSize = "Got MaxMessageSize from handshake response:"

// noteLimit looks for the size in a debug line.
func (s *logState) noteLimit(args []any) {
	if len(args) != 2 {
		return
	}
	if text, ok := args[0].(string); !ok || text != handshakeSize {
		return
	}
	if size, ok := args[1].(int32); ok && size > 0 {
		s.maxMessageSize.Store(size)
	}
}

// noteRefusal looks for the size in the library's refusal of a batch.
func (s *logState) noteRefusal(err error) {
	_, after, ok := strings.Cut(err.Error(), "MaxMessageSize: ")
	if !ok {
		return
	}
	digits := after[:len(after)-len(strings.TrimLeft(after, "0123456789"))]
	if size, err := strconv.ParseInt(digits, 10, 32); err == nil && size > 0 {
		s.maxMessageSize.Store(int32(size))
	}
}

// limit is the most that an entry may take, in bytes, with metadata.
func (c *Client) limit() int {
	if size := c.state.maxMessageSize.Load(); size > 0 {
		return int(size)
	}
	return defaultMaxMessageSize
}
