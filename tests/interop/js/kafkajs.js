// The scenarios with KafkaJS. Arguments: SCENARIO HOST:PORT SECONDS; see tests/interop/scenarios.py.
'use strict';

const assert = require('assert');
const crypto = require('crypto');
const { Kafka, logLevel, CompressionTypes, CompressionCodecs, ConfigResourceTypes } = require('kafkajs');
const lz4 = require('lz4js');
const zstd = require('@bokuweb/zstd-wasm');

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(zstd.decompress(buffer)),
});

const [name, address, seconds] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [address], clientId: 'interop', logLevel: logLevel.ERROR, retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 30 } });
const admin = kafka.admin();

class Lacks extends Error {}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(event, what) {
  for (const end = Date.now() + 30000; !(await event()); await pause(10)) {
    assert(Date.now() < end, `${what} not within 30 s`);
  }
}

const create = (topic, partitions = 1, configEntries = []) =>
  admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }] });

async function produce(topic, messages, settings = {}, compression = CompressionTypes.None) {
  const producer = kafka.producer(settings);
  await producer.connect();
  const sent = await producer.send({ topic, messages: messages.map((m) => ({ partition: 0, ...m })), compression });
  await producer.disconnect();
  return sent;
}

// Messages of partition 0 until `enough(messages)`. KafkaJS reads only as a member of a group.
async function read(topic, enough, { offset, ...settings } = {}) {
  const consumer = kafka.consumer({ groupId: `reader-${topic}-${crypto.randomUUID()}`, maxWaitTimeInMs: 200, ...settings });
  const got = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void got.push(message) });
  if (offset !== undefined) consumer.seek({ topic, partition: 0, offset: String(offset) });
  await until(() => enough(got), `records of ${topic}`);
  await consumer.disconnect();
  return got;
}

const count = (wanted) => (got) => got.length >= wanted;
const text = (buffer) => (buffer === null ? null : buffer.toString());
const values = (messages) => messages.map((message) => text(message.value));
const numbers = (prefix, n) => Array.from({ length: n }, (_, i) => `${prefix}${i}`);
const valued = (list, more = {}) => list.map((value) => ({ value, ...more }));

// A consumer in a group: what it read, what is assigned to it.
class Member {
  constructor(group, topic) {
    this.got = [];
    this.assigned = [];
    this.topic = topic;
    this.consumer = kafka.consumer({ groupId: group, heartbeatInterval: 200, sessionTimeout: 10000, maxWaitTimeInMs: 100 });
    this.consumer.on(this.consumer.events.GROUP_JOIN, ({ payload }) => (this.assigned = payload.memberAssignment[topic] || []));
  }

  async join() {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [this.topic], fromBeginning: true });
    await this.consumer.run({ autoCommitThreshold: 1, eachMessage: async ({ message }) => void this.got.push(text(message.value)) });
    return this;
  }

  leave() {
    return this.consumer.disconnect();
  }
}

