// A node for tests: as much of the native protocol (version 4) as the driver needs to
// open a session, and answers to statements that a test scripts.

package cassandra

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// node answers statements as its test says.
type node struct {
	id, dc string
	addr   string
	peers  []*node
	// answer gets the bound values; they are nil when a statement is prepared, where
	// only the columns of the answer or its fault matter.
	answer func(statement string, values [][]byte) reply

	mu         sync.Mutex
	statements []string // executed, without those of the driver
	levels     []uint16 // of consistency, of the statements that were prepared
}

// reply is an answer: rows, or a fault.
type reply struct {
	columns []column
	rows    [][][]byte
	fault   int // error code of the protocol
	message string
}

type column struct {
	name string
	typ  []byte // option of the protocol
}

// Options of the protocol.
var (
	typeBigInt  = []byte{0, 0x02}
	typeBlob    = []byte{0, 0x03}
	typeInt     = []byte{0, 0x09}
	typeUUID    = []byte{0, 0x0c}
	typeText    = []byte{0, 0x0d}
	typeInet    = []byte{0, 0x10}
	typeTextSet = []byte{0, 0x22, 0, 0x0d}
)

func typeTuple(components ...[]byte) []byte {
	return append([]byte{0, 0x31, 0, byte(len(components))}, bytes.Join(components, nil)...)
}

// cluster starts nodes that know each other, on one port of different loopback
// addresses. They end with the test.
func cluster(t *testing.T, nodes ...*node) (contactPoint string) {
	t.Helper()
	port := "0"
	for i, n := range nodes {
		ip := fmt.Sprintf("127.0.0.%d", i+1)
		l, err := net.Listen("tcp", net.JoinHostPort(ip, port))
		if err != nil && i > 0 {
			t.Skipf("no second loopback address: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		n.addr = ip
		for _, other := range nodes {
			if other != n {
				n.peers = append(n.peers, other)
			}
		}
		accept(t, l, n.serve)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// accept serves a listener's connections until the test ends, when it waits for all.
func accept(t *testing.T, l net.Listener, serve func(net.Conn)) {
	var mu sync.Mutex
	var conns []net.Conn
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			work.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		work.Wait()
	})
}

// Operations of the protocol.
const (
	opError     = 0x00
	opStartup   = 0x01
	opReady     = 0x02
	opOptions   = 0x05
	opSupported = 0x06
	opQuery     = 0x07
	opResult    = 0x08
	opPrepare   = 0x09
	opExecute   = 0x0a
	opRegister  = 0x0b
	opBatch     = 0x0d
)

// serve answers the requests of a connection, one after the other: a header of
// version, flags, stream (2 bytes), operation, length (4 bytes), and the body.
func (n *node) serve(c net.Conn) {
	for {
		var header [9]byte
		if _, err := io.ReadFull(c, header[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(header[5:]))
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		op, answer := n.handle(header[4], body)
		frame := append([]byte{0x84, 0}, header[2], header[3], op)
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(answer)))
		if _, err := c.Write(append(frame, answer...)); err != nil {
			return
		}
	}
}

func (n *node) handle(op byte, body []byte) (byte, []byte) {
	switch op {
	case opOptions:
		return opSupported, []byte{0, 0}
	case opStartup, opRegister:
		return opReady, nil
	case opPrepare:
		statement := string(body[4:])
		r := n.reply(statement, nil)
		if r.fault != 0 {
			return r.fails()
		}
		var b []byte
		b = append(b, 0, 0, 0, 4) // prepared
		b = appendText(b, statement)
		var markers []column
		for range strings.Count(statement, "?") {
			markers = append(markers, column{"value", typeBlob})
		}
		b = appendColumns(b, markers, true)
		return opResult, appendColumns(b, r.columns, false)
	case opExecute:
		size := binary.BigEndian.Uint16(body)
		statement := string(body[2 : 2+size])
		n.mu.Lock()
		n.levels = append(n.levels, binary.BigEndian.Uint16(body[2+size:]))
		n.mu.Unlock()
		return n.run(statement, bound(body[2+size:]))
	case opQuery:
		size := binary.BigEndian.Uint32(body)
		return n.run(string(body[4:4+size]), bound(body[4+size:]))
	case opBatch:
		return n.runBatch(body)
	}
	return reply{fault: 0x000a, message: "not in this node's protocol"}.fails()
}

// bound reads the values behind consistency and flags.
func bound(b []byte) [][]byte {
	values := [][]byte{}
	if b[2]&1 == 0 {
		return values
	}
	more, _ := readValues(b[3:])
	return append(values, more...)
}

// readValues reads a number of values and the values, and returns what follows them.
func readValues(b []byte) (values [][]byte, rest []byte) {
	n := binary.BigEndian.Uint16(b)
	b = b[2:]
	for range n {
		size := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		if size < 0 {
			values = append(values, nil)
			continue
		}
		values = append(values, b[:size:size])
		b = b[size:]
	}
	return values, b
}

// runBatch runs the statements of an unlogged batch, which are prepared, and answers
// as the first that fails, or the last.
func (n *node) runBatch(b []byte) (op byte, answer []byte) {
	if b[0] != 1 {
		return reply{fault: 0x000a, message: "not an unlogged batch"}.fails()
	}
	statements := binary.BigEndian.Uint16(b[1:])
	b = b[3:]
	for range statements {
		size := binary.BigEndian.Uint16(b[1:]) // behind the kind
		statement := string(b[3 : 3+size])
		var values [][]byte
		values, b = readValues(b[3+size:])
		if op, answer = n.run(statement, values); op == opError {
			break
		}
	}
	return op, answer
}

func (n *node) run(statement string, values [][]byte) (byte, []byte) {
	r := n.reply(statement, values)
	if r.fault != 0 {
		return r.fails()
	}
	b := appendColumns([]byte{0, 0, 0, 2}, r.columns, false) // rows
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.rows)))
	for _, row := range r.rows {
		for _, v := range row {
			if v == nil {
				b = append(b, 0xff, 0xff, 0xff, 0xff)
			} else {
				b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
			}
		}
	}
	return opResult, b
}

