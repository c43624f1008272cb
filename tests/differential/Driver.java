// Sends requests that are written as JSON to one server, with the classes that Apache Kafka itself uses, and prints the
// answers as JSON. One command per line of standard input, one line of standard output for each:
//
//   {"do": "send", "connection": "a", "api": "Metadata", "version": 12, "body": {...}}    {"sent": CORRELATION}
//   {"do": "receive", "connection": "a", "within_ms": 5000}   {"body": {...}} | {"closed": true} | {"late": true}
//   {"do": "close", "connection": "a"}
//   {"do": "names"}      every API's key and name
//
// Fields that a version does not have are left out, and those it has and the body does not name take Kafka's defaults,
// so that one body serves several versions. A field `records` is {"batches": [...]}, see batches(), or {"hex": "..."}.
// {"error": "..."}: the command could not be carried out.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.Map;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.record.BaseRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.DefaultRecordBatch;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.ByteBufferOutputStream;
import org.apache.kafka.common.utils.Crc32C;

public class Driver {
    static final ObjectMapper JSON = new ObjectMapper();

    record Asked(ApiMessageType api, short version, int correlation) {}

    static class Connection {
        final Socket socket = new Socket();
        final DataInputStream in;
        final ArrayDeque<Asked> asked = new ArrayDeque<>();

        Connection(InetSocketAddress address) throws IOException {
            socket.connect(address, 10_000);
            socket.setTcpNoDelay(true);
            in = new DataInputStream(socket.getInputStream());
        }
    }

    final InetSocketAddress server;
    final Map<String, Connection> connections = new HashMap<>();
    int correlation = 0;

