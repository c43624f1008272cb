// Reads records (separated by an empty line) from a file, produces them idempotently to three partitions, consumes them with a group of two that
// a third joins half-way, and writes what arrived, each record followed by an empty line. Arguments: bootstrap topic input output.

import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

public class RoundTrip {
  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], topic = args[1];
    String[] records = Files.readString(Path.of(args[2]), StandardCharsets.UTF_8).split("\n\n");
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) bootstrap))) {
      admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get(30, TimeUnit.SECONDS);
    }
    produce(bootstrap, topic, records);
    Queue<String> arrived = new ConcurrentLinkedQueue<>();
    long end = System.nanoTime() + Duration.ofSeconds(90).toNanos();
    ExecutorService members = Executors.newCachedThreadPool();
    List<Future<?>> running = new ArrayList<>();
    for (int i = 0; i < 2; i++) running.add(members.submit(() -> consume(bootstrap, topic, arrived, records.length, end)));
    while (arrived.size() < records.length / 2 && System.nanoTime() < end) Thread.sleep(5);
    running.add(members.submit(() -> consume(bootstrap, topic, arrived, records.length, end)));
    for (Future<?> member : running) member.get();
    members.shutdown();
    try (Writer out = Files.newBufferedWriter(Path.of(args[3]), StandardCharsets.UTF_8)) {
      for (String record : arrived) out.write(record + "\n\n");
    }
    System.out.println("produced " + records.length + " arrived " + arrived.size());
  }

  static void produce(String bootstrap, String topic, String[] records) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all", "compression.type", "zstd");
    try (Producer<byte[], String> producer = new KafkaProducer<>(config, new ByteArraySerializer(), new StringSerializer())) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (String record : records) sent.add(producer.send(new ProducerRecord<>(topic, record)));
      producer.flush();
      for (Future<RecordMetadata> one : sent) one.get();
    }
  }

  static Void consume(String bootstrap, String topic, Queue<String> arrived, int wanted, long end) {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "group.id", "java-" + topic, "auto.offset.reset", "earliest",
        "enable.auto.commit", "false", "partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
    try (Consumer<byte[], String> consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
        public void onPartitionsRevoked(Collection<org.apache.kafka.common.TopicPartition> gone) { commit(consumer); }
        public void onPartitionsAssigned(Collection<org.apache.kafka.common.TopicPartition> mine) {}
      });
      while (arrived.size() < wanted && System.nanoTime() < end) {
        for (ConsumerRecord<byte[], String> record : consumer.poll(Duration.ofMillis(200))) arrived.add(record.value());
        commit(consumer);
      }
    }
    return null;
  }

  /** While a rebalance completes nothing can be committed; the next time this is asked for commits it too. */
  static void commit(Consumer<byte[], String> consumer) {
    try {
      consumer.commitSync();
    } catch (org.apache.kafka.common.errors.RebalanceInProgressException later) {
      System.out.println("commits later: " + later.getMessage());
    }
  }
}
