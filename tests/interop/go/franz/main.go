// The scenarios with franz-go. See tests/interop/scenarios.py.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"chronik/interop/scenario"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	ctx     = context.Background()
	address string
	admin   *kadm.Client
)

func client(options ...kgo.Opt) *kgo.Client {
	options = append([]kgo.Opt{kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)
	return scenario.Must(kgo.NewClient(options...))
}

func create(topic string, partitions int) {
	scenario.Must(admin.CreateTopic(ctx, int32(partitions), 1, nil, topic))
}

func records(topic string, partition int32, values []string) []*kgo.Record {
	made := make([]*kgo.Record, len(values))
	for i, value := range values {
		made[i] = &kgo.Record{Topic: topic, Partition: partition, Value: []byte(value)}
	}
	return made
}

func produceRecords(made []*kgo.Record, options ...kgo.Opt) error {
	producer := client(options...)
	defer producer.Close()
	return producer.ProduceSync(ctx, made...).FirstErr()
}

func produce(topic string, partition int32, values []string) {
	scenario.Check(produceRecords(records(topic, partition, values)))
}

// read returns count records of partition 0.
func read(topic string, at kgo.Offset, count int, options ...kgo.Opt) []*kgo.Record {
	options = append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: at}}))
	consumer := client(options...)
	defer consumer.Close()
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var got []*kgo.Record
	for len(got) < count {
		fetches := consumer.PollFetches(limit)
		scenario.Check(fetches.Err0())
		got = append(got, fetches.Records()...)
	}
	return got
}

func values(got []*kgo.Record) []string {
	made := make([]string, len(got))
	for i, record := range got {
		made[i] = string(record.Value)
	}
	return made
}

func codecs(string) {
	for name, codec := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		topic := "codecs-" + name
		create(topic, 1)
		sent := scenario.Numbers(name+name+name+name, 500)
		scenario.Check(produceRecords(records(topic, 0, sent), kgo.ProducerBatchCompression(codec)))
		scenario.Equal(values(read(topic, kgo.NewOffset().AtStart(), 500)), sent, name)
	}
}

func large(string) {
	create("large", 1)
	value := scenario.Noise(900_000)
	scenario.Check(produceRecords([]*kgo.Record{{Topic: "large", Value: value}}))
	got := read("large", kgo.NewOffset().AtStart(), 1)
	scenario.Expect(bytes.Equal(got[0].Value, value), "the large record came back changed")
	err := produceRecords([]*kgo.Record{{Topic: "large", Value: scenario.Noise(1_500_000)}}, kgo.ProducerBatchMaxBytes(3_000_000))
	scenario.ExpectError(err, kerr.MessageTooLarge, "1.5 MB")
}

func headers(string) {
	create("headers", 1)
	sent := []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte{}}, {Key: "a", Value: []byte("2")},
		{Key: "c", Value: nil}, {Key: "d", Value: []byte{0, 255}}}
	scenario.Check(produceRecords([]*kgo.Record{{Topic: "headers", Value: []byte("v"), Headers: sent}, {Topic: "headers", Value: []byte("none")}}))
	got := read("headers", kgo.NewOffset().AtStart(), 2)
	scenario.Equal(got[0].Headers, sent, "headers")
	scenario.Equal(len(got[1].Headers), 0, "no headers")
}

func nulls(string) {
	create("nulls", 1)
	sent := [][2][]byte{{nil, []byte("no key")}, {[]byte("no value"), nil}, {nil, nil}, {{}, {}}, {[]byte("key"), []byte("value")}}
	var made []*kgo.Record
	for _, pair := range sent {
		made = append(made, &kgo.Record{Topic: "nulls", Key: pair[0], Value: pair[1]})
	}
	scenario.Check(produceRecords(made))
	for i, record := range read("nulls", kgo.NewOffset().AtStart(), len(sent)) {
		scenario.Equal([2][]byte{record.Key, record.Value}, sent[i], fmt.Sprint("record ", i))
	}
}