    Driver(String address) {
        int colon = address.lastIndexOf(':');
        server = new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err);
        Driver driver = new Driver(args[0]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer;
            try {
                answer = driver.command((ObjectNode) JSON.readTree(line));
            } catch (Throwable failure) {
                Throwable cause = failure instanceof InvocationTargetException ? failure.getCause() : failure;
                answer = JSON.createObjectNode().put("error", cause.toString());
                if (System.getenv("DRIVER_TRACE") != null) cause.printStackTrace();
            }
            out.println(JSON.writeValueAsString(answer));
            out.flush();
        }
    }

    ObjectNode command(ObjectNode command) throws Exception {
        String name = command.path("connection").asText("main");
        switch (command.get("do").asText()) {
            case "send": return send(name, command);
            case "names":
                ObjectNode names = JSON.createObjectNode();
                for (ApiMessageType type : ApiMessageType.values()) names.put(Short.toString(type.apiKey()), type.name);
                return names;
            case "receive": return receive(name, command.get("within_ms").asInt());
            case "close":
                Connection connection = connections.remove(name);
                if (connection != null) connection.socket.close();
                return JSON.createObjectNode();
            default: throw new IllegalArgumentException(command.toString());
        }
    }

    // ---- requests ----

    static ApiMessageType api(String name) {
        for (ApiMessageType type : ApiMessageType.values()) if (type.name.equals(name)) return type;
        throw new IllegalArgumentException("no API " + name);
    }

    ObjectNode send(String name, ObjectNode command) throws Exception {
        ApiMessageType api = api(command.get("api").asText());
        short version = (short) command.get("version").asInt();
        // A version that Kafka does not know is sent in the form of the newest, and answered in that of the oldest.
        short form = (short) Math.min(version, api.highestSupportedVersion(true));
        ApiMessage body = api.newRequest();
        ObjectNode filled = fill((ObjectNode) command.get("body"), body.getClass(), converter(body.getClass()), form);
        body = (ApiMessage) converter(body.getClass()).getMethod("read", JsonNode.class, short.class).invoke(null, filled, form);
        RequestHeaderData header = new RequestHeaderData().setRequestApiKey(api.apiKey()).setRequestApiVersion(version)
            .setCorrelationId(++correlation).setClientId(command.path("client_id").asText("differential"));
        short headerVersion = api.requestHeaderVersion(form);
        ByteBuffer first = MessageUtil.toByteBufferAccessor(header, headerVersion).buffer();
        ByteBuffer second = MessageUtil.toByteBufferAccessor(body, form).buffer();
        ByteBuffer frame = ByteBuffer.allocate(4 + first.remaining() + second.remaining());
        frame.putInt(first.remaining() + second.remaining()).put(first).put(second);
        Connection connection = connections.get(name);
        if (connection == null) {
            connection = new Connection(server);
            connections.put(name, connection);
        }
        connection.asked.add(new Asked(api, version, correlation));
        connection.socket.getOutputStream().write(frame.array());
        return JSON.createObjectNode().put("sent", correlation);
    }

    static Class<?> converter(Class<?> message) throws ClassNotFoundException {
        String name = message.getName();
        int nested = name.indexOf('$');
        if (nested < 0) return Class.forName(name + "JsonConverter");
        return Class.forName(name.substring(0, nested) + "JsonConverter$" + name.substring(nested + 1) + "JsonConverter");
    }

    static String flat(String name) {
        return name.replace("_", "").toLowerCase();
    }

    /** The names of the fields that this message or structure has at this version, flattened. */
    static Map<String, Boolean> names(Class<?> message, short version) throws Exception {
        Schema schema = ((Schema[]) message.getField("SCHEMAS").get(null))[version];
        Map<String, Boolean> names = new HashMap<>();
        for (BoundField field : schema.fields()) {
            if (field.def.type instanceof TaggedFields tagged) {
                tagged.fields().values().forEach(known -> names.put(flat(known.name), true));
            } else {
                names.put(flat(field.def.name), true);
            }
        }
        return names;
    }

    static ObjectNode fill(ObjectNode given, Class<?> message, Class<?> converter, short version) throws Exception {
        Object standard = message.getConstructor().newInstance();
        ObjectNode filled = (ObjectNode) converter.getMethod("write", message, short.class).invoke(null, standard, version);
        Map<String, Boolean> names = names(message, version);
        for (Iterator<Map.Entry<String, JsonNode>> fields = given.fields(); fields.hasNext();) {
            Map.Entry<String, JsonNode> entry = fields.next();
            Field field;
            try {
                field = message.getDeclaredField(entry.getKey());
            } catch (NoSuchFieldException e) {
                throw new IllegalArgumentException(message.getSimpleName() + " has no field " + entry.getKey());
            }
            if (names.containsKey(flat(entry.getKey()))) filled.set(entry.getKey(), value(entry.getValue(), field, version));
        }
        // What is written of records by default is their size, which cannot be read.
        if (filled.has("recordsSizeInBytes")) filled.putNull("records");
        return filled;
    }

    static JsonNode value(JsonNode value, Field field, short version) throws Exception {
        if (BaseRecords.class.isAssignableFrom(field.getType())) return value.isNull() ? value : new BinaryNode(batches(value));
        Class<?> type = field.getType();
        if (value.isObject()) return fill((ObjectNode) value, type, converter(type), version);
        if (!value.isArray()) return value;
        Type generic = type.getSimpleName().endsWith("Collection") ? type.getGenericSuperclass() : field.getGenericType();
        Class<?> element = (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0];
        if (!element.getName().startsWith("org.apache.kafka.common.message.")) return value;
        ArrayNode filled = JSON.createArrayNode();
        for (JsonNode member : value) filled.add(fill((ObjectNode) member, element, converter(element), version));
        return filled;
    }

    /**
     * {"batches": [{"magic", "codec", "producerId", "producerEpoch", "baseSequence", "transactional", "control",
     *   "baseOffset", "leaderEpoch", "logAppendTime", "records": [{"key", "value", "timestamp", "headers": {..}}],
     *   "set": {"crc" | "attributes" | "lastOffsetDelta" | "count" | "maxTimestamp": number}, "cut": bytes}]}
     * With `set`, the header is changed behind the builder's back; the checksum is right again unless it was set.
     */
    static byte[] batches(JsonNode records) throws IOException {
        if (records.has("hex")) return HexFormat.of().parseHex(records.get("hex").asText());
        ByteBufferOutputStream out = new ByteBufferOutputStream(1024);
        for (JsonNode batch : records.get("batches")) out.write(batch(batch));
        byte[] all = new byte[out.position()];
        out.buffer().flip().get(all);
        return all;
    }

    static ByteBuffer batch(JsonNode batch) {
        if (batch.path("control").asBoolean()) {
            return MemoryRecords.withEndTransactionMarker(0, System.currentTimeMillis(), 0, batch.path("producerId").asLong(),
                (short) batch.path("producerEpoch").asInt(), new EndTransactionMarker(ControlRecordType.COMMIT, 0)).buffer();
        }
        byte magic = (byte) batch.path("magic").asInt(2);
        ByteBufferOutputStream out = new ByteBufferOutputStream(1024);
        int epoch = batch.path("producerEpoch").asInt(-1);
        int sequence = batch.path("baseSequence").asInt(-1);
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(out, magic,
            Compression.of(CompressionType.forName(batch.path("codec").asText("none"))).build(),
            batch.path("logAppendTime").asBoolean() ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME,
            batch.path("baseOffset").asLong(), 0L, batch.path("producerId").asLong(-1), (short) Math.max(0, epoch),
            Math.max(0, sequence), batch.path("transactional").asBoolean(), false,
            batch.path("leaderEpoch").asInt(-1), 1 << 30);
        for (JsonNode record : batch.get("records")) {
            ArrayDeque<Header> headers = new ArrayDeque<>();
            record.path("headers").fields().forEachRemaining(h -> headers.add(new RecordHeader(h.getKey(), bytes(h.getValue()))));
            builder.append(new SimpleRecord(record.path("timestamp").asLong(System.currentTimeMillis()), bytes(record.path("key")),
                bytes(record.path("value")), headers.toArray(new Header[0])));
        }
        ByteBuffer buffer = builder.build().buffer();
        JsonNode set = batch.path("set");
        if (set.has("attributes")) buffer.putShort(21, (short) set.get("attributes").asInt());
        if (set.has("lastOffsetDelta")) buffer.putInt(23, set.get("lastOffsetDelta").asInt());
        if (set.has("maxTimestamp")) buffer.putLong(35, set.get("maxTimestamp").asLong());
        if (set.has("count")) buffer.putInt(57, set.get("count").asInt());
        if (magic == 2) buffer.putShort(51, (short) epoch).putInt(53, sequence);
        if (magic == 2) buffer.putInt(17, (int) Crc32C.compute(buffer, 21, buffer.limit() - 21));
        if (set.has("crc")) buffer.putInt(17, set.get("crc").asInt());
        if (batch.has("cut")) buffer.limit(buffer.limit() - batch.get("cut").asInt());
        return buffer;
    }

    /** Text, null, or {"size": n} for so many bytes that do not compress. */
    static byte[] bytes(JsonNode text) {
        if (text.isNull() || text.isMissingNode()) return null;
        if (!text.isObject()) return text.asText().getBytes(StandardCharsets.UTF_8);
        byte[] many = new byte[text.get("size").asInt()];
        new java.util.Random(1).nextBytes(many);
        return many;
    }

    // ---- answers ----

    ObjectNode receive(String name, int withinMs) throws Exception {
        Connection connection = connections.get(name);
        Asked asked = connection.asked.peek();
        ByteBuffer frame;
        try {
            connection.socket.setSoTimeout(withinMs);
            byte[] bytes = new byte[connection.in.readInt()];
            connection.in.readFully(bytes);
            frame = ByteBuffer.wrap(bytes);
        } catch (SocketTimeoutException late) {
            return JSON.createObjectNode().put("late", true);
        } catch (EOFException | SocketException end) {
            connection.socket.close();
            connections.remove(name);
            return JSON.createObjectNode().put("closed", true);
        }
        connection.asked.remove();
        boolean unknown = asked.version > asked.api.highestSupportedVersion(true);
        short version = unknown ? 0 : asked.version;
        ResponseHeaderData header = new ResponseHeaderData();
        header.read(new ByteBufferAccessor(frame), asked.api.responseHeaderVersion(version));
        if (header.correlationId() != asked.correlation) throw new IllegalStateException("answer to " + header.correlationId());
        ApiMessage body = asked.api.newResponse();
        body.read(new ByteBufferAccessor(frame), version);
        JsonNode json = (JsonNode) converter(body.getClass()).getMethod("write", body.getClass(), short.class, boolean.class)
            .invoke(null, body, version, false);
        if (body instanceof FetchResponseData fetch) addRecords(fetch, json);
        nameErrors(json);
        ObjectNode answer = JSON.createObjectNode();
        answer.set("body", json);
        if (frame.hasRemaining()) answer.put("left_over_bytes", frame.remaining());
        return answer;
    }

    /** Error codes become their names. */
    static void nameErrors(JsonNode node) {
        if (node instanceof ObjectNode object) {
            for (String field : new String[] {"errorCode", "partitionErrorCode"}) {
                JsonNode code = object.get(field);
                if (code != null) object.put(field, Errors.forCode((short) code.asInt()).name());
            }
        }
        node.forEach(Driver::nameErrors);
    }

    static void addRecords(FetchResponseData fetch, JsonNode json) {
        int t = 0;
        for (FetchResponseData.FetchableTopicResponse topic : fetch.responses()) {
            JsonNode partitions = json.get("responses").get(t++).get("partitions");
            int p = 0;
            for (FetchResponseData.PartitionData partition : topic.partitions()) {
                ObjectNode node = (ObjectNode) partitions.get(p++);
                node.remove("recordsSizeInBytes");
                if (partition.records() == null) node.putNull("records");
                else node.set("records", describe((MemoryRecords) partition.records()));
            }
        }
    }

    static ArrayNode describe(MemoryRecords records) {
        ArrayNode batches = JSON.createArrayNode();
        for (MutableRecordBatch batch : records.batches()) {
            ObjectNode shown = batches.addObject().put("baseOffset", batch.baseOffset()).put("lastOffset", batch.lastOffset())
                .put("magic", batch.magic()).put("codec", batch.compressionType().name).put("valid", batch.isValid())
                .put("timestampType", batch.timestampType().name).put("maxTimestamp", batch.maxTimestamp())
                .put("producerId", batch.producerId()).put("producerEpoch", batch.producerEpoch())
                .put("baseSequence", batch.baseSequence()).put("transactional", batch.isTransactional())
                .put("control", batch.isControlBatch()).put("leaderEpoch", batch.partitionLeaderEpoch());
            ArrayNode list = shown.putArray("records");
            for (Record record : batch) {
                ObjectNode node = list.addObject().put("offset", record.offset()).put("timestamp", record.timestamp());
                if (batch.isControlBatch()) {
                    node.put("marker", ControlRecordType.parse(record.key()).name());
                    continue;
                }
                node.put("key", text(record.key())).put("value", text(record.value()));
                for (Header header : record.headers()) {
                    node.withObject("/headers").put(header.key(), text(header.value() == null ? null : ByteBuffer.wrap(header.value())));
                }
            }
        }
        return batches;
    }

    static String text(ByteBuffer bytes) {
        if (bytes == null) return null;
        if (bytes.remaining() > 100) return bytes.remaining() + " bytes";
        return StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
    }
}
