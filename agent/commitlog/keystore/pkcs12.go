// PKCS #12, Java's own keystore format from Java 9 on.

package keystore

import (
	"crypto/hmac"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// The structures of RFC 7292 as Java fills them. A secret key is in a SecretBag of a content
// that is not encrypted as a whole; there its value is what the bag of an encrypted private
// key has, in an octet string. An encrypted content holds certificates.
type (
	pfx struct {
		Version int
		Content contentInfo
		MAC     macData `asn1:"optional"`
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	macData struct {
		Digest struct {
			Algorithm pkix.AlgorithmIdentifier
			Digest    []byte
		}
		Salt       []byte
		Iterations int `asn1:"optional,default:1"`
	}
	safeBag struct {
		Type       asn1.ObjectIdentifier
		Value      asn1.RawValue  `asn1:"tag:0,explicit"`
		Attributes []bagAttribute `asn1:"set,optional"`
	}
	bagAttribute struct {
		Type   asn1.ObjectIdentifier
		Values asn1.RawValue
	}
	secretBag struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue `asn1:"tag:0,explicit"`
	}
	encryptedKey struct {
		Scheme    pkix.AlgorithmIdentifier
		Encrypted []byte
	}
	keyInfo struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
)

const (
	oidData         = "1.2.840.113549.1.7.1"
	oidSecretBag    = "1.2.840.113549.1.12.10.1.5"
	oidShroudedKey  = "1.2.840.113549.1.12.10.1.2"
	oidFriendlyName = "1.2.840.113549.1.9.20" // the alias
	oidAES          = "2.16.840.1.101.3.4.1"
)

func parsePKCS12(data []byte, storePassword, keyPassword string) (map[string]unseal, error) {
	var store pfx
	if err := unmarshal(data, &store); err != nil {
		return nil, fmt.Errorf("the PKCS12 keystore: %w", err)
	}
	if store.Version != 3 || store.Content.Type.String() != oidData {
		return nil, fmt.Errorf("the file is no PKCS12 keystore with a password (version %d, content %s)", store.Version, store.Content.Type)
	}
	var safe []byte
	if err := unmarshal(store.Content.Content.Bytes, &safe); err != nil {
		return nil, fmt.Errorf("the PKCS12 keystore: %w", err)
	}
	// The structure first: where it does not hold, no password is to blame.
	keys, err := parseSafe(safe, keyPassword)
	if err != nil {
		return nil, fmt.Errorf("the PKCS12 keystore is damaged: %w", err)
	}
	return keys, checkMAC(store.MAC, safe, storePassword)
}

// checkMAC checks the contents against the password. A store may have no MAC, which Java
// accepts too.
func checkMAC(mac macData, safe []byte, password string) error {
	if mac.Digest.Algorithm.Algorithm == nil {
		return nil
	}
	newHash, ok := hmacs[mac.Digest.Algorithm.Algorithm.String()]
	if !ok {
		return fmt.Errorf("the PKCS12 keystore has a MAC of the kind %s, which is not known here", mac.Digest.Algorithm.Algorithm)
	}
	if mac.Iterations < 1 || mac.Iterations > maxIterations {
		return fmt.Errorf("the PKCS12 keystore asks for %d iterations of its password's hash: Java takes 1 to %d", mac.Iterations, maxIterations)
	}
	h := hmac.New(newHash, derivePKCS12(newHash, forMAC, password, pbeParameters{mac.Salt, mac.Iterations}, newHash().Size()))
	h.Write(safe)
	if !hmac.Equal(h.Sum(nil), mac.Digest.Digest) {
		return errPassword
	}
	return nil
}

// parseSafe finds the secret keys in an AuthenticatedSafe.
func parseSafe(safe []byte, keyPassword string) (map[string]unseal, error) {
	var contents []contentInfo
	if err := unmarshal(safe, &contents); err != nil {
		return nil, err
	}
	keys := map[string]unseal{}
	for _, c := range contents {
		if c.Type.String() != oidData {
			continue // certificates
		}
		var der []byte
		var bags []safeBag
		if err := errors.Join(unmarshal(c.Content.Bytes, &der), unmarshal(der, &bags)); err != nil {
			return nil, errDER
		}
		for _, bag := range bags {
			if bag.Type.String() != oidSecretBag {
				continue // private keys
			}
			alias, err := aliasOf(bag)
			if err != nil {
				return nil, err
			}
			keys[strings.ToLower(alias)] = func() (secretKey, error) { return unsealBag(bag, keyPassword) }
		}
	}
	return keys, nil
}

func aliasOf(bag safeBag) (string, error) {
	for _, a := range bag.Attributes {
		if a.Type.String() != oidFriendlyName {
			continue
		}
		var name asn1.RawValue // a BMPString
		if err := unmarshal(a.Values.Bytes, &name); err != nil || name.Tag != asn1.TagBMPString || len(name.Bytes)%2 != 0 {
			return "", errors.New("an alias is damaged")
		}
		var units []uint16
		for b := name.Bytes; len(b) > 0; b = b[2:] {
			units = append(units, binary.BigEndian.Uint16(b))
		}
		return string(utf16.Decode(units)), nil
	}
	return "", errors.New("a secret key has no alias")
}

func unsealBag(bag safeBag, keyPassword string) (secretKey, error) {
	var secret secretBag
	if err := unmarshal(bag.Value.Bytes, &secret); err != nil {
		return secretKey{}, err
	}
	if secret.Type.String() != oidShroudedKey {
		return secretKey{}, fmt.Errorf("the entry is a secret of the kind %s, which Java does not write", secret.Type)
	}
	var der []byte
	var sealed encryptedKey
	if err := errors.Join(unmarshal(secret.Value.Bytes, &der), unmarshal(der, &sealed)); err != nil {
		return secretKey{}, errDER
	}
	plain, err := decryptPKCS(keyPassword, sealed.Scheme, sealed.Encrypted)
	if err != nil {
		return secretKey{}, err
	}
	var key keyInfo
	if err := unmarshal(plain, &key); err != nil {
		return secretKey{}, errKeyPassword
	}
	algorithm := key.Algorithm.Algorithm.String()
	if algorithm == oidAES {
		algorithm = "AES"
	}
	return secretKey{algorithm: algorithm, bytes: key.Key}, nil
}
