// All known bad states. docs/conditions.md is made from them.

package health

import "slices"

// What keeps a program from its work.
var (
	NodeUnreachable = &Condition{
		Code: "node-unreachable", Severity: Error, Blocks: true,
		Title:  "Cassandra does not answer",
		Remedy: "Check that the node runs, that its native transport is enabled, and the contact point. It is tried again until it answers; nothing has to be restarted.",
	}
	NodeCredentialsRefused = &Condition{
		Code: "node-credentials-refused", Severity: Error, Blocks: true,
		Title:  "Cassandra refuses the user name or the password",
		Remedy: "Correct the credentials in the settings and restart, or correct the role in Cassandra: it is tried again. A node that was started a moment ago may refuse valid ones for some seconds.",
	}
	BrokerUnreachable = &Condition{
		Code: "broker-unreachable", Severity: Error, Blocks: true,
		Title:  "Pulsar does not answer",
		Remedy: "Check that the broker runs, that service URL and TLS settings are right, and the network between. Events wait where they are, and all goes on in order when it is back; nothing has to be restarted.",
	}
	BrokerCredentialsRefused = &Condition{
		Code: "broker-credentials-refused", Severity: Error, Blocks: true,
		Title:  "Pulsar refuses the credentials",
		Remedy: "Check the authentication plugin and its parameters, and whether the token or certificate has expired. They are tried again, and a token in a file is read anew.",
	}
	TopicRefused = &Condition{
		Code: "topic-refused", Severity: Error, Blocks: true,
		Title:  "Pulsar does not let this topic be written",
		Remedy: "Grant the role the permission to produce on the namespace, create the topic where topics are not made on demand, or delete it where it was terminated. It is tried again.",
	}
	SchemaRefused = &Condition{
		Code: "schema-refused", Severity: Error, Blocks: true,
		Title:  "Pulsar's schema registry refuses the schema of a table",
		Remedy: "The detail names the rule. Allow schema updates on the namespace or relax its compatibility strategy (pulsar-admin namespaces set-is-allow-auto-update-schema, set-schema-compatibility-strategy). It is tried again, and nothing is lost meanwhile.",
	}
	SubscriptionRefused = &Condition{
		Code: "subscription-refused", Severity: Error, Blocks: true,
		Title:  "Pulsar does not let the events topic be read",
		Remedy: "Grant the role the permission to consume on the namespace, or create the topic where topics are not made on demand. A subscription of type Exclusive has room for one instance: use Key_Shared or Failover for several. It is tried again.",
	}
	TableNotPublished = &Condition{
		Code: "table-not-published", Severity: Error, Blocks: true,
		Title:  "The table is not there, or has no CDC",
		Remedy: "Correct keyspace and table in the settings (names are case-sensitive and given without quotes), create the table, or ALTER TABLE … WITH cdc = true. Events of a table that was dropped can no longer be published: read the subscription to its end, or remove the connector.",
	}
	PublishFailed = &Condition{
		Code: "publish-failed", Severity: Error, Blocks: true,
		Title:  "An event could not be published",
		Remedy: "The detail has the cause. Reading starts again at the last checkpoint, with a growing pause, until the event is taken.",
	}
	LogUnreadable = &Condition{
		Code: "log-unreadable", Severity: Error, Blocks: true,
		Title:  "The commit log cannot be read",
		Remedy: "The detail has the cause: a directory or a permission that is missing, a segment of an unknown format, or one whose key is missing. It is tried again from the last checkpoint.",
	}
	CheckpointNotWritten = &Condition{
		Code: "checkpoint-not-written", Severity: Error, Blocks: true,
		Title:  "The checkpoint cannot be written",
		Remedy: "Check free space and permissions of the working directory. Segments are kept and events are published again after a restart, until it can be written.",
	}
	QuarantineNotWritten = &Condition{
		Code: "quarantine-not-written", Severity: Error, Blocks: true,
		Title:  "What cannot be published cannot be kept either",
		Remedy: "Check free space and permissions of the quarantine below the working directory. Reading does not go past the place before there is a copy of it.",
	}
)

