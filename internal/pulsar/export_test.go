// This file shows the tests of package pulsar_test what the package keeps to
// itself.

package pulsar

import "encoding/base64"

// Limit is the broker's limit of an entry, in bytes.
func (c *Client) Limit() int { return c.limit() }

// ForgetLimit makes the client believe in the default, as if the library did not
// tell any more.
func (c *Client) ForgetLimit() { c.state.maxMessageSize.Store(0) }

// EntrySize is what a message is taken to need.
func (p *Producer) EntrySize(m *Message) int {
	key := len(m.Key)
	if !p.cfg.TextKey {
		key = base64.StdEncoding.EncodedLen(key)
	}
	return p.entrySize(headSize(key, m.Properties), len(m.Value))
}
