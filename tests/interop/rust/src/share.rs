//! Members of groups: who has which partitions, who read what.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::{create, equal, numbers, produce, settings, until};

#[derive(Default)]
struct State {
    assigned: BTreeSet<i32>,
    lost: Vec<usize>,
    changes: usize,
    got: Vec<String>,
}

#[derive(Clone, Default)]
struct Tracker(Arc<Mutex<State>>);

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(|element| element.partition()).collect()
}

impl ClientContext for Tracker {}

impl ConsumerContext for Tracker {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let mut state = self.0.lock().unwrap();
        state.changes += 1;
        match rebalance {
            Rebalance::Assign(list) => state.assigned.extend(partitions(list)),
            Rebalance::Revoke(list) => {
                state.lost.push(list.count());
                for partition in partitions(list) {
                    state.assigned.remove(&partition);
                }
            }
            Rebalance::Error(error) => println!("rebalance: {error}"),
        }
    }
}

/// A consumer on a thread of its own, which commits what it read.
struct Member {
    tracker: Tracker,
    stay: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Member {
    fn join(topic: &str, pairs: &[(&str, &str)]) -> Member {
        let mut with = settings(&[("group.id", topic), ("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")]);
        if !pairs.iter().any(|(key, _)| *key == "group.protocol") {
            with.set("heartbeat.interval.ms", "200").set("session.timeout.ms", "40000");
        }
        for (key, value) in pairs {
            with.set(*key, *value);
        }
        let (tracker, stay) = (Tracker::default(), Arc::new(AtomicBool::new(true)));
        let consumer: BaseConsumer<Tracker> = with.create_with_context(tracker.clone()).unwrap();
        consumer.subscribe(&[topic]).unwrap();
        let (state, staying) = (tracker.clone(), stay.clone());
        let thread = std::thread::spawn(move || {
            while staying.load(Ordering::Relaxed) {
                if let Some(message) = consumer.poll(Duration::from_millis(50)) {
                    let message = message.unwrap();
                    // Committed before it counts as read: whoever waits for it may let this member go next.
                    if let Err(error) = consumer.commit_message(&message, CommitMode::Sync) {
                        println!("commit: {error}");
                    }
                    state.0.lock().unwrap().got.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
                }
            }
        });
        Member { tracker, stay, thread: Some(thread) }
    }

    fn assigned(&self) -> BTreeSet<i32> {
        self.tracker.0.lock().unwrap().assigned.clone()
    }

    fn count(&self, value: &str) -> usize {
        self.tracker.0.lock().unwrap().got.iter().filter(|got| *got == value).count()
    }

    fn read(&self) -> usize {
        self.tracker.0.lock().unwrap().got.len()
    }

    fn changes(&self) -> usize {
        self.tracker.0.lock().unwrap().changes
    }

    /// Closes the consumer, which leaves the group unless the member is static.
    fn leave(&mut self) {
        self.stay.store(false, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn everywhere(topic: &str, value: &str) {
    for partition in 0..4 {
        produce(topic, partition, &[value.to_string()]);
    }
}

/// Two members share four partitions, one leaves, the other takes over, and a third goes on where they stopped. Returns how many
/// partitions the first member had to give away, each time.
fn share(topic: &str, pairs: &[(&str, &str)]) -> Vec<usize> {
    create(topic, 4);
    for partition in 0..4 {
        produce(topic, partition, &numbers(&format!("{partition}-"), 20));
    }
    let mut first = Member::join(topic, pairs);
    until("everything by the first member", || first.assigned().len() == 4 && first.read() == 80);
    let mut second = Member::join(topic, pairs);
    until("two partitions each", || first.assigned().len() == 2 && second.assigned().len() == 2);
    equal(first.assigned().union(&second.assigned()).count(), 4, "partitions of both");
    everywhere(topic, "both");
    until("records while both are members", || first.count("both") + second.count("both") == 4);
    first.leave();
    until("all partitions after the other left", || second.assigned().len() == 4);
    everywhere(topic, "last");
    until("records after the other left", || second.count("last") == 4);
    second.leave();
    let mut third = Member::join(topic, pairs);
    until("a later member", || third.assigned().len() == 4);
    produce(topic, 3, &["later".to_string()]);
    until("a record for the later member", || third.count("later") == 1);
    equal(third.read(), 1, "records that the later member read");
    third.leave();
    let lost = first.tracker.0.lock().unwrap().lost.clone();
    lost
}

pub fn group() {
    share("group", &[]);
}

pub fn cooperative() {
    let lost = share("cooperative", &[("partition.assignment.strategy", "cooperative-sticky")]);
    equal(lost[0], 2, "partitions given away for the second member");
}

pub fn protocol848() {
    share("protocol848", &[("group.protocol", "consumer")]);
}

pub fn static_members() {
    create("static", 4);
    let with = |id: &str| Member::join("static", &[("group.instance.id", id)]);
    let (mut stays, mut goes) = (with("stays"), with("goes"));
    until("two partitions each", || stays.assigned().len() == 2 && goes.assigned().len() == 2);
    let (had, changes) = (goes.assigned(), stays.changes());
    goes.leave();
    let mut back = with("goes");
    until("its partitions again", || back.assigned().len() == 2);
    equal(back.assigned(), had, "partitions after coming back");
    equal(stays.changes(), changes, "changes of the other member");
    back.leave();
    stays.leave();
}
