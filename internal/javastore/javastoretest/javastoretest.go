// Package javastoretest makes certificates and keys in the forms that users have them, with
// Java's own keytool.
package javastoretest

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
)

// Password opens every store.
const Password = "changeit"

// Make makes, in a new directory of the test, for each name: a key and a certificate of
// 127.0.0.1 and name.example in name.jks and name.p12, and as PEM in name.key and name.pem;
// and a trust store with the certificate, trusts-name.jks. It returns the directory.
func Make(t *testing.T, names ...string) (dir string) {
	t.Helper()
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Fatalf("Java's keytool is needed, of any JDK: %v", err)
	}
	dir = t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), keytool, append(args, "-storepass", Password)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("keytool %s: %v: %s", args[0], err, out)
		}
	}
	for _, name := range names {
		run("-genkeypair", "-alias", name, "-keyalg", "RSA", "-keysize", "2048", "-dname", "CN="+name, "-ext", "SAN=ip:127.0.0.1,dns:"+name+".example",
			"-validity", "30", "-keypass", Password, "-storetype", "JKS", "-keystore", name+".jks")
		run("-exportcert", "-rfc", "-alias", name, "-keystore", name+".jks", "-file", name+".pem")
		run("-importcert", "-noprompt", "-alias", name, "-file", name+".pem", "-storetype", "JKS", "-keystore", "trusts-"+name+".jks")
		run("-importkeystore", "-srckeystore", name+".jks", "-srcstorepass", Password, "-destkeystore", name+".p12", "-deststoretype", "PKCS12")
		pair, err := javastore.File{Path: filepath.Join(dir, name+".jks"), Password: Password}.KeyPair()
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
