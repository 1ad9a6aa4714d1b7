// This file builds the command lines of Cassandra's daemon and of nodetool.

package env

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

// daemonArgs are the JVM's arguments for the node. They make it small and
// quick to start: a 256 MB heap, one collector thread, the first compiler only,
// and none of the waits that matter in a real ring.
func (c *Cassandra) daemonArgs(jars []string) []string {
	stack := "512k"
	if c.spec.line == Cassandra50 {
		stack = "1m"
	}
	args := []string{
		"-Xms256m", "-Xmx256m", "-Xss" + stack,
		"-XX:TieredStopAtLevel=1", "-XX:MaxDirectMemorySize=256m", "-XX:+PerfDisableSharedMem",
	}
	if !choosesCollector(c.opts.JVMArgs) {
		args = append(args, "-XX:+UseSerialGC")
	}
	args = append(args,
		"-Djava.net.preferIPv4Stack=true",
		"-Djna.nosys=true",
		"-Djava.io.tmpdir="+filepath.Join(c.dir, "tmp"),
		"-Dcassandra.config=file://"+c.YAML(),
		"-Dlogback.configurationFile=file://"+filepath.Join(c.dir, "conf", "logback.xml"),
		"-Dcassandra.storagedir="+c.dir,
		"-Dcassandra.logdir="+filepath.Join(c.dir, "logs"),
		fmt.Sprintf("-Dcassandra.jmx.local.port=%d", c.ports.JMX),
		"-Dcassandra-foreground=yes",
		"-Dcassandra.ring_delay_ms=100",
		"-Dcassandra.superuser_setup_delay_ms=0",
		"-Dcassandra.skip_wait_for_gossip_to_settle=0",
	)
	if len(c.opts.Seeds) > 0 {
		args = append(args, "-Dcassandra.consistent.rangemovement=false")
	}
	for _, jar := range jars {
		if strings.HasPrefix(filepath.Base(jar), "jamm-") {
			args = append(args, "-javaagent:"+jar)
		}
	}
	args = append(args, c.spec.moduleArgs()...)
	args = append(args, c.opts.JVMArgs...)
	return append(args,
		"-cp", filepath.Join(c.dir, "conf")+":"+strings.Join(jars, ":"),
		"org.apache.cassandra.service.CassandraDaemon")
}

func choosesCollector(args []string) bool {
	for _, a := range args {
		if strings.HasPrefix(a, "-XX:+Use") && strings.HasSuffix(a, "GC") {
			return true
		}
	}
	return false
}

// moduleArgs open the JDK's modules as far as the release needs it; the lists
// are those of the releases' own jvm11-server.options and jvm17-server.options.
func (r cassandraRelease) moduleArgs() []string {
	if r.java == java8 {
		return nil
	}
	args := []string{"-Djdk.attach.allowAttachSelf=true"}
	exports := []string{
		"java.base/jdk.internal.misc", "java.base/jdk.internal.ref", "java.base/sun.nio.ch",
		"java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry",
		"java.rmi/sun.rmi.server", "java.sql/java.sql",
	}
	opens := []string{
		"java.base/java.lang.module", "java.base/jdk.internal.loader", "java.base/jdk.internal.ref",
		"java.base/jdk.internal.reflect", "java.base/jdk.internal.math", "java.base/jdk.internal.module",
		"java.base/jdk.internal.util.jar", "jdk.management/com.sun.management.internal",
	}
	if r.java == java17 {
		args = append(args, "-Djava.security.manager=allow")
		exports = append(exports, "java.base/java.lang.ref", "java.base/java.lang.reflect", "jdk.unsupported/sun.misc")
		opens = append(opens,
			"java.base/sun.nio.ch", "java.base/java.io", "java.base/java.nio", "java.base/java.lang",
			"java.base/java.lang.reflect", "java.base/java.util", "java.base/java.util.concurrent",
			"java.base/java.util.concurrent.atomic", "java.base/java.net", "java.base/jdk.internal.misc",
			"java.rmi/sun.rmi.transport.tcp")
	}
	for _, p := range exports {
		args = append(args, "--add-exports="+p+"=ALL-UNNAMED")
	}
	for _, p := range opens {
		args = append(args, "--add-opens="+p+"=ALL-UNNAMED")
	}
	return args
}

// Nodetool runs nodetool against the node and returns what it prints.
func (c *Cassandra) Nodetool(ctx context.Context, args ...string) ([]byte, error) {
	jars, err := jarsIn(c.lib)
	if err != nil {
		return nil, fmt.Errorf("nodetool %s: %w", strings.Join(args, " "), err)
	}
	home, spec := c.java, c.spec
	if spec.java == java11 {
		// The Java 11 run-time image of the Python index has no
		// jdk.naming.rmi, without which a JMX client cannot connect.
		if home, err = c.env.javaHome(ctx, java17Pulsar, "nodetool"); err != nil {
			return nil, err
		}
	}
	all := []string{
		"-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+PerfDisableSharedMem",
		"-Djava.net.preferIPv4Stack=true", "-Dcom.sun.jndi.rmiURLParsing=legacy",
		"-Dcassandra.config=file://" + c.YAML(),
		"-Dcassandra.storagedir=" + c.dir,
		"-Dlogback.configurationFile=file://" + filepath.Join(c.dir, "conf", "logback-tools.xml"),
	}
	all = append(all, spec.moduleArgs()...)
	all = append(all, "-cp", filepath.Join(c.dir, "conf")+":"+strings.Join(jars, ":"),
		"org.apache.cassandra.tools.NodeTool", "-h", "127.0.0.1", "-p", fmt.Sprint(c.ports.JMX))
	cmd := exec.Command(javaProgram(home), append(all, args...)...)
	cmd.Dir = c.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := run(ctx, cmd); err != nil {
		return out.Bytes(), fmt.Errorf("nodetool %s: %w: %s", strings.Join(args, " "), err,
			strings.TrimSpace(errs.String()+out.String()))
	}
	return out.Bytes(), nil
}

// jarsIn lists a folder's jars in the order of their names.
func jarsIn(lib string) ([]string, error) {
	jars, err := filepath.Glob(filepath.Join(lib, "*.jar"))
	if err != nil {
		return nil, err
	}
	if len(jars) == 0 {
		return nil, fmt.Errorf("no jars in %s; remove that folder and try again", lib)
	}
	sort.Strings(jars)
	return jars, nil
}

// The server's log goes to its standard output, and so to LogFile.
const logbackServer = `<configuration scan="false">
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDOUT"/></root>
</configuration>
`

// What tools print is their result; warnings go beside it.
const logbackTools = `<configuration scan="false">
  <appender name="STDERR" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%-5level %date{ISO8601} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="STDERR"/></root>
</configuration>
`
