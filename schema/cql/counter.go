// Counter contexts: what a node writes to its commit log for a counter, shard by shard.

package cql

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// CounterShard is what one node has counted so far: a running total, not what one
// update added.
type CounterShard struct {
	ID    [16]byte // of the node, or of an earlier life of it
	Clock int64    // of two shards with one id, that with the higher clock holds
	Count int64
	Kind  ShardKind
}

// ShardKind is how shards of one id are merged.
type ShardKind uint8

// The kinds of shards. Nodes write global ones since Cassandra 2.1; the others are
// left over from before.
const (
	RemoteShard ShardKind = iota
	LocalShard
	GlobalShard
)

// CounterShards steps through the shards of a counter context as [Parts] does
// through the parts of a value. (CounterContext; the layout is
//
//	int16 n            |n| indexes follow
//	|n| × int16        indexes of shards, ascending: that of a local one, or that of
//	                   a global one − 32768
//	shards             16-byte id, int64 clock, int64 count
//
// all big endian.)
type CounterShards struct {
	Shard CounterShard

	header []byte
	rest   []byte
	i      int
	err    error
}

const shardSize = 32

// ShardsOf begins at the first shard of a context.
func ShardsOf(context []byte) CounterShards {
	if len(context) < 2 {
		return CounterShards{err: errCutOff}
	}
	n := int(int16(binary.BigEndian.Uint16(context)))
	if n < 0 {
		n = -n
	}
	end := 2 + 2*n
	if end > len(context) {
		return CounterShards{err: errCutOff}
	}
	s := CounterShards{header: context[2:end], rest: context[end:]}
	if len(s.rest)%shardSize != 0 {
		s.err = fmt.Errorf("%d bytes of counter shards, which have %d each", len(s.rest), shardSize)
	}
	return s
}

// Next advances to the next shard. It returns false behind the last one, and at the
// first fault of the context.
func (s *CounterShards) Next() bool {
	if s.err != nil {
		return false
	}
	if len(s.rest) == 0 {
		if len(s.header) > 0 {
			s.err = errors.New("the counter context names a shard that it does not have")
		}
		return false
	}
	s.Shard = CounterShard{
		ID:    [16]byte(s.rest),
		Clock: int64(binary.BigEndian.Uint64(s.rest[16:])),
		Count: int64(binary.BigEndian.Uint64(s.rest[24:])),
	}
	if len(s.header) > 0 {
		switch int(int16(binary.BigEndian.Uint16(s.header))) {
		case s.i:
			s.Shard.Kind, s.header = LocalShard, s.header[2:]
		case s.i - 1<<15:
			s.Shard.Kind, s.header = GlobalShard, s.header[2:]
		}
	}
	s.rest = s.rest[shardSize:]
	s.i++
	return true
}

// Err is what is wrong with the context, known when Next has returned false.
func (s *CounterShards) Err() error { return s.err }

// CounterTotal is the value of a counter: that of 8 bytes as a SELECT gives it, 0
// for no bytes, or the sum of a context's shards. A context of the commit log has
// only the shards that changed: its total is that of the whole counter where one
// node has done all the counting.
func CounterTotal(v []byte) (int64, error) {
	switch len(v) {
	case 0:
		return 0, nil
	case 8: // no context has 8 bytes
		return int64(binary.BigEndian.Uint64(v)), nil
	}
	var total int64
	shards := ShardsOf(v)
	for shards.Next() {
		total += shards.Shard.Count
	}
	return total, shards.Err()
}
