//! The scenarios with rdkafka for Rust. Arguments: SCENARIO HOST:PORT SECONDS; see tests/interop/scenarios.py.

mod share;

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedHeaders, DeliveryResult, Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const WAIT: Duration = Duration::from_secs(20);

static ADDRESS: OnceLock<String> = OnceLock::new();

pub fn settings(pairs: &[(&str, &str)]) -> ClientConfig {
    let mut made = ClientConfig::new();
    made.set("bootstrap.servers", ADDRESS.get().unwrap());
    for (key, value) in pairs {
        made.set(*key, *value);
    }
    made
}

pub fn equal<T: PartialEq + Debug>(got: T, wanted: T, what: &str) {
    assert!(got == wanted, "{what}: got {:.150}, wanted {:.150}", format!("{got:?}"), format!("{wanted:?}"));
}

pub fn until(what: &str, mut event: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !event() {
        assert!(Instant::now() < end, "{what} not within 30 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Collects what became of each record: its number, and its partition or error.
#[derive(Clone, Default)]
struct Deliveries(Arc<Mutex<Vec<(usize, Result<i32, KafkaError>)>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<usize>;
    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        let outcome = match result {
            Ok(message) => Ok(message.partition()),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().unwrap().push((*number, outcome));
    }
}

type Made = (ThreadedProducer<Deliveries>, Deliveries);

fn producer(pairs: &[(&str, &str)]) -> Made {
    let deliveries = Deliveries::default();
    (settings(pairs).create_with_context(deliveries.clone()).unwrap(), deliveries)
}

fn admin() -> AdminClient<DefaultClientContext> {
    settings(&[]).create().unwrap()
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(WAIT))
}

fn code(results: Result<Vec<TopicResult>, KafkaError>) -> Option<RDKafkaErrorCode> {
    results.unwrap().remove(0).err().map(|(_, code)| code)
}

fn create_with(topic: &str, partitions: i32, configs: &[(&str, &str)]) -> Option<RDKafkaErrorCode> {
    let mut wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for (key, value) in configs {
        wanted = wanted.set(key, value);
    }
    code(block_on(admin().create_topics(&[wanted], &options())))
}

pub fn create(topic: &str, partitions: i32) {
    equal(create_with(topic, partitions, &[]), None, topic);
}

type Pair = (Option<Vec<u8>>, Option<Vec<u8>>);

fn record<'a>(topic: &'a str, partition: i32, pair: &'a Pair, number: usize) -> BaseRecord<'a, Vec<u8>, Vec<u8>, Box<usize>> {
    let mut made = BaseRecord::with_opaque_to(topic, Box::new(number)).partition(partition);
    if let Some(key) = &pair.0 {
        made = made.key(key);
    }
    if let Some(value) = &pair.1 {
        made = made.payload(value);
    }
    made
}

/// Sends, waits, and gives the first error.
fn send_all((to, deliveries): &Made, topic: &str, partition: i32, pairs: &[Pair]) -> Result<(), KafkaError> {
    for (number, pair) in pairs.iter().enumerate() {
        to.send(record(topic, partition, pair, number)).map_err(|(error, _)| error)?;
    }
    to.flush(WAIT)?;
    let mut answered = deliveries.0.lock().unwrap();
    equal(answered.len(), pairs.len(), "records answered");
    let failed = answered.drain(..).find_map(|(_, outcome)| outcome.err());
    failed.map_or(Ok(()), Err)
}

fn plain(values: &[String]) -> Vec<Pair> {
    values.iter().map(|value| (None, Some(value.clone().into_bytes()))).collect()
}

pub fn numbers(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{prefix}{i}")).collect()
}

pub fn produce(topic: &str, partition: i32, values: &[String]) {
    send_all(&producer(&[]), topic, partition, &plain(values)).unwrap();
}

/// Everything from an offset of partition 0 to its present end.
fn read(topic: &str, from: Offset, pairs: &[(&str, &str)]) -> Vec<OwnedMessage> {
    let mut with = settings(&[("group.id", "reader"), ("enable.auto.commit", "false"), ("enable.partition.eof", "true")]);
    for (key, value) in pairs {
        with.set(*key, *value);
    }
    let consumer: BaseConsumer = with.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, from).unwrap();
    consumer.assign(&list).unwrap();
    let (mut got, end) = (Vec::new(), Instant::now() + WAIT);
    loop {
        assert!(Instant::now() < end, "{topic}: no end after {} records", got.len());
        match consumer.poll(Duration::from_millis(200)) {
            None => continue,
            Some(Err(KafkaError::PartitionEOF(_))) => return got,
            Some(message) => got.push(message.unwrap().detach()),
        }
    }
}

pub fn text(message: &OwnedMessage) -> String {
    String::from_utf8(message.payload().unwrap_or_default().to_vec()).unwrap()
}

fn values(messages: &[OwnedMessage]) -> Vec<String> {
    messages.iter().map(text).collect()
}

fn codecs() {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("codecs-{codec}");
        create(&topic, 1);
        let sent = numbers(&codec.repeat(20), 500);
        send_all(&producer(&[("compression.type", codec), ("linger.ms", "20")]), &topic, 0, &plain(&sent)).unwrap();
        equal(values(&read(&topic, Offset::Beginning, &[])), sent, codec);
    }
}

