// The demo's script: what is written, and what must arrive for it.

package demo

var ddl = []string{
	"CREATE KEYSPACE IF NOT EXISTS demo WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
	"CREATE TYPE IF NOT EXISTS demo.address (street text, city text)",
	`CREATE TABLE IF NOT EXISTS demo.customer (
    region text, id int,
    name text, email text, joined timestamp, tags set<text>, home frozen<address>, visits bigint,
    motto text static,
    PRIMARY KEY (region, id)
) WITH cdc = true`,
}

// step is a statement and the data message it must become.
type step struct {
	about string
	cql   string
	key   string // JSON
	value string // JSON without the fields that are null; "null" for a delete

	newField string // a field that the schema registry must know afterwards
}

var steps = []step{
	{
		about: "INSERT: a new row",
		cql:   "INSERT INTO demo.customer (region, id, name, joined) VALUES ('eu', 1, 'Ada', '2026-01-02 03:04:05.678Z')",
		key:   `{"region":"eu","id":1}`,
		value: `{"joined":1767323045678,"name":"Ada"}`,
	}, {
		about: "UPDATE: the whole row arrives, not only what changed",
		cql:   "UPDATE demo.customer SET email = 'ada@example.org' WHERE region = 'eu' AND id = 1",
		key:   `{"region":"eu","id":1}`,
		value: `{"email":"ada@example.org","joined":1767323045678,"name":"Ada"}`,
	}, {
		about: "a collection",
		cql:   "UPDATE demo.customer SET tags = tags + {'vip', 'beta'} WHERE region = 'eu' AND id = 1",
		key:   `{"region":"eu","id":1}`,
		value: `{"email":"ada@example.org","joined":1767323045678,"name":"Ada","tags":["beta","vip"]}`,
	}, {
		about: "a user-defined type",
		cql:   "UPDATE demo.customer SET home = {street: 'Rue de la Paix 1', city: 'Paris'} WHERE region = 'eu' AND id = 1",
		key:   `{"region":"eu","id":1}`,
		value: `{"email":"ada@example.org","home":{"street":"Rue de la Paix 1","city":"Paris"},"joined":1767323045678,"name":"Ada","tags":["beta","vip"]}`,
	}, {
		about: "a static column: it belongs to the partition, so the clustering key is null",
		cql:   "UPDATE demo.customer SET motto = 'In varietate concordia' WHERE region = 'eu'",
		key:   `{"region":"eu","id":null}`,
		value: `{"motto":"In varietate concordia"}`,
	}, {
		about: "another row of the partition carries the static column too",
		cql:   "INSERT INTO demo.customer (region, id, name) VALUES ('eu', 2, 'Grace')",
		key:   `{"region":"eu","id":2}`,
		value: `{"name":"Grace","motto":"In varietate concordia"}`,
	}, {
		about: "DELETE of a column",
		cql:   "DELETE email FROM demo.customer WHERE region = 'eu' AND id = 1",
		key:   `{"region":"eu","id":1}`,
		value: `{"home":{"street":"Rue de la Paix 1","city":"Paris"},"joined":1767323045678,"name":"Ada","tags":["beta","vip"],"motto":"In varietate concordia"}`,
	}, {
		about: "ALTER TABLE: the new column is in the schema registry before the first row that has it",
		cql:   "ALTER TABLE demo.customer ADD phone text; UPDATE demo.customer SET phone = '+33 1 23 45 67 89' WHERE region = 'eu' AND id = 2",
		key:   `{"region":"eu","id":2}`,
		value: `{"name":"Grace","phone":"+33 1 23 45 67 89","motto":"In varietate concordia"}`,

		newField: "phone",
	}, {
		about: "DELETE: the value is null",
		cql:   "DELETE FROM demo.customer WHERE region = 'eu' AND id = 1",
		key:   `{"region":"eu","id":1}`,
		value: "null",
	},
}
