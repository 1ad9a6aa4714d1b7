// What the program writes: schemas, rows and user metrics. Package connector/relay draws the format.

package io.github.cassandracdc;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ObjDoubleConsumer;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.schema.GenericRecord;
import org.apache.pulsar.common.schema.KeyValue;
import org.apache.pulsar.common.schema.KeyValueEncodingType;
import org.apache.pulsar.common.schema.SchemaInfo;
import org.apache.pulsar.common.schema.SchemaType;
import org.apache.pulsar.functions.api.Record;

/** Reads frames. Keys and values are encoded already, so the schemas here only describe. */
final class Frames {
    private final DataInputStream in;
    private final String partition;
    private final Acknowledgements acknowledgements;
    private final ObjDoubleConsumer<String> metrics;
    private final List<Form> schemas = new ArrayList<>();
    private String reason;

    Frames(DataInputStream in, String partition, Acknowledgements acknowledgements, ObjDoubleConsumer<String> metrics) {
        this.in = in;
        this.partition = partition;
        this.acknowledgements = acknowledgements;
        this.metrics = metrics;
    }

    /** Why the program is about to end, once next() has returned null. */
    String reason() {
        return reason;
    }

    /** The next row, or null when the program has told why it ends. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    Record<GenericRecord> next() throws IOException {
        while (true) {
            int type = in.readUnsignedByte();
            switch (type) {
                case 'S':
                    readSchema();
                    break;
                case 'R':
                    return (Record) readRow();
                case 'M':
                    metrics.accept(text(), in.readDouble());
                    break;
                case 'F':
                    reason = text();
                    return null;
                default:
                    throw new IOException("a frame of type " + type);
            }
        }
    }

    private void readSchema() throws IOException {
        int number = in.readInt();
        if (number != schemas.size()) {
            throw new IOException("schema " + number + " behind " + schemas.size() + " others");
        }
        String topic = text();
        boolean plain = in.readUnsignedByte() == 1;
        schemas.add(new Form(topic.isEmpty() ? Optional.empty() : Optional.of(topic), plain ? described()
                : Schema.KeyValue(described(), described(), KeyValueEncodingType.SEPARATED)));
    }

    private Described described() throws IOException {
        SchemaType type = SchemaType.valueOf(text());
        String name = text();
        return new Described(SchemaInfo.builder().type(type).name(name).schema(bytes())
                .properties(Collections.emptyMap()).build());
    }

    private Row readRow() throws IOException {
        Form form = schemas.get(in.readInt());
        long number = in.readLong();
        byte[] key = bytes();
        byte[] value = bytes();
        Map<String, String> properties = new HashMap<>();
        for (int left = in.readInt(); left > 0; left--) {
            properties.put(text(), text());
        }
        return new Row(form, number, key, value, properties);
    }

    private String text() throws IOException {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    private byte[] bytes() throws IOException {
        int length = in.readInt();
        if (length < 0) {
            return null;
        }
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new java.io.EOFException();
        }
        return bytes;
    }

    /** What rows have in common: their topic, where it is not the destination of the source, and their schema. */
    private static final class Form {
        private final Optional<String> topic;
        private final Schema<?> schema;

        Form(Optional<String> topic, Schema<?> schema) {
            this.topic = topic;
            this.schema = schema;
        }
    }

    /** A schema of bytes that are encoded already. */
    private static final class Described implements Schema<byte[]> {
        private final SchemaInfo info;

        Described(SchemaInfo info) {
            this.info = info;
        }

        @Override
        public byte[] encode(byte[] encoded) {
            return encoded;
        }

        @Override
        public byte[] decode(byte[] encoded) {
            return encoded;
        }

        @Override
        public SchemaInfo getSchemaInfo() {
            return info;
        }

        @Override
        public Schema<byte[]> clone() {
            return this; // it has no state
        }
    }

    /** A row on its way to Pulsar's sink, which takes the value by its schema and not by its Java type. */
    private final class Row implements Record<Object> {
        private final Form form;
        private final long number;
        private final byte[] key;
        private final byte[] value;
        private final Map<String, String> properties;

        Row(Form form, long number, byte[] key, byte[] value, Map<String, String> properties) {
            this.form = form;
            this.number = number;
            this.key = key;
            this.value = value;
            this.properties = properties;
        }

        private boolean keyValue() {
            return form.schema.getSchemaInfo().getType() == SchemaType.KEY_VALUE;
        }

        @Override
        public Optional<String> getKey() {
            return keyValue() ? Optional.empty() : Optional.of(new String(key, StandardCharsets.UTF_8));
        }

        @Override
        public Object getValue() {
            return keyValue() ? new KeyValue<>(key, value) : value;
        }

        @Override
        @SuppressWarnings("unchecked")
        public Schema<Object> getSchema() {
            return (Schema<Object>) form.schema;
        }

        @Override
        public Map<String, String> getProperties() {
            return properties;
        }

        @Override
        public Optional<String> getDestinationTopic() {
            return form.topic;
        }

        @Override
        public Optional<String> getPartitionId() {
            return Optional.of(partition);
        }

        @Override
        public Optional<Long> getRecordSequence() {
            return Optional.of(number);
        }

        @Override
        public void ack() {
            acknowledgements.persisted(number);
        }

        @Override
        public void fail() {
            acknowledgements.refused(number);
        }
    }
}
