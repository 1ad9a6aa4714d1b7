// This file says what the package is for.

// Package pulsar is the project's way to Apache Pulsar, and the only package
// that imports pulsar-client-go.
//
// In go messages with a key in bytes, a value in bytes or none at all, and the
// schema they were encoded with; out come receipts, and on the other side
// deliveries in the same terms. On the wire a message is what Java's client
// writes for a KEY_VALUE schema with the encoding SEPARATED: the key as Base64
// with the flag partition_key_b64_encoded, the value as payload, null_value for
// a delete, schema_version always set.
//
// The package never encodes a key or a value, never retries a message or a
// producer on its own account (the client library reconnects), never logs what
// it returns, and never shows a credential in a log line or an error.
package pulsar