func idempotent(string) {
	create("idempotent", 1)
	sent := scenario.Numbers("", 5000)
	scenario.Check(produceRecords(records("idempotent", 0, sent), kgo.ProducerBatchMaxBytes(600)))
	scenario.Equal(values(read("idempotent", kgo.NewOffset().AtStart(), 5000)), sent, "records")
}

func transactions(string) {
	create("transactions", 1)
	producer := client(kgo.TransactionalID("transactions"))
	defer producer.Close()
	for _, name := range []string{"first ", "aborted ", "last "} {
		scenario.Check(producer.BeginTransaction())
		scenario.Check(producer.ProduceSync(ctx, records("transactions", 0, scenario.Numbers(name, 10))...).FirstErr())
		scenario.Check(producer.Flush(ctx))
		scenario.Check(producer.EndTransaction(ctx, kgo.TransactionEndTry(name != "aborted ")))
	}
	wanted := append(scenario.Numbers("first ", 10), scenario.Numbers("last ", 10)...)
	committed := read("transactions", kgo.NewOffset().AtStart(), 20, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	scenario.Equal(values(committed), wanted, "read_committed")
	scenario.Equal(len(read("transactions", kgo.NewOffset().AtStart(), 30)), 30, "read_uncommitted")
}

func positions(string) {
	create("positions", 1)
	base := time.Now().Add(-100 * time.Second).Truncate(time.Millisecond)
	sent := records("positions", 0, scenario.Numbers("", 100))
	for i, record := range sent {
		record.Timestamp = base.Add(time.Duration(i) * time.Second)
	}
	scenario.Check(produceRecords(sent))
	scenario.Equal(values(read("positions", kgo.NewOffset().AtStart(), 100)), scenario.Numbers("", 100), "from the beginning")
	scenario.Equal(values(read("positions", kgo.NewOffset().At(57), 1))[0], "57", "from offset 57")
	first := read("positions", kgo.NewOffset().AfterMilli(base.UnixMilli()+41_500), 1)[0]
	scenario.Equal(string(first.Value), "42", "from a timestamp")
	scenario.Expect(first.Timestamp.Equal(base.Add(42*time.Second)), "timestamp %v", first.Timestamp)
	found, _ := scenario.Must(admin.ListOffsetsAfterMilli(ctx, base.UnixMilli()+41_500, "positions")).Lookup("positions", 0)
	scenario.Equal(found.Offset, int64(42), "offset of a timestamp")
	end, _ := scenario.Must(admin.ListEndOffsets(ctx, "positions")).Lookup("positions", 0)
	scenario.Equal(end.Offset, int64(100), "end")
	latest, _ := scenario.Must(admin.ListMaxTimestampOffsets(ctx, "positions")).Lookup("positions", 0)
	scenario.Equal(latest.Offset, int64(99), "largest timestamp")
}

type member struct {
	scenario.Tracker
	client *kgo.Client
	done   sync.WaitGroup
	static bool
}

func (m *member) State() *scenario.Tracker { return &m.Tracker }

func (m *member) Leave() {
	m.client.Close() // leaves the group, unless the member is static
	m.done.Wait()
}

func join(group, topic string, options ...kgo.Opt) *member {
	made := &member{}
	partitions := func(all map[string][]int32) []int32 { return all[topic] }
	options = append([]kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, all map[string][]int32) { made.Gain(partitions(all)...) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, all map[string][]int32) { made.Lose(partitions(all)...) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, all map[string][]int32) { made.Lose(partitions(all)...) }),
	}, options...)
	made.client = client(options...)
	made.done.Go(func() {
		for {
			fetches := made.client.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			// Read is what was committed: who sees it may end this member.
			if err := made.client.CommitRecords(ctx, fetches.Records()...); err != nil {
				fmt.Println("commit:", err)
			}
			fetches.EachRecord(func(record *kgo.Record) { made.Read(record.Value) })
		}
	})
	return made
}

func share(topic string, options ...kgo.Opt) scenario.Member {
	return scenario.Share(topic, scenario.Client{Create: create, Produce: produce,
		Join: func(group, topic string) scenario.Member { return join(group, topic, options...) }})
}

