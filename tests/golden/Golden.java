// Golden vectors for src/wire from Apache Kafka's own implementation: every message at every version, and record batches.
//
// Regenerate (from this directory; the output is the same every time for one version of Kafka):
//   mvn -q dependency:copy-dependencies -DoutputDirectory=target/lib
//   javac -cp 'target/lib/*' -d target Golden.java GoldenBatches.java
//   java -cp 'target:target/lib/*' Golden messages > ../../src/wire/testdata/golden.txt
//   java -cp 'target:target/lib/*' Golden batches > ../../src/wire/testdata/golden_batches.txt
//
// A message line is: name, version, bytes in hexadecimal, and the decoded fields in the form of wire's Printer. Values are
// random but fixed. They go through Kafka's generated classes (read, write), and the text comes from Kafka's schemas.

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.ConsumerProtocolAssignment;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;

public class Golden {
    static final int[] KEYS = {0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 32, 33,
        35, 37, 42, 44, 47, 60, 61, 65, 66, 68, 69, 75};
    // Versions that Kafka marks unstable.
    static final Map<Integer, Integer> MAX = Map.of(22, 5);
    static final Map<String, Integer> KINDS = Map.of("OffsetCommit", 1, "GroupMetadata", 2, "ConsumerGroupMetadata", 3,
        "ConsumerGroupPartitionMetadata", 4, "ConsumerGroupMemberMetadata", 5,
        "ConsumerGroupTargetAssignmentMetadata", 6, "ConsumerGroupTargetAssignmentMember", 7,
        "ConsumerGroupCurrentMemberAssignment", 8, "ConsumerGroupRegularExpression", 16, "TransactionLog", 0);

    public static void main(String[] args) throws Exception {
        if (args[0].equals("messages")) {
            messages();
        } else if (args[0].equals("batches")) {
            GoldenBatches.write();
        }
    }

    static void messages() throws Exception {
        System.out.println("# Written by tests/golden/Golden.java with Apache Kafka 4.4.0; see there.");
        for (int key : KEYS) {
            ApiMessageType type = ApiMessageType.fromApiKey((short) key);
            int max = MAX.getOrDefault(key, (int) type.highestSupportedVersion(true));
            for (int version = type.lowestSupportedVersion(); version <= max; version++) {
                line(type.name + "Request", version, type.requestSchemas()[version], type.newRequest());
                line(type.name + "Response", version, type.responseSchemas()[version], type.newResponse());
            }
        }
        records(new ConsumerProtocolSubscription());
        records(new ConsumerProtocolAssignment());
        for (String name : List.of("OffsetCommitKey", "OffsetCommitValue", "GroupMetadataKey", "GroupMetadataValue",
            "ConsumerGroupMetadataKey", "ConsumerGroupMetadataValue",
            "ConsumerGroupPartitionMetadataKey", "ConsumerGroupPartitionMetadataValue",
            "ConsumerGroupMemberMetadataKey", "ConsumerGroupMemberMetadataValue",
            "ConsumerGroupTargetAssignmentMetadataKey", "ConsumerGroupTargetAssignmentMetadataValue",
            "ConsumerGroupTargetAssignmentMemberKey", "ConsumerGroupTargetAssignmentMemberValue",
            "ConsumerGroupCurrentMemberAssignmentKey", "ConsumerGroupCurrentMemberAssignmentValue",
            "ConsumerGroupRegularExpressionKey", "ConsumerGroupRegularExpressionValue")) {
            Class<?> type = Class.forName("org.apache.kafka.coordinator.group.generated." + name);
            records((Message) type.getConstructor().newInstance());
        }
        for (String name : List.of("TransactionLogKey", "TransactionLogValue")) {
            Class<?> type = Class.forName("org.apache.kafka.coordinator.transaction.generated." + name);
            records((Message) type.getConstructor().newInstance());
        }
    }

    static void records(Message message) throws Exception {
        Schema[] schemas = (Schema[]) message.getClass().getField("SCHEMAS").get(null);
        String name = message.getClass().getSimpleName();
        for (int version = message.lowestSupportedVersion(); version <= message.highestSupportedVersion(); version++) {
            // A key's version on the wire is its kind, which is where our description has it.
            int shown = name.endsWith("Key") ? KINDS.get(name.substring(0, name.length() - 3)) : version;
            line(name, version, shown, schemas[version], message);
        }
    }

    static void line(String name, int version, Schema schema, Message message) {
        line(name, version, version, schema, message);
    }

    static void line(String name, int version, int shownVersion, Schema schema, Message message) {
        Random random = new Random(name.hashCode() * 31L + version);
        Struct filled = (Struct) fill(schema, "", random);
        ByteBuffer raw = ByteBuffer.allocate(schema.sizeOf(filled));
        schema.write(raw, filled);
        raw.flip();
        message.read(new ByteBufferAccessor(raw), (short) version);
        ByteBuffer bytes = MessageUtil.toByteBufferAccessor(message, (short) version).buffer();
        String hex = HexFormat.of().formatHex(bytes.array(), bytes.arrayOffset(), bytes.arrayOffset() + bytes.limit());
        StringBuilder text = new StringBuilder(name);
        print(schema, "", schema.read(bytes.duplicate()), text);
        System.out.println(name + " " + shownVersion + " " + (hex.isEmpty() ? "-" : hex) + " " + text);
    }

