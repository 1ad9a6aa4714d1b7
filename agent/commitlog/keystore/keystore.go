// Package keystore reads the AES keys of encrypted commit logs out of the Java keystore
// that transparent_data_encryption_options in cassandra.yaml names.
//
// In comes a keystore file with its passwords, out go the secret keys in it by alias. Read
// are JCEKS, which is Cassandra's default store_type, and PKCS12, which is Java's; which
// of the two a file is, its first bytes say. Private keys and certificates beside the
// secret keys are passed over. The package never writes, and no password or key of it is
// in an error or in what fmt prints of a [Store].
//
// It does what org.apache.cassandra.security.JKSKeyProvider does with Java's
// com.sun.crypto.provider.JceKeyStore and sun.security.pkcs12.PKCS12KeyStore.
package keystore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
)

// Store holds the secret keys of a keystore, each still sealed with the key password.
// It is safe for concurrent use.
type Store struct {
	path string
	keys map[string]unseal // by alias in lower case
}

// unseal gives a secret key with the name of its algorithm. It is a closure, so that fmt
// cannot print the password that it needs.
type unseal func() (secretKey, error)

type secretKey struct {
	algorithm string
	bytes     []byte
}

// maxFile is far more than a keystore needs.
const maxFile = 16 << 20

// maxIterations is how often at most a password is hashed: Java's own limit. It takes a
// second or two.
const maxIterations = 5_000_000

// errPassword is all that can be said when a checksum does not hold: it takes the password in.
var errPassword = errors.New("the keystore password (transparent_data_encryption_options, keystore_password) is wrong, or the file is damaged")

// errKeyPassword is the same of a single key.
var errKeyPassword = errors.New("the key password (transparent_data_encryption_options, key_password) is wrong, or the entry is damaged")

// Open reads a keystore and checks it against its password. An empty key password means
// that the keys are sealed with the store's.
func Open(path, storePassword, keyPassword string) (*Store, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the keystore: %w", err)
	}
	if keyPassword == "" {
		keyPassword = storePassword
	}
	keys, err := parse(data, storePassword, keyPassword)
	if err != nil {
		return nil, fmt.Errorf("keystore %s: %w", path, err)
	}
	return &Store{path: path, keys: keys}, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, err
}

// parse finds the secret keys in a keystore of any format.
func parse(data []byte, storePassword, keyPassword string) (map[string]unseal, error) {
	var keys map[string]unseal
	var err error
	switch {
	case len(data) < 4:
		return nil, fmt.Errorf("the file has %d bytes and is no keystore", len(data))
	case binary.BigEndian.Uint32(data) == magicJCEKS:
		keys, err = parseJCEKS(data, storePassword, keyPassword)
	case binary.BigEndian.Uint32(data) == magicJKS:
		return nil, errors.New("a keystore of type JKS holds no secret keys: Cassandra reads this key from one of type JCEKS or PKCS12")
	case data[0] == 0x30: // a DER sequence
		keys, err = parsePKCS12(data, storePassword, keyPassword)
	default:
		return nil, errors.New("the file is no keystore of type JCEKS or PKCS12")
	}
	if err != nil {
		return nil, err
	}
	for alias, key := range keys {
		keys[alias] = sync.OnceValues(key) // unsealing takes a tenth of a second
	}
	return keys, nil
}

// Key gives the AES key (16, 24 or 32 bytes) of an alias, as the descriptor of a segment
// names it. Upper and lower case are the same.
func (s *Store) Key(alias string) ([]byte, error) {
	unseal, ok := s.keys[strings.ToLower(alias)]
	if !ok {
		return nil, fmt.Errorf("keystore %s holds no secret key %q, only %s", s.path, alias, s.aliases())
	}
	key, err := unseal()
	if err != nil {
		return nil, fmt.Errorf("keystore %s, secret key %q: %w", s.path, alias, err)
	}
	if !strings.EqualFold(key.algorithm, "AES") {
		return nil, fmt.Errorf("keystore %s, secret key %q: it is a key of the algorithm %q, not AES", s.path, alias, key.algorithm)
	}
	if n := len(key.bytes); n != 16 && n != 24 && n != 32 {
		return nil, fmt.Errorf("keystore %s, secret key %q: it has %d bytes; AES takes 16, 24 or 32", s.path, alias, n)
	}
	return bytes.Clone(key.bytes), nil
}

// aliases lists the first of the aliases for an error.
func (s *Store) aliases() string {
	const most = 8
	all := slices.Sorted(maps.Keys(s.keys))
	if len(all) == 0 {
		return "none at all"
	}
	text := fmt.Sprintf("%q", all[:min(len(all), most)])
	if len(all) > most {
		text += fmt.Sprintf(" and %d more", len(all)-most)
	}
	return text
}

// String names the file.
func (s *Store) String() string { return "keystore " + s.path }
