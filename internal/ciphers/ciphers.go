// Package ciphers knows the cipher suites of TLS by their IANA names, as settings have them.
package ciphers

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
)

var all = slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites())

// IDs are the numbers of cipher suites. The error names every one that Go does not have.
func IDs(names []string) ([]uint16, error) {
	var ids []uint16
	var unknown []error
	for _, name := range names {
		if i := slices.IndexFunc(all, func(s *tls.CipherSuite) bool { return s.Name == name }); i >= 0 {
			ids = append(ids, all[i].ID)
			continue
		}
		unknown = append(unknown, fmt.Errorf("cipher suite %q is not known here", name))
	}
	return ids, errors.Join(unknown...)
}