/// Incompressible bytes.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 88172645463325252u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

fn large() {
    create("large", 1);
    send_all(&producer(&[]), "large", 0, &[(None, Some(noise(900_000)))]).unwrap();
    let got = read("large", Offset::Beginning, &[]);
    assert!(got[0].payload() == Some(&noise(900_000)[..]), "the large record came back changed");
    let refused = send_all(&producer(&[("message.max.bytes", "3000000")]), "large", 0, &[(None, Some(noise(1_500_000)))]);
    equal(refused.unwrap_err().rdkafka_error_code(), Some(RDKafkaErrorCode::MessageSizeTooLarge), "1.5 MB");
}

fn headers() {
    create("headers", 1);
    let sent: [(&str, Option<&[u8]>); 5] = [("a", Some(b"1")), ("b", Some(b"")), ("a", Some(b"2")), ("c", None), ("d", Some(&[0, 255]))];
    let mut all = OwnedHeaders::new();
    for (key, value) in sent {
        all = all.insert(Header { key, value });
    }
    let (to, _) = producer(&[]);
    let pair = (None, Some(b"v".to_vec()));
    to.send(record("headers", 0, &pair, 0).headers(all)).map_err(|(error, _)| error).unwrap();
    to.send(record("headers", 0, &pair, 1)).map_err(|(error, _)| error).unwrap();
    to.flush(WAIT).unwrap();
    let got = read("headers", Offset::Beginning, &[]);
    let back = got[0].headers().unwrap();
    equal(back.count(), sent.len(), "number of headers");
    for (i, (key, value)) in sent.into_iter().enumerate() {
        let header = back.get(i);
        equal((header.key, header.value), (key, value), "header");
    }
    equal(got[1].headers().map_or(0, |none| none.as_borrowed().count()), 0, "no headers");
    let _: &BorrowedHeaders = back.as_borrowed();
}

fn nulls() {
    create("nulls", 1);
    let some = |value: &str| Some(value.as_bytes().to_vec());
    let sent: Vec<Pair> = vec![(None, some("no key")), (some("no value"), None), (None, None), (some(""), some("")), (some("key"), some("value"))];
    send_all(&producer(&[]), "nulls", 0, &sent).unwrap();
    let got = read("nulls", Offset::Beginning, &[]);
    let back: Vec<Pair> = got.iter().map(|m| (m.key().map(<[u8]>::to_vec), m.payload().map(<[u8]>::to_vec))).collect();
    equal(back, sent, "keys and values");
}

fn idempotent() {
    create("idempotent", 1);
    let sent = numbers("", 5000);
    send_all(&producer(&[("enable.idempotence", "true"), ("batch.num.messages", "50")]), "idempotent", 0, &plain(&sent)).unwrap();
    equal(values(&read("idempotent", Offset::Beginning, &[])), sent, "records");
}

