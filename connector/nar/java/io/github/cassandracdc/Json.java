// The settings as JSON. Pulsar gives connectors no library for it.

package io.github.cassandracdc;

import java.util.Map;

/** Writes maps, lists, numbers, booleans, text and null. */
final class Json {
    private Json() {}

    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        append(out, value);
        return out.toString();
    }

    private static void append(StringBuilder out, Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else if (value instanceof Map) {
            char before = '{';
            out.append(((Map<?, ?>) value).isEmpty() ? "{" : "");
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                out.append(before);
                appendText(out, String.valueOf(entry.getKey()));
                append(out.append(':'), entry.getValue());
                before = ',';
            }
            out.append('}');
        } else if (value instanceof Iterable) {
            out.append('[');
            String before = "";
            for (Object element : (Iterable<?>) value) {
                append(out.append(before), element);
                before = ",";
            }
            out.append(']');
        } else {
            appendText(out, value.toString());
        }
    }

    private static void appendText(StringBuilder out, String text) {
        out.append('"');
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
