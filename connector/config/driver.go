// The settings of DataStax's Java driver that have a meaning here: they count where the
// connector's own are not set.

package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

const tlsByDriver = "JDK" // a value of ssl.provider that turns TLS on

// fromDriver fills in what only the driver's settings say.
func (c *Config) fromDriver() {
	for _, s := range []struct{ own, drivers *string }{
		{&c.LocalDC, &c.DriverLocalDC},
		{&c.SecureConnectBundle, &c.DriverSecureConnectBundle},
		{&c.Consistency, &c.DriverConsistency},
		{&c.Compression, &c.DriverCompression},
		{&c.SSLHostnameValidation, &c.DriverSSLHostnameValidation},
		{&c.SSLTruststore, &c.DriverSSLTruststore},
		{&c.SSLTruststorePassword, &c.DriverSSLTruststorePassword},
		{&c.SSLKeystore, &c.DriverSSLKeystore},
		{&c.SSLKeystorePassword, &c.DriverSSLKeystorePassword},
	} {
		if *s.own == "" {
			*s.own = *s.drivers
		}
	}
	if c.Username == "" && c.Password == "" {
		c.Username, c.Password = c.DriverAuthUsername, c.DriverAuthPassword
	}
	if len(c.ContactPoints) == 0 {
		c.ContactPoints = c.DriverContactPoints
	}
	if len(c.SSLCipherSuites) == 0 {
		c.SSLCipherSuites = c.DriverSSLCipherSuites
	}
	if c.ConnectionPoolLocalSize == 0 {
		c.ConnectionPoolLocalSize = c.DriverPoolLocalSize
	}
	if c.SSLProvider == "" && c.DriverSSLClass != "" {
		c.SSLProvider = tlsByDriver
	}
	if d, err := driverDuration(c.DriverTimeout); err == nil && c.QueryExecutionTimeout == 0 && d > 0 {
		// Whole seconds are what there is a setting for.
		c.QueryExecutionTimeout = int((d + time.Second - 1) / time.Second)
	}
	if d, err := driverDuration(c.DriverSpeculativeDelay); err == nil && c.QuerySpeculativeMS == 0 && class(c.DriverSpeculativeClass) == "ConstantSpeculativeExecutionPolicy" {
		c.QuerySpeculativeMS = int(d.Milliseconds())
	}
}

// driverRules are what the driver's settings may not say.
func (c Config) driverRules() []rule {
	_, badTimeout := driverDuration(c.DriverTimeout)
	_, badDelay := driverDuration(c.DriverSpeculativeDelay)
	no := func(name string, known ...string) bool {
		for _, k := range known {
			if class(name) == k {
				return false
			}
		}
		return name != ""
	}
	const duration = "as in 30 seconds, or 500ms"
	advanced := driverPrefix + "advanced."
	return []rule{
		{badTimeout != nil, driverPrefix + "basic.request.timeout", "it is no duration", duration},
		{badDelay != nil, advanced + "speculative-execution-policy.delay", "it is no duration", duration},
		{no(c.DriverSpeculativeClass, "ConstantSpeculativeExecutionPolicy", "NoSpeculativeExecutionPolicy"), advanced + "speculative-execution-policy.class",
			"there is no such policy here", "use ConstantSpeculativeExecutionPolicy, or query.speculativeMs"},
		{no(c.DriverAuthClass, "PlainTextAuthProvider"), advanced + "auth-provider.class", "there is no such class here", "use a role with a password: auth.username, auth.password"},
		{no(c.DriverSSLClass, "DefaultSslEngineFactory"), advanced + "ssl-engine-factory.class", "there is no such class here", "use ssl.truststore.path or ssl.trustCertsFilePath"},
	}
}

// class is a Java class name without its package.
func class(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

var errDuration = errors.New("no duration")

// durationUnits are those of the driver's configuration files (HOCON).
var durationUnits = map[string]time.Duration{
	"": time.Millisecond, "ns": time.Nanosecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	"nano": time.Nanosecond, "micro": time.Microsecond, "milli": time.Millisecond, "nanosecond": time.Nanosecond, "microsecond": time.Microsecond, "millisecond": time.Millisecond,
	"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
}

// driverDuration reads a duration as the driver's configuration has it: 30 seconds, 500ms,
// 500, which are ms. The empty text is 0.
func driverDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	end := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(text)
	}
	n, err := strconv.ParseFloat(text[:end], 64)
	name := strings.TrimSpace(text[end:])
	unit, known := durationUnits[name]
	if !known {
		unit, known = durationUnits[strings.TrimSuffix(name, "s")]
	}
	if err != nil || !known || n*float64(unit) > math.MaxInt64/2 {
		return 0, errDuration
	}
	return time.Duration(n * float64(unit)), nil
}

// WithDefaults is the configuration with every setting that is not set at its default.
func (c Config) WithDefaults() Config {
	c.fromDriver()
	settings.Defaults(&c)
	if c.InFlightEvents == 0 {
		c.InFlightEvents = eventsPerBatch * c.BatchSize
	}
	if c.HTTPAddress == "" {
		c.HTTPAddress = ownHTTPAddress
		if c.hosted {
			c.HTTPAddress = "off"
		}
	}
	return c
}
