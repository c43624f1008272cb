// Members of one group of the new consumer protocol (KIP-848) come and go while records are read; half-way it prints "half"
// and reads on, whatever happens to the broker. Every record must arrive, and none again once its commit succeeded.
// With "mixed", a live group goes from the classic protocol to the new one and back, and members of both read side by side.
// Arguments: bootstrap topic records [mixed].

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class ConsumerProtocol {
  static final Set<String> arrived = ConcurrentHashMap.newKeySet(), committed = ConcurrentHashMap.newKeySet();
  static final AtomicInteger again = new AtomicInteger();
  static String bootstrap, topic;
  static int wanted;
  static final long END = System.nanoTime() + Duration.ofSeconds(150).toNanos();

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    topic = args[1];
    wanted = Integer.parseInt(args[2]);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) bootstrap))) {
      admin.createTopics(List.of(new NewTopic(topic, 6, (short) 1))).all().get(30, TimeUnit.SECONDS);
      produce();
      if (args.length > 3) {
        mixed(admin);
        return;
      }
      ExecutorService members = Executors.newCachedThreadPool();
      AtomicBoolean firstStays = new AtomicBoolean(true), stay = new AtomicBoolean(true);
      List<Future<?>> running = new ArrayList<>();
      running.add(members.submit(() -> consume(firstStays, null, "consumer")));
      running.add(members.submit(() -> consume(stay, "static-1", "consumer")));
      until(wanted / 5);
      running.add(members.submit(() -> consume(stay, null, "consumer")));
      until(wanted * 2 / 5);
      firstStays.set(false);
      describe(admin);
      until(wanted / 2);
      System.out.println("half");
      until(wanted * 7 / 10);
      running.add(members.submit(() -> consume(stay, null, "consumer")));
      until(wanted);
      stay.set(false);
      for (Future<?> member : running) member.get();
      members.shutdown();
      System.out.println("arrived " + arrived.size() + " again " + again.get());
      int byPattern = byPattern();
      System.out.println("by pattern " + byPattern);
      admin.deleteConsumerGroups(List.of("pattern")).all().get(30, TimeUnit.SECONDS);
      if (arrived.size() != wanted || again.get() != 0 || byPattern != wanted) System.exit(1);
    }
  }

  static void mixed(Admin admin) throws Exception {
    ExecutorService members = Executors.newCachedThreadPool();
    AtomicBoolean first = new AtomicBoolean(true), modern = new AtomicBoolean(true), stay = new AtomicBoolean(true);
    List<Future<?>> running = new ArrayList<>();
    running.add(members.submit(() -> consume(first, null, "classic")));
    running.add(members.submit(() -> consume(stay, null, "classic")));
    until(wanted / 6);
    expect(admin, GroupType.CLASSIC);
    running.add(members.submit(() -> consume(modern, null, "consumer")));
    expect(admin, GroupType.CONSUMER);
    until(wanted / 3);
    first.set(false);
    running.add(members.submit(() -> consume(modern, null, "consumer")));
    until(wanted / 2);
    running.add(members.submit(() -> consume(stay, null, "classic")));
    until(wanted * 2 / 3);
    modern.set(false);
    expect(admin, GroupType.CLASSIC);
    until(wanted);
    stay.set(false);
    for (Future<?> member : running) member.get();
    members.shutdown();
    System.out.println("arrived " + arrived.size() + " again " + again.get());
    if (arrived.size() != wanted || again.get() != 0) System.exit(1);
  }

  static void expect(Admin admin, GroupType type) throws Exception {
    for (int i = 0; i < 1000; i++) {
      for (GroupListing group : admin.listGroups().all().get(30, TimeUnit.SECONDS)) {
        if (group.groupId().equals("members") && group.type().get() == type) return;
      }
      Thread.sleep(20);
    }
    throw new IllegalStateException("does not become " + type);
  }

  static void until(int count) throws Exception {
    while (arrived.size() < count && System.nanoTime() < END) Thread.sleep(5);
  }

  static void describe(Admin admin) throws Exception {
    for (int i = 0; ; i++) {
      ConsumerGroupDescription group = admin.describeConsumerGroups(List.of("members")).all().get(30, TimeUnit.SECONDS).get("members");
      boolean listed = admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get(30, TimeUnit.SECONDS).stream()
          .anyMatch(g -> g.groupId().equals("members") && g.type().get() == GroupType.CONSUMER);
      if (!listed || group.type() != GroupType.CONSUMER) throw new IllegalStateException("not a consumer group");
      if (group.groupState() == GroupState.STABLE && group.members().size() == 2) break;
      if (i == 300) throw new IllegalStateException("does not become stable: " + group);
      Thread.sleep(50);
    }
  }

  static void produce() throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all");
    try (Producer<byte[], String> producer = new KafkaProducer<>(config, new ByteArraySerializer(), new StringSerializer())) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (int i = 0; i < wanted; i++) sent.add(producer.send(new ProducerRecord<>(topic, i % 6, null, "record " + i)));
      producer.flush();
      for (Future<RecordMetadata> one : sent) one.get();
    }
  }

  static Map<String, Object> config(String group, String protocol) {
    return new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "group.protocol", protocol, "auto.offset.reset", "earliest",
        "enable.auto.commit", "false", "max.poll.records", "100"));
  }

  static void commit(Consumer<byte[], String> consumer, Set<String> delivered) {
    try {
      consumer.commitSync(Duration.ofSeconds(10));
      committed.addAll(delivered);
    } catch (org.apache.kafka.common.KafkaException lost) {
      // The broker is away, or the partitions are: they come again, which is allowed.
    }
    delivered.clear();
  }

  static Void consume(AtomicBoolean stay, String instance, String protocol) {
    Map<String, Object> config = config("members", protocol);
    if (protocol.equals("classic")) {
      config.put("partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
      config.put("heartbeat.interval.ms", 200);
    }
    if (instance != null) config.put("group.instance.id", instance);
    Set<String> delivered = new HashSet<>();
    try (Consumer<byte[], String> consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
        public void onPartitionsRevoked(Collection<TopicPartition> gone) { commit(consumer, delivered); }
        public void onPartitionsAssigned(Collection<TopicPartition> mine) {}
      });
      while (stay.get() && System.nanoTime() < END) {
        for (ConsumerRecord<byte[], String> record : consumer.poll(Duration.ofMillis(100))) {
          if (committed.contains(record.value())) again.incrementAndGet();
          arrived.add(record.value());
          delivered.add(record.value());
        }
        if (!delivered.isEmpty()) commit(consumer, delivered);
      }
    }
    return null;
  }

  static int byPattern() {
    Set<String> seen = new HashSet<>();
    try (Consumer<byte[], String> consumer = new KafkaConsumer<>(config("pattern", "consumer"), new ByteArrayDeserializer(), new StringDeserializer())) {
      consumer.subscribe(new SubscriptionPattern(topic.substring(0, 3) + ".*"));
      while (seen.size() < wanted && System.nanoTime() < END) {
        for (ConsumerRecord<byte[], String> record : consumer.poll(Duration.ofMillis(200))) seen.add(record.value());
      }
    }
    return seen.size();
  }
}
