// This file connects to a real broker that wants TLS and credentials.

package pulsar

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
)

// jwt is a signed token of that subject (RFC 7519, HS256).
func jwt(t *testing.T, secret []byte, subject string, expires time.Time) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"sub": subject, "exp": expires.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// publish sends one message and waits for it.
func publish(t *testing.T, p *Producer, wait time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	result := make(chan error, 1)
	p.Send(ctx, &Message{Key: []byte("k"), Value: []byte("v")}, func(_ Receipt, err error) { result <- err })
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A broker takes a token, a client certificate or a password, over TLS; a token
// that expires is replaced by the one in the file meanwhile.
func TestSecureBroker(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real broker, which -short leaves out")
	}
	t.Parallel()
	a, other := newAuthority(t, "ours"), newAuthority(t, "another")
	serverCert, serverKey := a.files("broker", "127.0.0.1")
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	secretFile := a.raw("token.key", secret)
	hour := time.Now().Add(time.Hour)
	admin := jwt(t, secret, "admin", hour)
	// openssl passwd -apr1 -salt saltsalt the-password
	htpasswd := a.raw("htpasswd", []byte("admin:$apr1$saltsalt$KDOd6.k7XTnRSlrWvposj1\n"))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	const provider = "org.apache.pulsar.broker.authentication.AuthenticationProvider"
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b, err := envtest.ForTest(t).StartPulsar(ctx, env.PulsarOptions{
		WithoutFunctions: true, AdminToken: admin,
		Conf: map[string]string{
			"brokerServicePortTls":                 strconv.Itoa(port),
			"tlsCertificateFilePath":               serverCert,
			"tlsKeyFilePath":                       serverKey,
			"tlsTrustCertsFilePath":                a.file(),
			"authenticationEnabled":                "true",
			"authorizationEnabled":                 "true",
			"authenticationProviders":              provider + "Token," + provider + "Tls," + provider + "Basic",
			"authenticationRefreshCheckSeconds":    "1",
			"tokenSecretKey":                       "file://" + secretFile,
			"basicAuthConf":                        "file://" + htpasswd,
			"superUserRoles":                       "admin",
			"brokerClientAuthenticationPlugin":     javaAuth + "AuthenticationToken",
			"brokerClientAuthenticationParameters": "token:" + admin,
		},
	})
	if err != nil {
		t.Fatal(err)
	}

	// Stores as Java makes them.
	keytool := func(args ...string) {
		t.Helper()
		out, err := exec.CommandContext(ctx, filepath.Join(b.Java(), "bin", "keytool"), append(args, "-storepass", storePassword)...).CombinedOutput()
		if err != nil {
			t.Fatalf("keytool %v: %v\n%s", args, err, out)
		}
	}
	jks, p12, keyStore := filepath.Join(a.dir, "java.jks"), filepath.Join(a.dir, "java.p12"), filepath.Join(a.dir, "java-key.jks")
	keytool("-importcert", "-noprompt", "-alias", "ca", "-file", a.file(), "-keystore", jks, "-storetype", "JKS")
	keytool("-importcert", "-noprompt", "-alias", "ca", "-file", a.file(), "-keystore", p12, "-storetype", "PKCS12")
	keytool("-importkeystore", "-noprompt", "-srckeystore", a.p12Key("admin"), "-srcstoretype", "PKCS12", "-srcstorepass", storePassword, "-destkeystore", keyStore, "-deststoretype", "JKS", "-destkeypass", storePassword)

	certFile, keyFile := a.files("admin", "")
	foreignCert, foreignKey := other.files("admin", "")
	tokenFile := a.raw("token", []byte(jwt(t, secret, "admin", time.Now().Add(15*time.Second))+"\n"))
	staleFile := a.raw("stale", []byte(jwt(t, secret, "admin", time.Now().Add(15*time.Second))))
	service := "pulsar+ssl://127.0.0.1:" + strconv.Itoa(port)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	config := func(plugin, params string) Config {
		return Config{ServiceURL: service, TLSTrustCertsFile: a.file(), HostnameVerification: true, AuthPlugin: plugin, AuthParams: params, Log: log, OperationTimeout: 10 * time.Second}
	}
	with := func(cfg Config, change func(*Config)) Config { change(&cfg); return cfg }
	kept := map[string]*Producer{}
	for name, tt := range map[string]struct {
		cfg  Config
		kind error
		text string
	}{
		"token":              {cfg: config("token", "token:"+admin)},
		"token in a file":    {cfg: config(javaAuth+"AuthenticationToken", "file://"+tokenFile)},
		"token not replaced": {cfg: config("token", "file:"+staleFile)},
		"basic":              {cfg: config(javaAuth+"AuthenticationBasic", `{"userId":"admin","password":"the-password"}`)},
		"client certificate": {cfg: config("tls", fmt.Sprintf("tlsCertFile:%s,tlsKeyFile:%s", certFile, keyFile))},
		"key store": {cfg: with(config(javaAuth+"AuthenticationKeyStoreTls", fmt.Sprintf("keyStoreType:JKS,keyStorePath:%s,keyStorePassword:%s", keyStore, storePassword)), func(c *Config) {
			c.TLSTrustCertsFile, c.TLSTrustStore = "", StoreFile{jks, storePassword, "JKS"}
		})},
		"PKCS12 trust store": {cfg: with(config("token", admin), func(c *Config) {
			c.TLSTrustCertsFile, c.TLSTrustStore = "", StoreFile{p12, storePassword, "PKCS12"}
		})},
		"no credentials":          {cfg: config("", ""), kind: ErrAuthentication},
		"token of another secret": {cfg: config("token", jwt(t, []byte("another"), "admin", hour)), kind: ErrAuthentication},
		"expired token":           {cfg: config("token", jwt(t, secret, "admin", time.Now().Add(-time.Minute))), kind: ErrAuthentication},
		"wrong password":          {cfg: config("basic", `{"username":"admin","password":"other-password"}`), kind: ErrAuthentication},
		"another authority":       {cfg: with(config("token", admin), func(c *Config) { c.TLSTrustCertsFile = other.file() }), kind: ErrUnreachable, text: "unknown authority"},
		"foreign certificate":     {cfg: config("tls", fmt.Sprintf("tlsCertFile:%s,tlsKeyFile:%s", foreignCert, foreignKey)), kind: ErrUnreachable},
		"no TLS":                  {cfg: with(config("token", admin), func(c *Config) { c.ServiceURL = strings.Replace(service, "+ssl", "", 1) }), kind: ErrUnreachable},
	} {
		c, err := Connect(ctx, tt.cfg)
		if tt.kind != nil {
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil && (strings.Contains(err.Error(), "other-password") || strings.Contains(err.Error(), tt.cfg.AuthParams) && tt.cfg.AuthParams != "") {
				t.Errorf("%s: a secret is in %v", name, err)
			}
			if err == nil {
				c.Close()
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Cleanup(c.Close)
		p, err := c.Producer(ctx, ProducerConfig{Topic: "persistent://public/default/secure"})
		if err == nil {
			err = publish(t, p, 20*time.Second)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		kept[name] = p
	}
	if t.Failed() {
		return
	}

	// Not allowed is another failure than not known.
	c, err := Connect(ctx, config("token", jwt(t, secret, "nobody", hour)))
	if err == nil {
		defer c.Close()
		_, err = c.Producer(ctx, ProducerConfig{Topic: "persistent://public/default/secure"})
	}
	if !errors.Is(err, ErrAuthorization) {
		t.Errorf("a role without permission: %v", err)
	}

	// The broker asks for a new token when one expires.
	if err := os.WriteFile(tokenFile, []byte(jwt(t, secret, "admin", hour)), 0o600); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for publish(t, kept["token not replaced"], 3*time.Second) == nil {
		if time.Now().After(deadline) {
			t.Fatal("an expired token still works: the test proves nothing")
		}
	}
	for range 3 {
		if err := publish(t, kept["token in a file"], 30*time.Second); err != nil {
			t.Errorf("after the token was replaced: %v", err)
		}
	}
	// It recovers as soon as its file is good.
	if err := os.WriteFile(staleFile, []byte(jwt(t, secret, "admin", hour)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := publish(t, kept["token not replaced"], 30*time.Second); err != nil {
		t.Errorf("after the expired token was replaced: %v", err)
	}
}
