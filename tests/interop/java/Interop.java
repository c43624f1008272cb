// The scenarios with Kafka's own Java client. Arguments: SCENARIO HOST:PORT SECONDS; see tests/interop/scenarios.py.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Interop {
  static String address;
  static Admin admin;

  public static void main(String[] args) {
    address = args[1];
    int code = 1;
    try (Admin made = Admin.create(Map.of("bootstrap.servers", (Object) address))) {
      admin = made;
      String said = switch (args[0]) {
        case "codecs" -> codecs();
        case "large" -> large();
        case "headers" -> headers();
        case "nulls" -> nulls();
        case "idempotent" -> idempotent();
        case "transactions" -> transactions();
        case "positions" -> positions();
        case "group" -> group();
        case "static" -> staticMembers();
        case "cooperative" -> cooperative();
        case "protocol848" -> protocol848();
        case "metadata" -> metadata();
        case "admin" -> admin();
        case "errors" -> errors();
        case "load" -> load(Double.parseDouble(args[2]));
        default -> throw new IllegalArgumentException(args[0]);
      };
      System.out.println(said);
      code = 0;
    } catch (Throwable failure) {
      failure.printStackTrace();
      System.out.println(failure.toString().lines().findFirst().get());
    }
    System.exit(code);  // whatever threads of a failed scenario still run
  }

  static void expect(boolean condition, String why) {
    if (!condition) throw new AssertionError(why);
  }

  static void equal(Object got, Object wanted, String what) {
    expect(Objects.equals(got, wanted), what + ": got " + got + ", wanted " + wanted);
  }

  static void until(BooleanSupplier event, String what) throws Exception {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!event.getAsBoolean()) {
      expect(System.nanoTime() < end, what + " not within 30 s");
      Thread.sleep(10);
    }
  }

  static <T> T get(KafkaFuture<T> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  static void create(String topic, int partitions) throws Exception {
    get(admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all());
  }

  static Map<String, Object> config(Object... pairs) {
    Map<String, Object> made = new HashMap<>(Map.of("bootstrap.servers", address));
    for (int i = 0; i < pairs.length; i += 2) made.put((String) pairs[i], pairs[i + 1]);
    return made;
  }

  static KafkaProducer<byte[], byte[]> producer(Object... pairs) {
    return new KafkaProducer<>(config(pairs), new ByteArraySerializer(), new ByteArraySerializer());
  }

  static KafkaConsumer<byte[], byte[]> consumer(Object... pairs) {
    Map<String, Object> settings = config(pairs);
    settings.putIfAbsent("enable.auto.commit", "false");
    settings.putIfAbsent("auto.offset.reset", "earliest");
    return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String text(byte[] value) {
    return value == null ? null : new String(value, StandardCharsets.UTF_8);
  }

  static void send(KafkaProducer<byte[], byte[]> producer, String topic, int partition, List<String> values) throws Exception {
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (String value : values) sent.add(producer.send(new ProducerRecord<>(topic, partition, null, bytes(value))));
    producer.flush();
    for (Future<RecordMetadata> one : sent) one.get(20, TimeUnit.SECONDS);
  }

  static void produce(String topic, int partition, List<String> values, Object... settings) throws Exception {
    try (var producer = producer(settings)) {
      send(producer, topic, partition, values);
    }
  }

  static List<String> numbers(String prefix, int count) {
    List<String> made = new ArrayList<>();
    for (int i = 0; i < count; i++) made.add(prefix + i);
    return made;
  }

  // Everything in partition 0 up to its present end.
  static List<ConsumerRecord<byte[], byte[]>> read(String topic, Object... settings) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    TopicPartition partition = new TopicPartition(topic, 0);
    try (var consumer = consumer(settings)) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition), late = System.nanoTime() + 20_000_000_000L;
      while (consumer.position(partition) < end) {
        expect(System.nanoTime() < late, topic + ": position " + consumer.position(partition) + " of " + end);
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
    }
    return records;
  }

  static List<String> values(List<ConsumerRecord<byte[], byte[]>> records) {
    return records.stream().map(record -> text(record.value())).toList();
  }

  static String codecs() throws Exception {
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      String topic = "codecs-" + codec;
      create(topic, 1);
      List<String> sent = numbers(codec.repeat(20), 500);
      produce(topic, 0, sent, "compression.type", codec, "linger.ms", "20");
      equal(values(read(topic)), sent, codec);
    }
    return "none, gzip, snappy, lz4, zstd";
  }

  static String large() throws Exception {
    create("large", 1);
    byte[] value = new byte[900_000];
    new Random(1).nextBytes(value);
    try (var producer = producer("max.request.size", "3000000")) {
      producer.send(new ProducerRecord<>("large", value)).get(20, TimeUnit.SECONDS);
      expect(Arrays.equals(read("large").get(0).value(), value), "the large record came back changed");
      byte[] larger = new byte[1_500_000];
      new Random(2).nextBytes(larger);
      expectError(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>("large", larger)).get(20, TimeUnit.SECONDS));
    }
    return "900 KB passed, 1.5 MB: RecordTooLargeException";
  }

  static String headers() throws Exception {
    create("headers", 1);
    List<Header> sent = List.of(new RecordHeader("a", bytes("1")), new RecordHeader("b", bytes("")), new RecordHeader("a", bytes("2")),
                                new RecordHeader("c", (byte[]) null), new RecordHeader("d", new byte[] {0, -1}));
    try (var producer = producer()) {
      producer.send(new ProducerRecord<>("headers", 0, bytes("k"), bytes("v"), sent)).get(20, TimeUnit.SECONDS);
      producer.send(new ProducerRecord<>("headers", 0, bytes("k"), bytes("none"))).get(20, TimeUnit.SECONDS);
    }
    var records = read("headers");
    equal(List.of(records.get(0).headers().toArray()), sent, "headers");
    equal(records.get(1).headers().toArray().length, 0, "no headers");
    return "ok";
  }

  static String nulls() throws Exception {
    create("nulls", 1);
    String[][] sent = {{null, "no key"}, {"no value", null}, {null, null}, {"", ""}, {"key", "value"}};
    try (var producer = producer()) {
      for (String[] pair : sent) {
        producer.send(new ProducerRecord<>("nulls", 0, pair[0] == null ? null : bytes(pair[0]), pair[1] == null ? null : bytes(pair[1])));
      }
    }
    var records = read("nulls");
    equal(records.size(), sent.length, "records");
    for (int i = 0; i < sent.length; i++) {
      equal(text(records.get(i).key()), sent[i][0], "key " + i);
      equal(text(records.get(i).value()), sent[i][1], "value " + i);
    }
    return "ok";
  }

  static String idempotent() throws Exception {
    create("idempotent", 1);
    List<String> sent = numbers("", 5000);
    produce("idempotent", 0, sent, "enable.idempotence", "true", "acks", "all", "batch.size", "500");
    equal(values(read("idempotent")), sent, "records");
    return "ok";
  }

  static String transactions() throws Exception {
    create("transactions", 1);
    try (var producer = producer("transactional.id", "transactions")) {
      producer.initTransactions();
      for (String name : List.of("first ", "aborted ", "last ")) {
        producer.beginTransaction();
        send(producer, "transactions", 0, numbers(name, 10));
        if (name.startsWith("aborted")) producer.abortTransaction();
        else producer.commitTransaction();
      }
    }
    List<String> wanted = new ArrayList<>(numbers("first ", 10));
    wanted.addAll(numbers("last ", 10));
    equal(values(read("transactions", "isolation.level", "read_committed")), wanted, "read_committed");
    equal(read("transactions", "isolation.level", "read_uncommitted").size(), 30, "read_uncommitted");
    return "ok";
  }

  static String positions() throws Exception {
    create("positions", 1);
    long base = System.currentTimeMillis() - 100_000;
    try (var producer = producer()) {
      for (int i = 0; i < 100; i++) producer.send(new ProducerRecord<>("positions", 0, base + 1000L * i, null, bytes("" + i)));
    }
    equal(values(read("positions")), numbers("", 100), "from the beginning");
    TopicPartition partition = new TopicPartition("positions", 0);
    try (var consumer = consumer()) {
      consumer.assign(List.of(partition));
      consumer.seek(partition, 57);
      equal(text(consumer.poll(Duration.ofSeconds(10)).iterator().next().value()), "57", "from offset 57");
      OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, base + 41_500)).get(partition);
      equal(found.offset(), 42L, "offset of a timestamp");
      equal(found.timestamp(), base + 42_000, "timestamp of that record");
      equal(consumer.offsetsForTimes(Map.of(partition, base + 1_000_000)).get(partition), null, "after the last timestamp");
      consumer.seek(partition, found.offset());
      equal(text(consumer.poll(Duration.ofSeconds(10)).iterator().next().value()), "42", "from a timestamp");
      equal(consumer.beginningOffsets(List.of(partition)).get(partition), 0L, "beginning");
    }
    equal(get(admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).all()).get(partition).offset(), 99L, "largest timestamp");
    return "ok";
  }

  // A consumer on a thread of its own; keeps what it read, what is assigned, and every change of that.
  static class Member implements ConsumerRebalanceListener {
    final Set<Integer> assigned = ConcurrentHashMap.newKeySet();
    final List<String> got = new CopyOnWriteArrayList<>(), changes = new CopyOnWriteArrayList<>();
    final KafkaConsumer<byte[], byte[]> consumer;
    final AtomicBoolean stay = new AtomicBoolean(true);
    final Future<?> done;

    Member(ExecutorService threads, String group, Object... settings) {
      List<Object> all = new ArrayList<>(List.of("group.id", group));
      all.addAll(List.of(settings));
      if (!all.contains("group.protocol")) all.addAll(List.of("heartbeat.interval.ms", "200"));
      consumer = consumer(all.toArray());
      done = threads.submit(() -> {
        consumer.subscribe(List.of(group), this);
        while (stay.get()) {
          var records = consumer.poll(Duration.ofMillis(50));
          records.forEach(record -> got.add(text(record.value())));
          if (!records.isEmpty()) commit();
        }
        consumer.close(CloseOptions.timeout(Duration.ofSeconds(10)));
      });
    }

    void commit() {
      try {
        consumer.commitSync();
      } catch (CommitFailedException | RebalanceInProgressException again) {
        changes.add("commit: " + again.getMessage());
      }
    }

    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      changes.add("gain " + partitions);  // first: who waits for the partitions looks at the changes then
      partitions.forEach(partition -> assigned.add(partition.partition()));
    }

    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      changes.add("lose " + partitions.size());
      partitions.forEach(partition -> assigned.remove(partition.partition()));
    }

    void leave() throws Exception {
      stay.set(false);
      done.get(20, TimeUnit.SECONDS);
    }
  }

  // Two members share four partitions, one leaves, the other takes over, and a third goes on where they stopped.
  static Member share(String topic, Object... settings) throws Exception {
    create(topic, 4);
    ExecutorService threads = Executors.newCachedThreadPool();
    for (int partition = 0; partition < 4; partition++) produce(topic, partition, numbers(partition + "-", 20));
    Member first = new Member(threads, topic, settings);
    until(() -> first.assigned.size() == 4 && first.got.size() == 80, "everything by the first member");
    Member second = new Member(threads, topic, settings);
    until(() -> first.assigned.size() == 2 && second.assigned.size() == 2, "two partitions each");
    expect(Collections.disjoint(first.assigned, second.assigned), "the partitions are shared without overlap");
    for (int partition = 0; partition < 4; partition++) produce(topic, partition, List.of("both"));
    until(() -> first.got.size() + second.got.size() == 84, "records while both are members");
    first.leave();
    until(() -> second.assigned.size() == 4, "all partitions after the other left");
    for (int partition = 0; partition < 4; partition++) produce(topic, partition, List.of("last"));
    until(() -> Collections.frequency(second.got, "last") == 4, "records after the other left");
    second.leave();
    Member third = new Member(threads, topic, settings);
    until(() -> third.assigned.size() == 4, "a later member");
    produce(topic, 3, List.of("later"));
    until(() -> third.got.contains("later"), "a record for the later member");
    equal(third.got, List.of("later"), "what the later member read");
    third.leave();
    threads.shutdown();
    return first;
  }

  static String group() throws Exception {
    share("group");
    return "ok";
  }

  static String cooperative() throws Exception {
    Member first = share("cooperative", "partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
    equal(first.changes.stream().filter(change -> change.startsWith("lose")).findFirst().get(), "lose 2", "given away for the second");
    return "ok";
  }

  static String protocol848() throws Exception {
    share("protocol848", "group.protocol", "consumer");
    return "ok";
  }

  static String staticMembers() throws Exception {
    create("static", 4);
    ExecutorService threads = Executors.newCachedThreadPool();
    Member stays = new Member(threads, "static", "group.instance.id", "stays");
    Member goes = new Member(threads, "static", "group.instance.id", "goes");
    until(() -> stays.assigned.size() == 2 && goes.assigned.size() == 2, "two partitions each");
    Set<Integer> had = Set.copyOf(goes.assigned);
    List<String> changes = List.copyOf(stays.changes);
    goes.leave();  // sends no LeaveGroup: the member is static
    Member back = new Member(threads, "static", "group.instance.id", "goes");
    until(() -> back.assigned.size() == 2, "its partitions again");
    equal(Set.copyOf(back.assigned), had, "partitions after coming back");
    equal(stays.changes, changes, "changes of the other member");
    back.leave();
    stays.leave();
    equal(get(admin.describeConsumerGroups(List.of("static")).all()).get("static").members().size(), 2, "members kept");
    get(admin.removeMembersFromConsumerGroup("static", new RemoveMembersFromConsumerGroupOptions(
        List.of(new MemberToRemove("stays"), new MemberToRemove("goes")))).all());
    return "ok";
  }

  static String metadata() throws Exception {
    create("metadata", 1);
    TopicPartition partition = new TopicPartition("metadata", 0);
    try (var consumer = consumer("group.id", "metadata")) {
      var commit = new OffsetAndMetadata(7, Optional.of(0), "état: 7/∞");
      consumer.commitSync(Map.of(partition, commit));
      equal(consumer.committed(Set.of(partition)).get(partition), commit, "commit");
      equal(get(admin.listConsumerGroupOffsets("metadata").partitionsToOffsetAndMetadata()).get(partition), commit, "seen by admin");
    }
    return "ok";
  }

  static String admin() throws Exception {
    get(admin.createTopics(List.of(new NewTopic("admin", 2, (short) 1).configs(Map.of("retention.ms", "3600000")))).all());
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, "admin");
    equal(get(admin.describeConfigs(List.of(resource)).all()).get(resource).get("retention.ms").value(), "3600000", "as created");
    get(admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "7200000"),
                                                                                AlterConfigOp.OpType.SET)))).all());
    equal(get(admin.describeConfigs(List.of(resource)).all()).get(resource).get("retention.ms").value(), "7200000", "as altered");
    get(admin.createPartitions(Map.of("admin", NewPartitions.increaseTo(4))).all());
    equal(get(admin.describeTopics(List.of("admin")).allTopicNames()).get("admin").partitions().size(), 4, "partitions");
    produce("admin", 0, numbers("", 10));
    TopicPartition partition = new TopicPartition("admin", 0);
    var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(6)));
    equal(get(deleted.lowWatermarks().get(partition)).lowWatermark(), 6L, "low watermark");
    equal(values(read("admin")), List.of("6", "7", "8", "9"), "what is left");
    expect(get(admin.describeLogDirs(List.of(1)).allDescriptions()).get(1).size() == 1, "one log directory");
    try (var consumer = consumer("group.id", "admin")) {
      consumer.commitSync(Map.of(partition, new OffsetAndMetadata(8)));
    }
    expect(get(admin.listGroups().all()).stream().anyMatch(group -> group.groupId().equals("admin")), "the group is listed");
    get(admin.alterConsumerGroupOffsets("admin", Map.of(new TopicPartition("admin", 1), new OffsetAndMetadata(0))).all());
    get(admin.deleteConsumerGroupOffsets("admin", Set.of(partition)).all());
    get(admin.deleteConsumerGroups(List.of("admin")).all());
    get(admin.deleteTopics(List.of("admin")).all());
    expect(!get(admin.listTopics().names()).contains("admin"), "the topic is gone");
    equal(get(admin.describeCluster().nodes()).size(), 1, "nodes");
    expect(get(admin.describeFeatures().featureMetadata()).finalizedFeatures().containsKey("transaction.version"), "features");
    return "ok";
  }

  interface Work {
    void run() throws Exception;
  }

  static void expectError(Class<? extends Exception> wanted, Work work) throws Exception {
    try {
      work.run();
    } catch (ExecutionException wrapped) {
      equal(wrapped.getCause().getClass(), wanted, "error");
      return;
    }
    throw new AssertionError("no " + wanted.getSimpleName());
  }

  static String errors() throws Exception {
    create("errors", 2);
    expectError(UnknownTopicOrPartitionException.class, () -> get(admin.describeTopics(List.of("nowhere")).allTopicNames()));
    expectError(UnknownTopicOrPartitionException.class, () -> get(admin.deleteTopics(List.of("nowhere")).all()));
    expectError(TopicExistsException.class, () -> create("errors", 2));
    expectError(InvalidTopicException.class, () -> create("bad name!", 1));
    expectError(InvalidPartitionsException.class, () -> create("errors-0", 0));
    expectError(InvalidReplicationFactorException.class, () -> get(admin.createTopics(List.of(new NewTopic("errors-3", 1, (short) 3))).all()));
    expectError(InvalidConfigurationException.class,
                () -> get(admin.createTopics(List.of(new NewTopic("errors-1", 1, (short) 1).configs(Map.of("retention.ms", "soon")))).all()));
    expectError(InvalidConfigurationException.class,
                () -> get(admin.createTopics(List.of(new NewTopic("errors-2", 1, (short) 1).configs(Map.of("no.such", "1")))).all()));
    expectError(InvalidPartitionsException.class, () -> get(admin.createPartitions(Map.of("errors", NewPartitions.increaseTo(1))).all()));
    expectError(GroupIdNotFoundException.class, () -> get(admin.deleteConsumerGroups(List.of("nobody")).all()));
    expectError(org.apache.kafka.common.errors.OffsetOutOfRangeException.class,
                () -> get(admin.deleteRecords(Map.of(new TopicPartition("errors", 0), RecordsToDelete.beforeOffset(100))).all()));
    try (var consumer = consumer("auto.offset.reset", "none")) {
      consumer.assign(List.of(new TopicPartition("errors", 0)));
      consumer.seek(new TopicPartition("errors", 0), 1000);
      try {
        for (int i = 0; i < 100; i++) consumer.poll(Duration.ofMillis(100));
        throw new AssertionError("no error past the end");
      } catch (org.apache.kafka.clients.consumer.OffsetOutOfRangeException expected) {
      }
    }
    return "ok";
  }

  static String load(double seconds) throws Exception {
    create("load", 4);
    List<Queue<Integer>> acknowledged = new ArrayList<>();
    List<List<Integer>> got = new ArrayList<>();
    List<TopicPartition> partitions = new ArrayList<>();
    for (int p = 0; p < 4; p++) {
      acknowledged.add(new ConcurrentLinkedQueue<>());
      got.add(new CopyOnWriteArrayList<>(List.of()));
      got.set(p, Collections.synchronizedList(new ArrayList<>()));
      partitions.add(new TopicPartition("load", p));
    }
    Queue<Exception> failed = new ConcurrentLinkedQueue<>();
    AtomicBoolean written = new AtomicBoolean();
    ExecutorService threads = Executors.newCachedThreadPool();
    Future<?> reader = threads.submit(() -> {
      try (var consumer = consumer()) {
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        long late = Long.MAX_VALUE;
        while (System.nanoTime() < late) {
          for (var record : consumer.poll(Duration.ofMillis(100))) got.get(record.partition()).add(Integer.parseInt(text(record.value())));
          if (!written.get()) continue;
          if (late == Long.MAX_VALUE) late = System.nanoTime() + 20_000_000_000L;
          boolean all = true;
          for (int p = 0; p < 4; p++) all &= new HashSet<>(got.get(p)).containsAll(acknowledged.get(p));
          if (all) return;
        }
      }
    });
    System.out.println("go");
    long end = System.nanoTime() + (long) (seconds * 1e9);
    try (var producer = producer("linger.ms", "5")) {
      for (int number = 0; System.nanoTime() < end; number++) {
        int sent = number;
        for (int p = 0; p < 4; p++) {
          int partition = p;
          producer.send(new ProducerRecord<>("load", p, null, bytes("" + number)), (metadata, error) -> {
            if (error != null) failed.add(error);
            else acknowledged.get(partition).add(sent);
          });
        }
        Thread.sleep(1);
      }
    }
    written.set(true);
    reader.get(40, TimeUnit.SECONDS);
    expect(failed.isEmpty(), failed.size() + " records failed: " + failed.peek());
    int total = 0;
    for (int p = 0; p < 4; p++) {
      List<Integer> distinct = new ArrayList<>(new LinkedHashSet<>(got.get(p)));
      equal(got.get(p).size() - distinct.size(), 0, "duplicates in partition " + p);
      List<Integer> sorted = new ArrayList<>(distinct);
      Collections.sort(sorted);
      expect(distinct.equals(sorted), "partition " + p + " is out of order");
      expect(new HashSet<>(distinct).containsAll(acknowledged.get(p)), "partition " + p + " lost acknowledged records");
      total += acknowledged.get(p).size();
    }
    return total + " acknowledged and read, 0 again";
  }
}
