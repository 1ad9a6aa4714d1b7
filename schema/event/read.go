// Reading Avro's binary encoding.

package event

import (
	"errors"
	"fmt"
	"math"
)

// reader takes values off the front of in. After the first fault it gives zero
// values; the fault is in err.
type reader struct {
	in  []byte
	err error
}

var errCutOff = errors.New("the Avro record is cut off")

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.in = nil
}

func (r *reader) end() error {
	if r.err == nil && len(r.in) > 0 {
		r.fail(fmt.Errorf("%d bytes behind the Avro record", len(r.in)))
	}
	return r.err
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.in) {
		r.fail(errCutOff)
		return nil
	}
	v := r.in[:n:n]
	r.in = r.in[n:]
	return v
}

func (r *reader) long() int64 {
	var u uint64
	for i, b := range r.in {
		if i == 9 && b > 1 {
			break
		}
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.in = r.in[i+1:]
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	if len(r.in) > 9 {
		r.fail(errors.New("an Avro integer of more than 64 bits"))
	} else {
		r.fail(errCutOff)
	}
	return 0
}

// integer is a long within bounds.
func (r *reader) integer(low, high int64) int64 {
	n := r.long()
	if n < low || n > high {
		r.fail(fmt.Errorf("%d is not between %d and %d", n, low, high))
		return low
	}
	return n
}

func (r *reader) int() int32 { return int32(r.integer(math.MinInt32, math.MaxInt32)) }

func (r *reader) bytes() []byte {
	return r.take(int(r.integer(0, math.MaxInt32)))
}

// boolean is 0 or 1.
func (r *reader) boolean() byte {
	b := r.take(1)
	if len(b) == 0 {
		return 0
	}
	if b[0] > 1 {
		r.fail(fmt.Errorf("boolean %d", b[0]))
		return 0
	}
	return b[0]
}

// isPresent reads the branch of a union ["null", T].
func (r *reader) isPresent() bool { return r.integer(0, 1) == 1 }

// skipStrings skips an array of strings.
func (r *reader) skipStrings() {
	for r.err == nil {
		n := r.long()
		if n == 0 {
			return
		}
		if n < 0 { // a block with its size in bytes
			r.take(int(r.integer(0, math.MaxInt32)))
			continue
		}
		for ; n > 0 && r.err == nil; n-- {
			r.bytes()
		}
	}
}