fn transactions() {
    create("transactions", 1);
    let made = producer(&[("transactional.id", "transactions")]);
    made.0.init_transactions(WAIT).unwrap();
    for name in ["first ", "aborted ", "last "] {
        made.0.begin_transaction().unwrap();
        send_all(&made, "transactions", 0, &plain(&numbers(name, 10))).unwrap();
        match name {
            "aborted " => made.0.abort_transaction(WAIT).unwrap(),
            _ => made.0.commit_transaction(WAIT).unwrap(),
        }
    }
    let wanted = [numbers("first ", 10), numbers("last ", 10)].concat();
    equal(values(&read("transactions", Offset::Beginning, &[("isolation.level", "read_committed")])), wanted, "read_committed");
    equal(read("transactions", Offset::Beginning, &[("isolation.level", "read_uncommitted")]).len(), 30, "read_uncommitted");
}

fn positions() {
    create("positions", 1);
    let base = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64 - 100_000;
    let (to, _) = producer(&[]);
    for (i, pair) in plain(&numbers("", 100)).iter().enumerate() {
        to.send(record("positions", 0, pair, i).timestamp(base + 1000 * i as i64)).map_err(|(error, _)| error).unwrap();
    }
    to.flush(WAIT).unwrap();
    equal(values(&read("positions", Offset::Beginning, &[])), numbers("", 100), "from the beginning");
    equal(text(&read("positions", Offset::Offset(57), &[])[0]), "57".into(), "from offset 57");
    let consumer: BaseConsumer = settings(&[("group.id", "reader")]).create().unwrap();
    let mut times = TopicPartitionList::new();
    times.add_partition_offset("positions", 0, Offset::Offset(base + 41_500)).unwrap();
    let found = consumer.offsets_for_times(times, WAIT).unwrap().elements()[0].offset();
    equal(found, Offset::Offset(42), "offset of a timestamp");
    let first = read("positions", found, &[]).remove(0);
    equal(first.timestamp().to_millis(), Some(base + 42_000), "timestamp");
    equal(consumer.fetch_watermarks("positions", 0, WAIT).unwrap(), (0, 100), "watermarks");
}

fn metadata() {
    create("metadata", 1);
    let consumer: BaseConsumer = settings(&[("group.id", "metadata")]).create().unwrap();
    let mut list = TopicPartitionList::new();
    let mut partition = list.add_partition("metadata", 0);
    partition.set_offset(Offset::Offset(7)).unwrap();
    partition.set_metadata("état: 7/∞");
    consumer.commit(&list, CommitMode::Sync).unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition("metadata", 0);
    let found = consumer.committed_offsets(asked, WAIT).unwrap();
    equal((found.elements()[0].offset(), found.elements()[0].metadata()), (Offset::Offset(7), "état: 7/∞"), "commit");
}

fn administration() {
    let client = admin();
    let setting = || {
        let described = block_on(client.describe_configs(&[ResourceSpecifier::Topic("admin")], &options())).unwrap().remove(0).unwrap();
        described.get("retention.ms").unwrap().value.clone().unwrap()
    };
    equal(create_with("admin", 2, &[("retention.ms", "3600000")]), None, "create");
    equal(setting(), "3600000".into(), "as created");
    let change = AlterConfig::new(ResourceSpecifier::Topic("admin")).set("retention.ms", "7200000");
    block_on(client.alter_configs(&[change], &options())).unwrap().remove(0).unwrap();
    equal(setting(), "7200000".into(), "as altered");
    equal(code(block_on(client.create_partitions(&[NewPartitions::new("admin", 4)], &options()))), None, "create partitions");
    let topic = |name: &str| client.inner().fetch_metadata(None, WAIT).unwrap().topics().iter().find(|t| t.name() == name).map(|t| t.partitions().len());
    until("four partitions", || topic("admin") == Some(4));
    produce("admin", 0, &numbers("", 10));
    let mut before = TopicPartitionList::new();
    before.add_partition_offset("admin", 0, Offset::Offset(6)).unwrap();
    block_on(client.delete_records(&before, &options())).unwrap();
    equal(values(&read("admin", Offset::Beginning, &[])), numbers("", 10)[6..].to_vec(), "what is left");
    let consumer: BaseConsumer = settings(&[("group.id", "admin")]).create().unwrap();
    consumer.commit(&before, CommitMode::Sync).unwrap();
    assert!(client.inner().fetch_group_list(Some("admin"), WAIT).unwrap().groups().len() == 1, "the group is not listed");
    block_on(client.delete_groups(&["admin"], &options())).unwrap().remove(0).unwrap();
    equal(code(block_on(client.delete_topics(&["admin"], &options()))), None, "delete");
    until("the topic is gone", || topic("admin").is_none());
}