func (r reply) fails() (byte, []byte) {
	b := appendText(binary.BigEndian.AppendUint32(nil, uint32(r.fault)), r.message)
	switch r.fault {
	case 0x1000: // unavailable: consistency, required, alive
		b = append(b, 0, 6, 0, 0, 0, 2, 0, 0, 0, 1)
	case 0x1200: // read timeout: consistency, received, required, data present
		b = append(b, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 1)
	case 0x1300: // read failure: consistency, received, required, failures, data present
		b = append(b, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 1)
	}
	return opError, b
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func appendColumns(b []byte, columns []column, markers bool) []byte {
	b = append(b, 0, 0, 0, 1) // one keyspace and table for all
	b = binary.BigEndian.AppendUint32(b, uint32(len(columns)))
	if markers {
		b = append(b, 0, 0, 0, 0) // no partition key among them
	}
	b = appendText(appendText(b, "ks"), "t")
	for _, c := range columns {
		b = append(appendText(b, c.name), c.typ...)
	}
	return b
}

func (n *node) reply(statement string, values [][]byte) reply {
	switch {
	case statement == "SELECT * FROM system.local WHERE key='local'":
		return peersReply(n)
	case strings.HasPrefix(statement, "SELECT * FROM system.peers"):
		return peersReply(n.peers...)
	case statement == "SELECT key FROM system.local WHERE key='local'": // of the session's watcher
		return reply{columns: []column{{"key", typeText}}}
	case strings.Contains(statement, "system_schema.keyspaces"):
		return reply{columns: []column{{"keyspace_name", typeText}}}
	}
	if values != nil {
		n.mu.Lock()
		n.statements = append(n.statements, statement)
		n.mu.Unlock()
	}
	return n.answer(statement, values)
}

func (n *node) executed() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.statements
}

// peersReply is what system.local or system.peers has of nodes.
func peersReply(nodes ...*node) reply {
	r := reply{columns: []column{
		{"host_id", typeUUID}, {"peer", typeInet}, {"rpc_address", typeInet}, {"data_center", typeText}, {"rack", typeText},
		{"release_version", typeText}, {"partitioner", typeText}, {"tokens", typeTextSet},
	}}
	for _, n := range nodes {
		ip := net.ParseIP(n.addr).To4()
		tokens := []byte{0, 0, 0, 1, 0, 0, 0, 1, '0'}
		r.rows = append(r.rows, [][]byte{
			uuid(n.id), ip, ip, []byte(n.dc), []byte("r"), []byte("3.11.19"), []byte("org.apache.cassandra.dht.Murmur3Partitioner"), tokens,
		})
	}
	return r
}

func uuid(text string) []byte {
	var b []byte
	if _, err := fmt.Sscanf(strings.ReplaceAll(text, "-", ""), "%x", &b); err != nil || len(b) != 16 {
		panic("no UUID: " + text)
	}
	return b
}
