// The wire between the agent and the broker, which can be held and cut: what a killed
// program has handed to the kernel still arrives; what a dead machine has, does not. A
// stand-alone broker lets its clients talk to it through the address they know it by.

package main

import (
	"io"
	"net"
	"sync"
)

// wire forwards connections.
type wire struct {
	listener net.Listener
	target   string // host:port

	mu    sync.Mutex
	held  chan struct{} // nil, or closed at the next cut
	conns map[net.Conn]struct{}
}

func newWire(target string) (*wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{listener: l, target: target, conns: map[net.Conn]struct{}{}}
	go w.accept()
	return w, nil
}

func (w *wire) address() string { return w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		in, err := w.listener.Accept()
		if err != nil {
			return // closed
		}
		go w.connect(in)
	}
}

func (w *wire) connect(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", w.target)
	if err != nil {
		return // the client sees its connection end, as from a broker that is not there
	}
	defer out.Close()
	for _, c := range []net.Conn{in, out} {
		w.keep(c)
		defer w.drop(c)
	}
	go func() {
		_, _ = io.Copy(in, out)
		in.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if err != nil || !w.pass() {
			return
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (w *wire) keep(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = struct{}{}
}

func (w *wire) drop(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// pass waits while the wire is held; what waited for a cut never passes.
func (w *wire) pass() bool {
	w.mu.Lock()
	held := w.held
	w.mu.Unlock()
	if held == nil {
		return true
	}
	<-held
	return false
}

// hold keeps what clients send from the broker, until the next cut.
func (w *wire) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		w.held = make(chan struct{})
	}
}

// cut ends all connections, with what was held. New ones are forwarded again.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.Close()
	}
	if w.held != nil {
		close(w.held)
		w.held = nil
	}
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.cut()
}