fn errors() {
    use RDKafkaErrorCode as Code;
    create("errors", 2);
    let client = admin();
    equal(create_with("errors", 2, &[]), Some(Code::TopicAlreadyExists), "existing topic");
    equal(create_with("bad name!", 1, &[]), Some(Code::InvalidTopic), "bad name");
    equal(create_with("errors-1", 1, &[("retention.ms", "soon")]), Some(Code::InvalidConfig), "bad value");
    equal(create_with("errors-2", 1, &[("no.such", "1")]), Some(Code::InvalidConfig), "unknown setting");
    equal(code(block_on(client.delete_topics(&["nowhere"], &options()))), Some(Code::UnknownTopicOrPartition), "unknown topic");
    let fewer = code(block_on(client.create_partitions(&[NewPartitions::new("errors", 1)], &options())));
    equal(fewer, Some(Code::InvalidPartitions), "fewer partitions");
    let group = block_on(client.delete_groups(&["nobody"], &options())).unwrap().remove(0);
    equal(group.unwrap_err().1, Code::GroupIdNotFound, "unknown group");
}

fn load(length: Duration) -> String {
    create("load", 4);
    let done = Arc::new(AtomicBool::new(false));
    let got: Arc<Mutex<[Vec<usize>; 4]>> = Default::default();
    let reader = {
        let (done, got) = (done.clone(), got.clone());
        std::thread::spawn(move || {
            let consumer: BaseConsumer = settings(&[("group.id", "load"), ("enable.auto.commit", "false")]).create().unwrap();
            let mut list = TopicPartitionList::new();
            for partition in 0..4 {
                list.add_partition_offset("load", partition, Offset::Beginning).unwrap();
            }
            consumer.assign(&list).unwrap();
            while !done.load(Ordering::Relaxed) {
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                    let number = std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap();
                    got.lock().unwrap()[message.partition() as usize].push(number);
                }
            }
        })
    };
    let (to, deliveries) = producer(&[("enable.idempotence", "true"), ("linger.ms", "5")]);
    println!("go");
    let (end, mut number) = (Instant::now() + length, 0usize);
    while Instant::now() < end {
        let pair = (None, Some(number.to_string().into_bytes()));
        for partition in 0..4 {
            to.send(record("load", partition, &pair, number)).map_err(|(error, _)| error).unwrap();
        }
        number += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    to.flush(Duration::from_secs(60)).unwrap();
    let mut acknowledged: [HashSet<usize>; 4] = Default::default();
    for (number, outcome) in deliveries.0.lock().unwrap().drain(..) {
        acknowledged[outcome.unwrap() as usize].insert(number);
    }
    until("all that was acknowledged", || {
        let got = got.lock().unwrap();
        (0..4).all(|p| acknowledged[p].is_subset(&got[p].iter().copied().collect()))
    });
    done.store(true, Ordering::Relaxed);
    reader.join().unwrap();
    for (partition, list) in got.lock().unwrap().iter().enumerate() {
        assert!(list.windows(2).all(|two| two[0] < two[1]), "partition {partition}: out of order, or a duplicate");
    }
    format!("{} acknowledged and read, 0 again", acknowledged.iter().map(HashSet::len).sum::<usize>())
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    ADDRESS.set(arguments[2].clone()).unwrap();
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        let said = panic.payload_as_str().unwrap_or("panic");
        println!("{}", said.lines().next().unwrap_or(""));
        std::process::exit(1);
    }));
    match arguments[1].as_str() {
        "codecs" => codecs(),
        "large" => large(),
        "headers" => headers(),
        "nulls" => nulls(),
        "idempotent" => idempotent(),
        "transactions" => transactions(),
        "positions" => positions(),
        "group" => share::group(),
        "static" => share::static_members(),
        "cooperative" => share::cooperative(),
        "protocol848" => share::protocol848(),
        "metadata" => metadata(),
        "admin" => administration(),
        "errors" => errors(),
        "load" => return println!("{}", load(Duration::from_secs_f64(arguments[3].parse().unwrap()))),
        other => panic!("no scenario {other}"),
    }
    println!("ok");
}