func group(string) { share("group", kgo.Balancers(kgo.RangeBalancer())) }

func cooperative(string) {
	first := share("cooperative", kgo.Balancers(kgo.CooperativeStickyBalancer()))
	for _, lost := range first.State().Lost() {
		if len(lost) > 0 {
			scenario.Equal(len(lost), 2, "partitions given away for the second member")
			return
		}
	}
}

func protocol848(string) {
	share("protocol848", kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
}

func static(string) {
	create("static", 4)
	with := func(id string) *member {
		return join("static", "static", kgo.InstanceID(id), kgo.Balancers(kgo.RangeBalancer()))
	}
	stays, goes := with("stays"), with("goes")
	scenario.Until(func() bool { return len(stays.Assigned()) == 2 && len(goes.Assigned()) == 2 }, "two partitions each")
	had, changes := goes.Assigned(), stays.Changes()
	goes.Leave()
	back := with("goes")
	scenario.Until(func() bool { return len(back.Assigned()) == 2 }, "its partitions again")
	scenario.Equal(back.Assigned(), had, "partitions after coming back")
	scenario.Equal(stays.Changes(), changes, "changes of the other member")
	back.Leave()
	stays.Leave()
	scenario.Must(admin.LeaveGroup(ctx, kadm.LeaveGroup("static").InstanceIDs("stays", "goes")))
}

func metadata(string) {
	create("metadata", 1)
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: "metadata", At: 7, LeaderEpoch: 0, Metadata: "état: 7/∞"})
	scenario.Check(scenario.Must(admin.CommitOffsets(ctx, "metadata", offsets)).Error())
	found, _ := scenario.Must(admin.FetchOffsets(ctx, "metadata")).Lookup("metadata", 0)
	scenario.Equal(found.Metadata, "état: 7/∞", "metadata")
	scenario.Equal(found.At, int64(7), "offset")
	scenario.Equal(found.LeaderEpoch, int32(0), "leader epoch")
}

func setting(topic, name string) string {
	described := scenario.Must(admin.DescribeTopicConfigs(ctx, topic))
	for _, config := range described[0].Configs {
		if config.Key == name {
			return *config.Value
		}
	}
	return ""
}

func administration(string) {
	hour := kadm.StringPtr("3600000")
	scenario.Must(admin.CreateTopic(ctx, 2, 1, map[string]*string{"retention.ms": hour}, "admin"))
	scenario.Equal(setting("admin", "retention.ms"), "3600000", "as created")
	altered := scenario.Must(admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("7200000")}}, "admin"))
	scenario.Check(altered[0].Err)
	scenario.Equal(setting("admin", "retention.ms"), "7200000", "as altered")
	scenario.Check(scenario.Must(admin.UpdatePartitions(ctx, 4, "admin"))["admin"].Err)
	scenario.Equal(len(scenario.Must(admin.ListTopics(ctx, "admin"))["admin"].Partitions), 4, "partitions")
	produce("admin", 0, scenario.Numbers("", 10))
	var until kadm.Offsets
	until.AddOffset("admin", 0, 6, -1)
	deleted, _ := scenario.Must(admin.DeleteRecords(ctx, until)).Lookup("admin", 0)
	scenario.Check(deleted.Err)
	scenario.Equal(deleted.LowWatermark, int64(6), "low watermark")
	scenario.Equal(values(read("admin", kgo.NewOffset().AtStart(), 4)), []string{"6", "7", "8", "9"}, "what is left")
	var commit kadm.Offsets
	commit.AddOffset("admin", 0, 8, -1)
	scenario.Check(scenario.Must(admin.CommitOffsets(ctx, "admin", commit)).Error())
	lag := scenario.Must(admin.Lag(ctx, "admin"))["admin"]
	scenario.Equal(lag.Lag.Total(), int64(2), "lag")
	scenario.Check(scenario.Must(admin.DeleteGroup(ctx, "admin")).Err)
	scenario.Must(admin.DeleteTopic(ctx, "admin"))
	scenario.Expect(!scenario.Must(admin.ListTopics(ctx)).Has("admin"), "the topic is still there")
	scenario.Equal(len(scenario.Must(admin.ListBrokers(ctx))), 1, "brokers")
}

