// This file asks a node the one question of the CQL protocol that needs no
// session: which options it supports.

package env

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// askCQL sends an OPTIONS request and returns nil if the answer is SUPPORTED.
// (native_protocol_v4.spec, sections 2 and 4.1.3: header of version, flags,
// stream of two bytes, opcode, length of four.) A node accepts connections a
// moment before it answers.
func askCQL(ctx context.Context, address string) error {
	const (
		version4  = 0x04
		options   = 0x05
		supported = 0x06
		response  = 0x80
	)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := conn.Write([]byte{version4, 0, 0, 0, options, 0, 0, 0, 0}); err != nil {
		return err
	}
	var header [9]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return fmt.Errorf("read the answer to OPTIONS: %w", err)
	}
	if header[0]&response == 0 || header[4] != supported {
		return fmt.Errorf("answer to OPTIONS has version %#x and opcode %#x", header[0], header[4])
	}
	return nil
}