const scenarios = {
  async codecs() {
    await zstd.init();
    for (const [codec, type] of Object.entries({ none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' })) {
      const topic = `codecs-${codec}`;
      await create(topic);
      const sent = numbers(codec.repeat(20), 500);
      await produce(topic, valued(sent), {}, CompressionTypes[type]);
      assert.deepStrictEqual(values(await read(topic, count(500))), sent, codec);
    }
    return 'none, gzip, snappy, lz4, zstd';
  },

  async large() {
    await create('large');
    const value = crypto.randomBytes(900000);
    await produce('large', [{ value }]);
    assert((await read('large', count(1)))[0].value.equals(value), 'the large record came back changed');
    await assert.rejects(produce('large', [{ value: crypto.randomBytes(1500000) }], { retry: { retries: 1 } }), { type: 'MESSAGE_TOO_LARGE' });
    return '900 KB passed, 1.5 MB: MESSAGE_TOO_LARGE';
  },

  async headers() {
    await create('headers');
    await produce('headers', [{ value: 'v', headers: { a: ['1', '2'], b: '', d: Buffer.from([0, 255]) } }, { value: 'none' }]);
    const [first, second] = await read('headers', count(2));
    assert.deepStrictEqual(first.headers.a.map(text), ['1', '2']);
    assert.strictEqual(text(first.headers.b), '');
    assert.deepStrictEqual([...first.headers.d], [0, 255]);
    assert.deepStrictEqual(Object.keys(second.headers), []);
    return 'without the order among different keys and null values, which KafkaJS cannot express';
  },

  async nulls() {
    await create('nulls');
    const sent = [[null, 'no key'], ['no value', null], [null, null], ['', ''], ['key', 'value']];
    await produce('nulls', sent.map(([key, value]) => ({ key, value })));
    const got = await read('nulls', count(sent.length));
    assert.deepStrictEqual(got.map(({ key, value }) => [text(key), text(value)]), sent);
  },

  async idempotent() {
    await create('idempotent');
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    for (let i = 0; i < 100; i++) {
      await producer.send({ topic: 'idempotent', acks: -1, messages: valued(numbers(`${i}-`, 20), { partition: 0 }) });
    }
    await producer.disconnect();
    const wanted = numbers('', 100).flatMap((i) => numbers(`${i}-`, 20));
    assert.deepStrictEqual(values(await read('idempotent', count(2000))), wanted);
  },

  async transactions() {
    await create('transactions');
    const producer = kafka.producer({ transactionalId: 'transactions', idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (const part of ['first ', 'aborted ', 'last ']) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: 'transactions', messages: valued(numbers(part, 10), { partition: 0 }) });
      await (part === 'aborted ' ? transaction.abort() : transaction.commit());
    }
    await producer.disconnect();
    await produce('transactions', [{ value: 'end' }]);
    const committed = [...numbers('first ', 10), ...numbers('last ', 10), 'end'];
    const ended = (got) => got.some((message) => text(message.value) === 'end');
    assert.deepStrictEqual(values(await read('transactions', ended)), committed, 'read_committed');
    assert.strictEqual((await read('transactions', ended, { readUncommitted: true })).length, 31, 'read_uncommitted');
  },

  async positions() {
    await create('positions');
    const base = Date.now() - 100000;
    await produce('positions', numbers('', 100).map((value, i) => ({ value, timestamp: String(base + 1000 * i) })));
    assert.deepStrictEqual(values(await read('positions', count(100))), numbers('', 100), 'from the beginning');
    const some = values(await read('positions', (got) => got.some((m) => m.offset === '99'), { offset: 57 }));
    assert.deepStrictEqual(some.slice(-43), numbers('', 100).slice(57), 'from offset 57');
    const [found] = await admin.fetchTopicOffsetsByTimestamp('positions', base + 41500);
    assert.strictEqual(found.offset, '42', 'offset of a timestamp');
    const [end] = await admin.fetchTopicOffsets('positions');
    assert.deepStrictEqual([end.low, end.high], ['0', '100']);
  },

  async group() {
    await create('group', 4);
    for (let p = 0; p < 4; p++) await produce('group', valued(numbers(`${p}-`, 20), { partition: p }));
    const everywhere = async (value) => produce('group', [0, 1, 2, 3].map((partition) => ({ value, partition })));
    const times = (value, ...members) => members.flatMap((m) => m.got).filter((v) => v === value).length;
    const first = await new Member('group', 'group').join();
    await until(() => first.assigned.length === 4 && first.got.length === 80, 'everything by the first member');
    const second = await new Member('group', 'group').join();
    await until(() => first.assigned.length === 2 && second.assigned.length === 2, 'two partitions each');
    assert.deepStrictEqual([...first.assigned, ...second.assigned].sort(), [0, 1, 2, 3]);
    await everywhere('both');
    await until(() => times('both', first, second) === 4, 'records while both are members');
    await first.leave();
    await until(() => second.assigned.length === 4, 'all partitions after the other left');
    await everywhere('last');
    await until(() => times('last', second) === 4, 'records after the other left');
    await second.leave();
    const third = await new Member('group', 'group').join();
    await produce('group', [{ value: 'later', partition: 3 }]);
    await until(() => third.got.includes('later'), 'a record for a later member');
    assert.deepStrictEqual(third.got, ['later']);
    await third.leave();
  },

  async static() {
    throw new Lacks('KafkaJS has no static membership (no group.instance.id)');
  },

  async cooperative() {
    throw new Lacks('KafkaJS rebalances eagerly only');
  },

  async protocol848() {
    throw new Lacks('KafkaJS speaks the classic group protocol only');
  },

  async metadata() {
    await create('metadata');
    await produce('metadata', valued(numbers('', 10)));
    const consumer = kafka.consumer({ groupId: 'metadata', maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topics: ['metadata'], fromBeginning: true });
    let read = 0;
    await consumer.run({ autoCommit: false, eachMessage: async () => void read++ });
    await until(() => read === 10, 'the records');
    await consumer.commitOffsets([{ topic: 'metadata', partition: 0, offset: '7', metadata: 'état: 7/∞' }]);
    await consumer.disconnect();
    const [{ partitions }] = await admin.fetchOffsets({ groupId: 'metadata', topics: ['metadata'] });
    assert.deepStrictEqual(partitions, [{ partition: 0, offset: '7', metadata: 'état: 7/∞' }]);
  },

  async admin() {
    const resource = { type: ConfigResourceTypes.TOPIC, name: 'admin' };
    const setting = async (key) => {
      const { resources } = await admin.describeConfigs({ resources: [{ ...resource, configNames: [key] }], includeSynonyms: false });
      return resources[0].configEntries[0].configValue;
    };
    await create('admin', 2, [{ name: 'retention.ms', value: '3600000' }]);
    assert.strictEqual(await setting('retention.ms'), '3600000', 'as created');
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '7200000' }] }] });
    assert.strictEqual(await setting('retention.ms'), '7200000', 'as altered');
    await admin.createPartitions({ topicPartitions: [{ topic: 'admin', count: 4 }] });
    const { topics } = await admin.fetchTopicMetadata({ topics: ['admin'] });
    assert.strictEqual(topics[0].partitions.length, 4);
    await produce('admin', valued(numbers('', 10)));
    await admin.deleteTopicRecords({ topic: 'admin', partitions: [{ partition: 0, offset: '6' }] });
    assert.deepStrictEqual(values(await read('admin', count(4))), ['6', '7', '8', '9'], 'what is left');
    const { groups } = await admin.listGroups();
    const ids = groups.map((group) => group.groupId).filter((id) => id.startsWith('reader-admin-'));
    assert.strictEqual(ids.length, 1);
    await admin.deleteGroups(ids);
    await admin.deleteTopics({ topics: ['admin'] });
    assert(!(await admin.listTopics()).includes('admin'), 'the topic is still there');
    const cluster = await admin.describeCluster();
    assert.strictEqual(cluster.brokers.length, 1);
  },

  async errors() {
    const failed = (topic, partitions, config) =>
      create(topic, partitions, config).then(() => 'no error', (error) => (error.errors ? error.errors[0].type : error.type));
    await create('errors', 2);
    assert.strictEqual(await create('errors', 2), false, 'KafkaJS says false for TOPIC_ALREADY_EXISTS');
    assert.strictEqual(await failed('bad name!', 1), 'INVALID_TOPIC_EXCEPTION');
    assert.strictEqual(await failed('errors-0', 0), 'INVALID_PARTITIONS');
    assert.strictEqual(await failed('errors-1', 1, [{ name: 'retention.ms', value: 'soon' }]), 'INVALID_CONFIG');
    assert.strictEqual(await failed('errors-2', 1, [{ name: 'no.such', value: '1' }]), 'INVALID_CONFIG');
    const quick = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 10, retries: 1 } }).admin();
    await quick.connect();
    // KafkaJS takes it for an error that goes away, and says so after its retries.
    await assert.rejects(quick.deleteTopics({ topics: ['nowhere'] }), (error) => error.cause.type === 'UNKNOWN_TOPIC_OR_PARTITION');
    await assert.rejects(quick.createPartitions({ topicPartitions: [{ topic: 'errors', count: 1 }] }), { type: 'INVALID_PARTITIONS' });
    await assert.rejects(quick.deleteGroups(['nobody']), (error) => error.groups[0].error.type === 'GROUP_ID_NOT_FOUND');
    await quick.disconnect();
  },

  async load() {
    await create('load', 4);
    const acknowledged = [0, 1, 2, 3].map(() => new Set());
    const got = [0, 1, 2, 3].map(() => []);
    const consumer = kafka.consumer({ groupId: 'load', maxWaitTimeInMs: 100, heartbeatInterval: 500 });
    await consumer.connect();
    await consumer.subscribe({ topics: ['load'], fromBeginning: true });
    await consumer.run({ eachMessage: async ({ partition, message }) => void got[partition].push(Number(text(message.value))) });
    // Idempotent KafkaJS producers wait for each request; one at a time keeps the order through retries.
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    console.log('go');
    const end = Date.now() + 1000 * seconds;
    for (let number = 0; Date.now() < end; number += 10) {
      const batch = Array.from({ length: 10 }, (_, i) => number + i);
      const messages = [0, 1, 2, 3].flatMap((partition) => batch.map((n) => ({ partition, value: String(n) })));
      await producer.send({ topic: 'load', acks: -1, messages });
      for (const set of acknowledged) batch.forEach((n) => set.add(n));
      await pause(2);
    }
    await producer.disconnect();
    await until(() => got.every((list, p) => { const seen = new Set(list); return [...acknowledged[p]].every((n) => seen.has(n)); }), 'all that was acknowledged');
    await consumer.disconnect();
    let again = 0;
    got.forEach((list, p) => {
      const first = [...new Set(list)];
      assert(first.every((n, i) => i === 0 || first[i - 1] < n), `partition ${p} is out of order`);
      again += list.length - first.length;
    });
    // What a consumer reads again after its own rejoin (uncommitted positions) is told from what the log holds twice.
    const ends = await admin.fetchTopicOffsets('load');
    const stored = ends.reduce((sum, { high }) => sum + Number(high), 0);
    const total = acknowledged.reduce((sum, set) => sum + set.size, 0);
    assert.strictEqual(stored, total, 'records in the log, of an idempotent producer');
    return `${total} acknowledged and read, ${again} read again after a rejoin`;
  },
};

async function main() {
  await admin.connect();
  const said = await scenarios[name]();
  await admin.disconnect();
  return said || 'ok';
}

main().then(
  (said) => {
    console.log(said);
    process.exit(0);
  },
  (failure) => {
    console.error(failure);
    console.log(String(failure.message || failure).split(/\s*\n\s*/).slice(0, 3).join(' '));
    process.exit(failure instanceof Lacks ? 3 : 1);
  },
);
