// Word count with Kafka Streams and exactly_once_v2, through a kill of the broker (`load`). Arguments: SCENARIO HOST:PORT SECONDS.

import java.nio.file.Files;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

public class Streams {
  static final List<String> WORDS = List.of("log", "offset", "epoch", "segment", "group", "batch", "topic");

  public static void main(String[] args) throws Exception {
    if (!List.of("transactions", "load").contains(args[0])) {
      System.out.println("Kafka Streams is put through `transactions` and `load` only: a word count with exactly_once_v2");
      System.exit(3);
    }
    int code = 1;
    try {
      System.out.println(count(args[1], args[0], args[0].equals("load") ? Double.parseDouble(args[2]) : 2));
      code = 0;
    } catch (Throwable failure) {
      failure.printStackTrace();
      System.out.println(failure.toString().lines().findFirst().get());
    }
    System.exit(code);
  }

  static KafkaStreams start(String address, String name) throws Exception {
    StreamsBuilder builder = new StreamsBuilder();
    builder.<String, String>stream(name + "-lines")
        .flatMapValues(line -> List.of(line.split(" ")))
        .groupBy((key, word) -> word)
        .count(Materialized.as("counts"))
        .toStream()
        .to(name + "-counts", Produced.with(Serdes.String(), Serdes.Long()));
    Properties settings = new Properties();
    settings.putAll(Map.of("application.id", name + "-words", "bootstrap.servers", address, "processing.guarantee", "exactly_once_v2",
                           "default.key.serde", Serdes.String().getClass(), "default.value.serde", Serdes.String().getClass(),
                           "state.dir", Files.createTempDirectory("chronik-streams").toString(), "commit.interval.ms", "100",
                           "num.stream.threads", "2", "replication.factor", "1"));
    settings.put("heartbeat.interval.ms", "500");
    KafkaStreams made = new KafkaStreams(builder.build(), settings);
    made.setUncaughtExceptionHandler(failure -> {
      failure.printStackTrace();
      return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.REPLACE_THREAD;
    });
    made.start();
    return made;
  }

  static String count(String address, String name, double seconds) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) address))) {
      admin.createTopics(List.of(new NewTopic(name + "-lines", 4, (short) 1), new NewTopic(name + "-counts", 2, (short) 1))).all().get(20, TimeUnit.SECONDS);
    }
    Map<String, Long> wanted = new HashMap<>();
    long lines = 0;
    KafkaStreams streams = start(address, name);
    try (var producer = new KafkaProducer<>(Map.<String, Object>of("bootstrap.servers", address, "linger.ms", "5"), new StringSerializer(), new StringSerializer())) {
      Random random = new Random(7);
      System.out.println("go");
      long end = System.nanoTime() + (long) (seconds * 1e9);
      for (; System.nanoTime() < end; lines++) {
        List<String> line = new ArrayList<>();
        for (int i = 0; i < 5; i++) line.add(WORDS.get(random.nextInt(WORDS.size())));
        for (String word : line) wanted.merge(word, 1L, Long::sum);
        producer.send(new ProducerRecord<>(name + "-lines", "" + lines, String.join(" ", line)), (metadata, error) -> {
          if (error != null) throw new IllegalStateException(error);
        });
        Thread.sleep(1);
      }
    }
    String said = await(address, name, wanted);
    expect(streams.close(Duration.ofSeconds(20)), "Streams does not close");
    return lines + " lines, " + said;
  }

  // Each word's count goes up by itself, never skips backwards, and ends at what was written: exactly once.
  static String await(String address, String name, Map<String, Long> wanted) throws Exception {
    Map<String, Long> last = new HashMap<>();
    long updates = 0, end = System.nanoTime() + 60_000_000_000L;
    Map<String, Object> settings = Map.of("bootstrap.servers", address, "isolation.level", "read_committed", "auto.offset.reset", "earliest");
    try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
      List<TopicPartition> partitions = List.of(new TopicPartition(name + "-counts", 0), new TopicPartition(name + "-counts", 1));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (!last.equals(wanted)) {
        expect(System.nanoTime() < end, "counted " + last + ", wanted " + wanted);
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          expect(record.value() > last.getOrDefault(record.key(), 0L), record.key() + " went from " + last.get(record.key()) + " to " + record.value());
          last.put(record.key(), record.value());
          updates++;
        }
      }
    }
    return updates + " updates, every count exact";
  }

  static void expect(boolean condition, String why) {
    if (!condition) throw new AssertionError(why);
  }
}