    // ---- random values by type ----

    static Object fill(Type type, String field, Random random) {
        if (type.isNullable() && !(type instanceof Type.DocumentedType d && d.typeName().contains("RECORDS"))
            && random.nextInt(4) == 0) {
            return null;
        }
        if (type instanceof Schema schema) {
            Struct struct = new Struct(schema);
            for (BoundField bound : schema.fields()) {
                struct.set(bound, fill(bound.def.type, bound.def.name, random));
            }
            return struct;
        }
        if (type instanceof TaggedFields tagged) {
            NavigableMap<Integer, Object> values = new TreeMap<>();
            for (Map.Entry<Integer, Field> entry : tagged.fields().entrySet()) {
                if (random.nextBoolean()) values.put(entry.getKey(), fillNonNull(entry.getValue(), random));
            }
            return values;
        }
        if (type.isArray()) {
            Object[] elements = new Object[random.nextInt(8) == 0 ? 0 : 1 + random.nextInt(2)];
            for (int i = 0; i < elements.length; i++) elements[i] = fill(type.arrayElementType().get(), field, random);
            return elements;
        }
        return scalar(type, field, random);
    }

    static Object fillNonNull(Field field, Random random) {
        Object value = null;
        while (value == null) value = fill(field.type, field.name, random);
        return value;
    }

    static Object scalar(Type type, String field, Random random) {
        String name = ((Type.DocumentedType) type).typeName();
        switch (name) {
            case "BOOLEAN": return random.nextBoolean();
            case "INT8": return (byte) random.nextInt();
            case "INT16":
                if (field.endsWith("error_code")) return (short) (random.nextInt(138) - 1);
                if (field.equals("api_key")) return new short[] {0, 1, 18, 75, 999}[random.nextInt(5)];
                return (short) random.nextInt();
            case "INT32": return random.nextInt();
            case "INT64": return random.nextLong();
            case "UUID": return new Uuid(random.nextLong(), random.nextLong());
            default:
        }
        if (name.contains("STRING")) return text(random);
        ByteBuffer bytes = ByteBuffer.wrap(text(random).getBytes(StandardCharsets.UTF_8));
        if (name.contains("RECORDS")) return MemoryRecords.readableRecords(bytes);
        if (name.contains("BYTES")) return bytes;
        throw new IllegalArgumentException(name);
    }

    static String text(Random random) {
        StringBuilder text = new StringBuilder();
        int length = random.nextInt(40) == 0 ? 130 : random.nextInt(7);
        for (int i = 0; i < length; i++) text.append((char) ('a' + random.nextInt(26)));
        return text.toString();
    }

    // ---- text as wire's Printer writes it ----

    static void print(Type type, String field, Object value, StringBuilder out) {
        if (value == null) {
            out.append("null");
        } else if (type instanceof Schema schema) {
            out.append('{');
            String separator = "";
            for (BoundField bound : schema.fields()) {
                Object member = ((Struct) value).get(bound);
                if (bound.def.type instanceof TaggedFields tagged) {
                    for (Map.Entry<?, ?> entry : ((Map<?, ?>) member).entrySet()) {
                        Field known = tagged.fields().get(entry.getKey());
                        out.append(separator).append(known.name).append('=');
                        print(known.type, known.name, entry.getValue(), out);
                        separator = ", ";
                    }
                    continue;
                }
                out.append(separator).append(bound.def.name).append('=');
                print(bound.def.type, bound.def.name, member, out);
                separator = ", ";
            }
            out.append('}');
        } else if (type.isArray()) {
            out.append('[');
            String separator = "";
            for (Object element : (Object[]) value) {
                out.append(separator);
                print(type.arrayElementType().get(), field, element, out);
                separator = ", ";
            }
            out.append(']');
        } else if (value instanceof String string) {
            out.append('"').append(string).append('"');
        } else if (value instanceof ByteBuffer bytes) {
            out.append('<').append(bytes.remaining()).append(" bytes>");
        } else if (value instanceof BaseRecords records) {
            out.append('<').append(records.sizeInBytes()).append(" bytes>");
        } else if (field.endsWith("error_code")) {
            Errors error = Errors.forCode((Short) value);
            out.append(error.code() == (Short) value ? error.name() : "UNKNOWN").append('(').append(value).append(')');
        } else if (field.equals("api_key")) {
            short key = (Short) value;
            out.append(ApiKeys.hasId(key) ? ApiKeys.forId(key).messageType.name : "unknown");
            out.append('(').append(value).append(')');
        } else {
            out.append(value);
        }
    }
}
