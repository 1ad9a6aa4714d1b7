// The program cassandra-source as a child process: its life, its log, its settings.

package io.github.cassandracdc;

import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.schema.GenericRecord;
import org.apache.pulsar.functions.api.Record;
import org.apache.pulsar.io.core.SourceContext;
import org.slf4j.Logger;

/**
 * Starts the program and stops it. It ends with this process whatever happens, since its standard input ends then. When
 * it ends by itself the instance fails with the program's reason, and Pulsar starts the instance again.
 */
final class Program {
    private static final int STOP_SECONDS = 8; // Pulsar kills an instance that takes longer than 10 s to stop

    private final SourceContext context;
    private final Logger log;
    private final Process process;
    private final Acknowledgements acknowledgements;
    private volatile boolean closing;
    private volatile String lastLine = "";
    private volatile String reason;

    Program(Map<String, Object> config, SourceContext context, BlockingQueue<Record<GenericRecord>> records)
            throws IOException {
        this.context = context;
        this.log = context.getLogger();
        process = new ProcessBuilder(executable().toString(), "hosted").start();
        DataOutputStream in = new DataOutputStream(new BufferedOutputStream(process.getOutputStream()));
        byte[] settings = Json.write(settings(config, context)).getBytes(StandardCharsets.UTF_8);
        in.writeInt(settings.length);
        in.write(settings);
        in.flush();
        acknowledgements = new Acknowledgements(in);
        start("cassandra-source-log", this::copyLog);
        start("cassandra-source-acks", acknowledgements::run);
        Thread rows = start("cassandra-source-rows", () -> readRows(records));
        process.onExit().thenAccept(ended -> {
            // The events of these rows come again, to whoever has their keys then: that one's rows are newer.
            records.clear();
            if (!closing) {
                await(rows); // the reason comes behind the last row
                fail("cassandra-source ended with status " + ended.exitValue() + ": " + (reason != null ? reason : lastLine));
            }
        });
    }

    private static Thread start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void await(Thread thread) {
        try {
            thread.join(1000); // longer only while nobody takes the rows
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void fail(String why) {
        log.error(why);
        context.fatal(new IllegalStateException(why));
    }

    private void readRows(BlockingQueue<Record<GenericRecord>> records) {
        DataInputStream out = new DataInputStream(new BufferedInputStream(process.getInputStream(), 1 << 16));
        // Unlike a name of the source's alone, this one is new with each start. Under EFFECTIVELY_ONCE Pulsar names the
        // producer so, and the numbers of records begin at 0 with each start.
        String partition = String.join("/", context.getTenant(), context.getNamespace(), context.getSourceName())
                + "-" + context.getInstanceId() + "-" + Long.toString(System.currentTimeMillis(), 36);
        Frames frames = new Frames(out, partition, acknowledgements, context::recordMetric);
        try {
            while (true) {
                Record<GenericRecord> record = frames.next();
                if (record == null) {
                    reason = frames.reason();
                } else if (process.isAlive()) {
                    records.put(record);
                }
            }
        } catch (EOFException | InterruptedException ended) {
            // That the program has ended is told by onExit.
        } catch (IOException | RuntimeException e) {
            if (!closing) {
                fail("cassandra-source writes what the launcher does not understand: " + e);
                process.destroy();
            }
        }
    }

    /** The program's log lines begin with their level. */
    private void copyLog() {
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                lastLine = line;
                String text = line.startsWith("level=") ? line.substring(line.indexOf(' ') + 1) : line;
                if (line.startsWith("level=ERROR")) {
                    log.error(text);
                } else if (line.startsWith("level=WARN")) {
                    log.warn(text);
                } else {
                    log.info(text);
                }
            }
        } catch (IOException ended) {
            // The program's end, told by onExit.
        }
    }

    /** Asks the program to leave and waits until it has. */
    void close() throws IOException, InterruptedException {
        closing = true;
        acknowledgements.close(); // the end of its standard input asks the program to leave
        if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
    }

    /** The program for this machine, which lies beside this class in the archive. */
    private static Path executable() throws IOException {
        String machine = System.getProperty("os.arch");
        String name = "cassandra-source-linux-" + (machine.equals("aarch64") ? "arm64" : machine.equals("x86_64") ? "amd64" : machine);
        URL found = Program.class.getClassLoader().getResource("native/" + name);
        if (found == null) {
            throw new IOException("the archive holds no " + name + ": this machine's processor (" + machine + ") is not supported");
        }
        Path path = Paths.get(found.getPath());
        if (!Files.isExecutable(path) && !path.toFile().setExecutable(true)) { // Pulsar unpacks without the x bit
            throw new IOException(path + " cannot be made executable: set narExtractionDirectory of the worker to a directory of its own");
        }
        return path;
    }

    private static Map<String, Object> settings(Map<String, Object> config, SourceContext context) {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("tenant", context.getTenant());
        s.put("namespace", context.getNamespace());
        s.put("name", context.getSourceName());
        s.put("instance", context.getInstanceId());
        s.put("outputTopic", context.getOutputTopic());
        s.put("config", config);
        s.put("pulsar", pulsar(context));
        return s;
    }

    /**
     * How this worker reaches the cluster. The API of sources does not tell; the client that it gives knows. Where it
     * tells nothing either, the source's own configuration has to (pulsarServiceUrl and its like).
     */
    private static Map<String, Object> pulsar(SourceContext context) {
        Map<String, Object> found = new LinkedHashMap<>();
        try {
            Object client = context.getPulsarClient();
            Object conf = client.getClass().getMethod("getConfiguration").invoke(client);
            for (String name : new String[] {"getServiceUrl", "getAuthPluginClassName", "getAuthParams",
                "getTlsTrustCertsFilePath", "isTlsAllowInsecureConnection", "isTlsHostnameVerificationEnable"}) {
                Object value = conf.getClass().getMethod(name).invoke(conf);
                if (value != null) {
                    String bare = name.substring(name.startsWith("get") ? 3 : 2);
                    found.put(Character.toLowerCase(bare.charAt(0)) + bare.substring(1), value);
                }
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            context.getLogger().warn("Pulsar's client does not tell how it reaches the cluster: {}", e.toString());
        }
        return found;
    }
}
