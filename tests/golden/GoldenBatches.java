// Record batches written by Apache Kafka: one for every codec and kind. A line is: name, bytes in hexadecimal, and what
// the batch says of itself and its records, in the form that golden_test.cc prints. See Golden.java.

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.record.internal.CompressionType;

final class GoldenBatches {
    static void write() {
        System.out.println("# Written by tests/golden/Golden.java with Apache Kafka 4.4.0; see there.");
        for (CompressionType type : CompressionType.values()) {
            Compression compression = Compression.of(type).build();
            line(type.name + "-records", MemoryRecords.withRecords(17L, compression, 5, records()));
            line(type.name + "-large", MemoryRecords.withRecords(0L, compression, 5, large()));
        }
        line("idempotent", MemoryRecords.withIdempotentRecords(RecordBatch.CURRENT_MAGIC_VALUE, 100L, Compression.NONE,
            4000L, (short) 3, 77, 9, records()));
        line("transactional", MemoryRecords.withTransactionalRecords(RecordBatch.CURRENT_MAGIC_VALUE, 100L,
            Compression.lz4().build(), 4000L, (short) 3, Integer.MAX_VALUE, 9, records()));
        MemoryRecordsBuilder appendTime = MemoryRecords.builder(ByteBuffer.allocate(1024), RecordBatch.CURRENT_MAGIC_VALUE,
            Compression.NONE, TimestampType.LOG_APPEND_TIME, 5L, 1700000000000L);
        for (SimpleRecord record : records()) appendTime.append(record);
        line("log-append-time", appendTime.build());
        line("control", MemoryRecords.withEndTransactionMarker(42L, 1600000000000L, 9, 4000L, (short) 3,
            new EndTransactionMarker(ControlRecordType.COMMIT, 8)));
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static SimpleRecord[] records() {
        return new SimpleRecord[] {
            new SimpleRecord(1500000000000L, bytes("key"), bytes("value")),
            new SimpleRecord(1500000000500L, null, bytes("")),
            new SimpleRecord(1499999999000L, bytes(""), null),
            new SimpleRecord(1500000123456L, bytes("with"), bytes("headers"), new Header[] {
                new RecordHeader("first", bytes("1")), new RecordHeader("second", null),
                new RecordHeader("", bytes(""))}),
        };
    }

    static SimpleRecord[] large() {
        byte[] value = new byte[90_000];
        for (int i = 0; i < value.length; i++) value[i] = (byte) ('a' + (i / 7) % 20);
        SimpleRecord[] records = new SimpleRecord[3];
        Arrays.setAll(records, i -> new SimpleRecord(1500000000000L + i, bytes("key" + i), value));
        return records;
    }

    static void line(String name, MemoryRecords records) {
        // Uncompressed megabytes teach nothing.
        if (name.equals("none-large")) return;
        ByteBuffer buffer = records.buffer();
        byte[] all = new byte[buffer.remaining()];
        buffer.get(all);
        MutableRecordBatch batch = records.batches().iterator().next();
        StringBuilder text = new StringBuilder();
        text.append("base=").append(batch.baseOffset()).append(" last=").append(batch.lastOffset());
        text.append(" epoch=").append(batch.partitionLeaderEpoch());
        text.append(" codec=").append(batch.compressionType().name);
        text.append(" producer=").append(batch.producerId()).append('/').append(batch.producerEpoch());
        text.append('/').append(batch.baseSequence()).append('-').append(batch.lastSequence());
        text.append(" max=").append(batch.maxTimestamp());
        if (batch.isTransactional()) text.append(" transactional");
        if (batch.isControlBatch()) text.append(" control");
        for (Record record : batch) {
            text.append(" | ").append(record.offset()).append(' ').append(record.timestamp()).append(' ');
            text.append(show(record.key())).append('=').append(show(record.value()));
            for (Header header : record.headers()) {
                ByteBuffer value = header.value() == null ? null : ByteBuffer.wrap(header.value());
                text.append(" [").append(header.key()).append(':').append(show(value)).append(']');
            }
        }
        System.out.println(name + " " + HexFormat.of().formatHex(all) + " " + text);
    }

    static String show(ByteBuffer value) {
        if (value == null) return "null";
        byte[] bytes = new byte[value.remaining()];
        value.duplicate().get(bytes);
        if (bytes.length > 100) return bytes.length + "#" + Integer.toUnsignedString(Arrays.hashCode(bytes));
        return "'" + HexFormat.of().formatHex(bytes) + "'";
    }
}