func errorPaths(string) {
	create("errors", 2)
	_, unknown := admin.DeleteTopic(ctx, "nowhere")
	scenario.ExpectError(unknown, kerr.UnknownTopicOrPartition, "unknown topic")
	failed := func(partitions int32, topic string, configs map[string]*string) error {
		_, err := admin.CreateTopic(ctx, partitions, 1, configs, topic)
		return err
	}
	scenario.ExpectError(failed(1, "errors", nil), kerr.TopicAlreadyExists, "existing topic")
	scenario.ExpectError(failed(1, "bad name!", nil), kerr.InvalidTopicException, "bad name")
	scenario.ExpectError(failed(0, "errors-0", nil), kerr.InvalidPartitions, "no partitions")
	scenario.ExpectError(failed(1, "errors-1", map[string]*string{"retention.ms": kadm.StringPtr("soon")}), kerr.InvalidConfig, "bad value")
	scenario.ExpectError(failed(1, "errors-2", map[string]*string{"no.such": kadm.StringPtr("1")}), kerr.InvalidConfig, "unknown setting")
	scenario.ExpectError(scenario.Must(admin.UpdatePartitions(ctx, 1, "errors"))["errors"].Err, kerr.InvalidPartitions, "fewer partitions")
	_, group := admin.DeleteGroup(ctx, "nobody")
	scenario.ExpectError(group, kerr.GroupIDNotFound, "unknown group")
	producer := client(kgo.UnknownTopicRetries(1))
	defer producer.Close()
	err := producer.ProduceSync(ctx, &kgo.Record{Topic: "errors", Partition: 9}).FirstErr()
	scenario.Expect(err != nil, "a record went to a partition that is not there")
}

func load(_ string, length time.Duration) string {
	create("load", 4)
	result := scenario.NewLoad()
	start := map[int32]kgo.Offset{}
	for partition := range int32(4) {
		start[partition] = kgo.NewOffset().AtStart()
	}
	consumer := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"load": start}))
	defer consumer.Close()
	go func() {
		for {
			fetches := consumer.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachRecord(func(record *kgo.Record) { result.Read(record.Partition, record.Value) })
		}
	}()
	producer := client(kgo.ProducerLinger(5 * time.Millisecond))
	defer producer.Close()
	var mutex sync.Mutex
	var failed error
	fmt.Println("go")
	end := time.Now().Add(length)
	for number := 0; time.Now().Before(end); number++ {
		for partition := range int32(4) {
			record := &kgo.Record{Topic: "load", Partition: partition, Value: fmt.Append(nil, number)}
			producer.Produce(ctx, record, func(_ *kgo.Record, err error) {
				if err == nil {
					result.Acknowledge(partition, number)
					return
				}
				mutex.Lock()
				failed = errors.Join(failed, err)
				mutex.Unlock()
			})
		}
		time.Sleep(time.Millisecond)
	}
	scenario.Check(producer.Flush(ctx))
	scenario.Check(failed)
	return result.Judge(true)
}

func main() {
	scenario.Run(map[string]func(string){"codecs": prepared(codecs), "large": prepared(large), "headers": prepared(headers),
		"nulls": prepared(nulls), "idempotent": prepared(idempotent), "transactions": prepared(transactions),
		"positions": prepared(positions), "group": prepared(group), "static": prepared(static), "cooperative": prepared(cooperative),
		"protocol848": prepared(protocol848), "metadata": prepared(metadata), "admin": prepared(administration),
		"errors": prepared(errorPaths)}, func(at string, length time.Duration) string {
		prepared(func(string) {})(at)
		return load(at, length)
	})
}

// prepared opens the administrative client first.
func prepared(run func(string)) func(string) {
	return func(at string) {
		address = at
		admin = kadm.NewClient(client())
		run(at)
	}
}
