// The package against keystores that Java wrote (testdata/MakeStores.java), whole, with
// wrong passwords and damaged.

package keystore_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/keystore"
)

const (
	corpus        = "../../../testdata/corpus/"
	storePassword = "store password"
	keyPassword   = "key password"
)

// counted is the key of n bytes that MakeStores gives everyone.
func counted(n int) (key []byte) {
	for i := range n {
		key = append(key, byte(i))
	}
	return key
}

func TestKeyOfTheCorpus(t *testing.T) {
	text, err := os.ReadFile(corpus + "keystore.key.hex")
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, keyPassword := range []string{"", "cassandra"} {
		s, err := keystore.Open(corpus+"keystore.jceks", "cassandra", keyPassword)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Key("testing:1"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("key password %q: %d bytes, not those of keystore.key.hex; error %v", keyPassword, len(got), err)
		}
	}
}

func TestKeysOfEachFormat(t *testing.T) {
	common := map[string]int{"aes:16": 16, "aes:24": 24, "aes:32": 32, "AES:24": 24, "Aes:32": 32, "schlüssel": 16, "SCHLÜSSEL": 16}
	for file, keys := range map[string]map[string]int{
		"several.jceks": common,
		"several.p12":   common,
		"quick.p12":     common,
		"legacy.p12":    common,
		"token.jceks":   {"token:32": 32},
	} {
		t.Run(file, func(t *testing.T) {
			password := storePassword
			if file == "token.jceks" {
				password = "pässword"
			}
			s, err := keystore.Open("testdata/"+file, password, keyPassword)
			if err != nil {
				t.Fatal(err)
			}
			for alias, size := range keys {
				if got, err := s.Key(alias); err != nil || !bytes.Equal(got, counted(size)) {
					t.Errorf("%s: key %x, error %v", alias, got, err)
				}
			}
		})
	}
}

// PKCS12 lets each entry choose how it is encrypted.
func TestKeysOfEachEncryption(t *testing.T) {
	s, err := keystore.Open("testdata/several.p12", storePassword, keyPassword)
	if err != nil {
		t.Fatal(err)
	}
	for _, alias := range []string{"HmacSHA1AndAES_128", "HmacSHA384AndAES_256", "HmacSHA512AndAES_256"} {
		if got, err := s.Key(alias); err != nil || !bytes.Equal(got, counted(32)) {
			t.Errorf("%s: key %x, error %v", alias, got, err)
		}
	}
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		file, store, key, alias string
		want                    string
	}{
		"no file":                      {"none.jceks", "", "", "", "read the keystore"},
		"not a keystore":               {"MakeStores.java", "", "", "", "no keystore of type JCEKS or PKCS12"},
		"JKS":                          {"certificate.jks", storePassword, "", "", "JKS holds no secret keys"},
		"JCEKS store password":         {"several.jceks", "Geheim", keyPassword, "", "keystore password"},
		"PKCS12 store password":        {"several.p12", "Geheim", keyPassword, "", "keystore password"},
		"old PKCS12 store password":    {"legacy.p12", "Geheim", keyPassword, "", "keystore password"},
		"JCEKS key password":           {"several.jceks", storePassword, "Geheim", "aes:16", "key password"},
		"PKCS12 key password":          {"several.p12", storePassword, "Geheim", "aes:16", "key password"},
		"old PKCS12 key password":      {"legacy.p12", storePassword, "Geheim", "aes:16", "key password"},
		"the store's is not the key's": {"several.jceks", storePassword, "", "aes:16", "key password"},
		"a key password beyond ASCII":  {"several.jceks", storePassword, "Geheimä", "aes:16", "not ASCII"},
		"no such alias":                {"several.jceks", storePassword, keyPassword, "testing:1", `"aes:16" "aes:24"`},
		"an alias of a private key":    {"several.jceks", storePassword, keyPassword, "node", "no secret key"},
		"an alias of a certificate":    {"several.p12", storePassword, keyPassword, "authority", "no secret key"},
		"an empty JCEKS store":         {"empty.jceks", storePassword, "", "testing:1", "none at all"},
		"an empty PKCS12 store":        {"empty.p12", storePassword, "", "testing:1", "none at all"},
		"too short for AES":            {"several.jceks", storePassword, keyPassword, "short:8", "8 bytes; AES takes 16, 24 or 32"},
		"too short for AES, PKCS12":    {"several.p12", storePassword, keyPassword, "short:8", "8 bytes; AES takes 16, 24 or 32"},
		"not a key for AES":            {"several.jceks", storePassword, keyPassword, "des:24", `"DESede", not AES`},
		"not a key for AES, PKCS12":    {"several.p12", storePassword, keyPassword, "des:24", "not AES"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := keystore.Open("testdata/"+c.file, c.store, c.key)
			if c.alias != "" {
				if err != nil {
					t.Fatal(err)
				}
				var key []byte
				if key, err = s.Key(c.alias); key != nil {
					t.Errorf("a key of %d bytes", len(key))
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
				t.Fatalf("error %v, want one that says %q and names the file", err, c.want)
			}
			for _, secret := range []string{c.store, c.key} {
				if secret != "" && strings.Contains(err.Error(), secret) {
					t.Errorf("a password in %q", err)
				}
			}
		})
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	for _, file := range []string{"several.jceks", "several.p12"} {
		s, err := keystore.Open("testdata/"+file, storePassword, keyPassword)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Key("aes:16"); err != nil {
			t.Fatal(err)
		}
		type config struct{ keys *keystore.Store }
		for _, v := range []any{s, *s, config{s}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
				text := fmt.Sprintf(verb, v)
				for _, secret := range []string{storePassword, keyPassword, hex.EncodeToString(counted(16)), "0x0, 0x1, 0x2, 0x3", "0 1 2 3"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s of %T prints a secret: %s", verb, v, text)
					}
				}
			}
		}
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	for _, file := range []string{"several.jceks", "several.p12"} {
		whole, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		open := func(data []byte) error {
			path := filepath.Join(t.TempDir(), file)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := keystore.Open(path, storePassword, keyPassword)
			return err
		}
		for n := 0; n < len(whole); n += 97 {
			if open(whole[:n]) == nil {
				t.Errorf("%s cut at %d opened", file, n)
			}
			flipped := bytes.Clone(whole)
			flipped[n] ^= 0x10
			if open(flipped) == nil {
				t.Errorf("%s with a flipped bit at %d opened", file, n)
			}
		}
		if err := open(append(bytes.Clone(whole), make([]byte, 16<<20)...)); err == nil || !strings.Contains(err.Error(), "larger than") {
			t.Errorf("%s of 16 MiB: %v", file, err)
		}
	}
}
