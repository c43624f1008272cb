// Exactly once with Apache Kafka's own client (transactions version 2 when the broker offers it): moves every record of
// one topic to another, offsets in the same transaction, aborting some of them; goes on through restarts of the broker,
// and where a mover of the same name left off when it was killed.
//
// usage: Transactions fill BOOTSTRAP SOURCE TARGET RECORDS
//        Transactions move BOOTSTRAP SOURCE TARGET NAME     one mover of several
//        Transactions check BOOTSTRAP SOURCE TARGET RECORDS
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.FeatureMetadata;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

public class Transactions {
    static String bootstrap;

    static Properties settings(String... pairs) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        settings.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        for (int i = 0; i < pairs.length; i += 2) settings.put(pairs[i], pairs[i + 1]);
        return settings;
    }

    static KafkaConsumer<String, String> consumer(String group, String... more) {
        Properties all = settings("group.id", group, "auto.offset.reset", "earliest", "enable.auto.commit",
            "false", "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor", "isolation.level", "read_committed", "max.poll.records", "50", "session.timeout.ms", "10000");
        all.putAll(settings(more));
        return new KafkaConsumer<>(all);
    }

    static KafkaProducer<String, String> producer(String id) {
        KafkaProducer<String, String> made =
            new KafkaProducer<>(settings("transactional.id", id, "transaction.timeout.ms", "30000", "linger.ms", "1"));
        made.initTransactions();
        return made;
    }

    static Map<TopicPartition, OffsetAndMetadata> positions(ConsumerRecords<String, String> records) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (TopicPartition partition : records.partitions()) {
            List<ConsumerRecord<String, String>> part = records.records(partition);
            offsets.put(partition, new OffsetAndMetadata(part.get(part.size() - 1).offset() + 1));
        }
        return offsets;
    }

    /** Moves until the group has nothing left to read; a failure starts producer and consumer anew, as an application would. */
    static void move(String source, String target, String name, long until) throws Exception {
        int turn = 0;
        int restarts = 0;
        while (true) {
            try (KafkaConsumer<String, String> consumer = consumer(source + "-movers", "group.instance.id", name);
                 KafkaProducer<String, String> producer = producer(target + "-" + name)) {
                consumer.subscribe(List.of(source));
                System.out.println("moving");
                while (true) {
                    if (System.currentTimeMillis() > until) throw new IllegalStateException("not done in time");
                    ConsumerRecords<String, String> batch = consumer.poll(Duration.ofMillis(500));
                    if (batch.isEmpty()) {
                        if (done(consumer)) {
                            System.out.println("moved in " + turn + " transactions, " + restarts + " restarts");
                            return;
                        }
                        continue;
                    }
                    producer.beginTransaction();
                    for (ConsumerRecord<String, String> record : batch) {
                        producer.send(new ProducerRecord<>(target, record.key(), record.value() + "!"));
                    }
                    producer.sendOffsetsToTransaction(positions(batch), consumer.groupMetadata());
                    if (++turn % 7 == 0) {
                        producer.flush();
                        producer.abortTransaction();
                        rewind(consumer);
                    } else {
                        producer.commitTransaction();
                    }
                }
            } catch (KafkaException error) {
                System.out.println("starts anew after " + error);
                restarts++;
                Thread.sleep(200);
            }
        }
    }

    static boolean done(KafkaConsumer<String, String> consumer) {
        Set<TopicPartition> all = new HashSet<>(consumer.assignment());
        if (all.isEmpty()) return false;
        Map<TopicPartition, Long> ends = consumer.endOffsets(all);
        Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(all);
        for (TopicPartition partition : all) {
            OffsetAndMetadata at = committed.get(partition);
            if (ends.get(partition) > 0 && (at == null || at.offset() < ends.get(partition))) return false;
        }
        return true;
    }

    static void rewind(KafkaConsumer<String, String> consumer) {
        Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
        for (TopicPartition partition : consumer.assignment()) {
            OffsetAndMetadata at = committed.get(partition);
            consumer.seek(partition, at == null ? 0 : at.offset());
        }
    }

    static List<String> readAll(String topic) {
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer(topic + "-check")) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int i = 0; i < 3; i++) partitions.add(new TopicPartition(topic, i));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long until = System.currentTimeMillis() + 60_000;
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                if (System.currentTimeMillis() > until) throw new IllegalStateException("the end was not reached");
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) values.add(record.value());
            }
        }
        return values;
    }

    static void fill(String source, String target, int records) throws Exception {
        try (Admin admin = Admin.create(settings())) {
            FeatureMetadata features = admin.describeFeatures().featureMetadata().get();
            System.out.println("features " + features.finalizedFeatures());
            admin.createTopics(List.of(new NewTopic(source, 3, (short) 1), new NewTopic(target, 3, (short) 1))).all().get();
        }
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings("acks", "all"))) {
            for (int i = 0; i < records; i++) producer.send(new ProducerRecord<>(source, "k" + i, "" + i));
            producer.flush();
        }
    }

    static void check(String target, int records) throws Exception {
        List<String> values = readAll(target);
        Set<String> distinct = new HashSet<>(values);
        if (values.size() != records || distinct.size() != records) {
            throw new IllegalStateException(values.size() + " records, " + distinct.size() + " distinct, of " + records);
        }
        try (Admin admin = Admin.create(settings())) {
            System.out.println(admin.listTransactions().all().get());
            System.out.println(admin.describeProducers(List.of(new TopicPartition(target, 0))).all().get());
        }
        System.out.println("exactly " + records);
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[1];
        switch (args[0]) {
            case "fill": fill(args[2], args[3], Integer.parseInt(args[4])); break;
            case "move": move(args[2], args[3], args[4], System.currentTimeMillis() + 600_000); break;
            case "check": check(args[3], Integer.parseInt(args[4])); break;
            default: throw new IllegalArgumentException(args[0]);
        }
    }
}