// What a person should know although events come through.
var (
	ReadsFail = &Condition{
		Code: "reads-fail", Severity: Error,
		Title:  "Cassandra answers, but reads of rows fail",
		Remedy: "The detail has the cause: reads that time out, nodes that are overloaded, or fewer replicas than the consistency level asks for. Events wait and their rows are read again, with growing pauses. Bring the nodes back; lower query.executors, or add nodes, where the load of the reads is the cause.",
	}
	RowNotPublished = &Condition{
		Code: "row-not-published", Severity: Error,
		Title:  "A row cannot be published and is tried again",
		Remedy: "The detail has the cause; where Pulsar's sink refuses a row, the log of the instance has it. Events of the same row wait behind it, those of other rows go on until too many wait. It ends when the row is published, or when its events are dead letters.",
	}
	DeadLetters = &Condition{
		Code: "dead-letters", Severity: Error,
		Title:  "Events are dead letters instead of rows on the data topic",
		Remedy: "They can never be published as they are. cassandra-cdc deadletter list shows them with the reason; remove the cause, then replay them or delete them. The count is since the start, and the condition holds until the restart.",
	}
	RegistryUnreachable = &Condition{
		Code: "registry-unreachable", Severity: Warning,
		Title:  "Pulsar's web service does not tell how events were written",
		Remedy: "Check pulsarWebServiceUrl, the network and the permissions of the role. Meanwhile keys are read as the table has them now, and events whose keys cannot be read so wait. It is asked again.",
	}
	StaleRows = &Condition{
		Code: "stale-rows", Severity: Warning,
		Title:  "Many rows may be older on the data topic than their events",
		Remedy: "After all pauses the read did not show the write of the event, so the row was published as it is. That is usual where writes only set columns to null or to values that have expired since. Otherwise compare the clocks of the nodes and of the clients that write (NTP), and use a stronger consistency level.",
	}
	SharedSubscription = &Condition{
		Code: "shared-subscription", Severity: Warning,
		Title:  "A Shared subscription gives a row's events to any instance",
		Remedy: "Two instances can then publish a row in the wrong order, and read it twice. Set events.subscription.type to Key_Shared, or to Failover.",
	}
	CDCRawFilling = &Condition{
		Code: "cdc-raw-filling", Severity: Warning,
		Title:  "cdc_raw holds more than 50 % of what it may",
		Remedy: "Cassandra refuses writes to tables with CDC when it is full. See which condition keeps segments from being published; raise cdc_total_space in cassandra.yaml if this is the usual load.",
	}
	CDCRawNearlyFull = &Condition{
		Code: "cdc-raw-nearly-full", Severity: Error,
		Title:  "cdc_raw holds more than 80 % of what it may",
		Remedy: "Cassandra will soon refuse writes to tables with CDC. Remove what keeps segments from being published, or raise cdc_total_space in cassandra.yaml and restart the node.",
	}
	CDCRawFull = &Condition{
		Code: "cdc-raw-full", Severity: Error,
		Title:  "cdc_raw holds more than 95 % of what it may",
		Remedy: "Cassandra refuses writes to tables with CDC, or deletes segments before they are published where cdc_block_writes is false. Raise cdc_total_space in cassandra.yaml and restart the node, or get events published. Deleting files by hand loses changes.",
	}
	SegmentLost = &Condition{
		Code: "segment-lost", Severity: Error,
		Title:  "A commit log segment vanished before all of it was published",
		Remedy: "Changes are missing in the events. Cassandra deletes the oldest segments itself where cdc_block_writes is false and cdc_raw is full; set it to true or raise cdc_total_space. Publish the tables anew from the time of the loss. It holds until the restart.",
	}
	Quarantined = &Condition{
		Code: "quarantined", Severity: Error,
		Title:  "Changes lie in quarantine instead of being published",
		Remedy: "Each .reason file in the quarantine says why its .entry could not be published. Replay or remove the files; the condition ends when the directory holds none.",
	}
	StatusNotServed = &Condition{
		Code: "status-not-served", Severity: Warning,
		Title:  "Metrics, health and status are not served",
		Remedy: "The detail names the address. Something else listens there, perhaps another agent or instance on this machine: set httpAddress to another one. It is tried again, and everything else goes on.",
	}
	NoTableWithCDC = &Condition{
		Code: "no-table-with-cdc", Severity: Warning,
		Title:  "No table has CDC",
		Remedy: "Nothing will be published. ALTER TABLE … WITH cdc = true, for each table whose changes are wanted; it is seen without a restart.",
	}
)

// Agent lists the conditions of the agent.
func Agent() []*Condition {
	return []*Condition{
		NodeUnreachable, NodeCredentialsRefused, BrokerUnreachable, BrokerCredentialsRefused, TopicRefused, SchemaRefused,
		PublishFailed, LogUnreadable, CheckpointNotWritten, QuarantineNotWritten,
		CDCRawFilling, CDCRawNearlyFull, CDCRawFull, SegmentLost, Quarantined, StatusNotServed, NoTableWithCDC,
	}
}

// Connector lists the conditions of the connector.
func Connector() []*Condition {
	return []*Condition{
		NodeUnreachable, NodeCredentialsRefused, BrokerUnreachable, BrokerCredentialsRefused, TopicRefused, SchemaRefused,
		SubscriptionRefused, TableNotPublished, ReadsFail, RowNotPublished, DeadLetters, RegistryUnreachable, StaleRows, SharedSubscription, StatusNotServed,
	}
}

// All lists every condition once, in the order of the documentation.
func All() []*Condition {
	all := Agent()
	for _, c := range Connector() {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}
