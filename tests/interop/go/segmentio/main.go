// The scenarios with segmentio/kafka-go. See tests/interop/scenarios.py.
package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"chronik/interop/scenario"

	"github.com/segmentio/kafka-go"
)

var (
	ctx     = context.Background()
	address string
	client  *kafka.Client
)

func create(topic string, partitions int) {
	response := scenario.Must(client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}}))
	scenario.Check(response.Errors[topic])
	settle(topic, partitions)
}

// settle waits until the client's own cache of metadata has the topic: writers do not ask again by themselves.
func settle(topic string, partitions int) {
	scenario.Until(func() bool {
		for _, found := range scenario.Must(client.Metadata(ctx, &kafka.MetadataRequest{})).Topics {
			if found.Name == topic {
				return len(found.Partitions) == partitions
			}
		}
		return partitions == 0
	}, fmt.Sprint(partitions, " partitions of ", topic))
}

// writer of one partition.
func writer(topic string, partition int32, change ...func(*kafka.Writer)) *kafka.Writer {
	made := &kafka.Writer{Addr: kafka.TCP(address), Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond,
		Transport: client.Transport,
		Balancer:  kafka.BalancerFunc(func(kafka.Message, ...int) int { return int(partition) })}
	for _, one := range change {
		one(made)
	}
	return made
}

func send(topic string, partition int32, made []kafka.Message, change ...func(*kafka.Writer)) error {
	to := writer(topic, partition, change...)
	defer to.Close()
	return to.WriteMessages(ctx, made...)
}

func messages(values []string) []kafka.Message {
	made := make([]kafka.Message, len(values))
	for i, value := range values {
		made[i] = kafka.Message{Value: []byte(value)}
	}
	return made
}

func produce(topic string, partition int32, values []string) {
	scenario.Check(send(topic, partition, messages(values)))
}

func reader(topic string, partition int) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{Brokers: []string{address}, Topic: topic, Partition: partition, MaxWait: 100 * time.Millisecond, MaxBytes: 10e6})
}

// read returns count messages of partition 0, from where `seek` puts the reader.
func read(topic string, count int, seek func(*kafka.Reader) error) []kafka.Message {
	from := reader(topic, 0)
	defer from.Close()
	if seek != nil {
		scenario.Check(seek(from))
	}
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	got := make([]kafka.Message, count)
	for i := range got {
		got[i] = scenario.Must(from.ReadMessage(limit))
	}
	return got
}

func values(got []kafka.Message) []string {
	made := make([]string, len(got))
	for i, message := range got {
		made[i] = string(message.Value)
	}
	return made
}

func codecs(string) {
	for _, codec := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		topic := fmt.Sprint("codecs-", int(codec))
		create(topic, 1)
		sent := scenario.Numbers(topic+topic+topic, 500)
		scenario.Check(send(topic, 0, messages(sent), func(w *kafka.Writer) { w.Compression = codec }))
		scenario.Equal(values(read(topic, 500, nil)), sent, topic)
	}
}

func large(string) {
	create("large", 1)
	value := scenario.Noise(900_000)
	scenario.Check(send("large", 0, []kafka.Message{{Value: value}}))
	scenario.Expect(bytes.Equal(read("large", 1, nil)[0].Value, value), "the large record came back changed")
	err := send("large", 0, []kafka.Message{{Value: scenario.Noise(1_500_000)}}, func(w *kafka.Writer) { w.BatchBytes, w.MaxAttempts = 3_000_000, 1 })
	if several, is := err.(kafka.WriteErrors); is {
		err = several[0]
	}
	scenario.ExpectError(err, kafka.MessageSizeTooLarge, "1.5 MB")
}

func headers(string) {
	create("headers", 1)
	sent := []kafka.Header{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte{}}, {Key: "a", Value: []byte("2")}, {Key: "c"},
		{Key: "d", Value: []byte{0, 255}}}
	scenario.Check(send("headers", 0, []kafka.Message{{Value: []byte("v"), Headers: sent}, {Value: []byte("none")}}))
	got := read("headers", 2, nil)
	scenario.Equal(fmt.Sprint(got[0].Headers), fmt.Sprint(sent), "headers")
	scenario.Equal(len(got[1].Headers), 0, "no headers")
}

func nulls(string) {
	scenario.Without("telling null from empty, which kafka-go's Message cannot")
	create("nulls", 1)
	sent := [][2][]byte{{nil, []byte("no key")}, {[]byte("no value"), nil}, {nil, nil}, {[]byte("key"), []byte("value")}}
	var made []kafka.Message
	for _, pair := range sent {
		made = append(made, kafka.Message{Key: pair[0], Value: pair[1]})
	}
	scenario.Check(send("nulls", 0, made))
	for i, message := range read("nulls", len(sent), nil) {
		// kafka-go reads a null and an empty value as the same.
		scenario.Equal([2]string{string(message.Key), string(message.Value)}, [2]string{string(sent[i][0]), string(sent[i][1])}, fmt.Sprint("record ", i))
	}
}

func idempotent(string) { scenario.Missing("kafka-go's Writer is not idempotent") }

func transactions(string) { scenario.Missing("kafka-go's Writer has no transactions") }

func positions(string) {
	create("positions", 1)
	base := time.Now().Add(-100 * time.Second).Truncate(time.Millisecond)
	sent := messages(scenario.Numbers("", 100))
	for i := range sent {
		sent[i].Time = base.Add(time.Duration(i) * time.Second)
	}
	scenario.Check(send("positions", 0, sent))
	scenario.Equal(values(read("positions", 100, nil)), scenario.Numbers("", 100), "from the beginning")
	at := func(offset int64) func(*kafka.Reader) error {
		return func(r *kafka.Reader) error { return r.SetOffset(offset) }
	}
	scenario.Equal(values(read("positions", 1, at(57)))[0], "57", "from offset 57")
	first := read("positions", 1, func(r *kafka.Reader) error { return r.SetOffsetAt(ctx, base.Add(41_500*time.Millisecond)) })[0]
	scenario.Expect(string(first.Value) == "42" && first.Time.Equal(base.Add(42*time.Second)), "from a timestamp: %s", first.Value)
	found := scenario.Must(client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		"positions": {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}}})).Topics["positions"][0]
	scenario.Equal([2]int64{found.FirstOffset, found.LastOffset}, [2]int64{0, 100}, "ends")
}

// member is a consumer of a group: a Reader for each partition of a generation.
type member struct {
	scenario.Tracker
	group *kafka.ConsumerGroup
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func (m *member) State() *scenario.Tracker { return &m.Tracker }

func (m *member) Leave() {
	m.stop()
	scenario.Check(m.group.Close())
	m.done.Wait()
}

func join(id, topic string) scenario.Member {
	made := &member{}
	made.group = scenario.Must(kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: id, Brokers: []string{address}, Topics: []string{topic},
		HeartbeatInterval: 200 * time.Millisecond, StartOffset: kafka.FirstOffset, JoinGroupBackoff: 100 * time.Millisecond}))
	var stopped context.Context
	stopped, made.stop = context.WithCancel(ctx)
	made.done.Go(func() {
		for stopped.Err() == nil {
			generation, err := made.group.Next(stopped)
			if err != nil {
				continue
			}
			for _, assigned := range generation.Assignments[topic] {
				generation.Start(func(now context.Context) { made.consume(now, generation, topic, assigned) })
			}
		}
	})
	return made
}

func (m *member) consume(now context.Context, generation *kafka.Generation, topic string, assigned kafka.PartitionAssignment) {
	m.Gain(int32(assigned.ID))
	defer m.Lose(int32(assigned.ID))
	from := reader(topic, assigned.ID)
	defer from.Close()
	scenario.Check(from.SetOffset(assigned.Offset))
	for {
		message, err := from.ReadMessage(now)
		if err != nil {
			return
		}
		// Read is what was committed: who sees it may end this member.
		if err := generation.CommitOffsets(map[string]map[int]int64{topic: {assigned.ID: message.Offset + 1}}); err != nil {
			fmt.Println("commit:", err)
		}
		m.Read(message.Value)
	}
}

func group(string) {
	scenario.Share("group", scenario.Client{Create: create, Produce: produce, Join: join})
}

func static(string) {
	scenario.Missing("kafka-go has no static membership (no group.instance.id in ConsumerGroup)")
}

func cooperative(string) { scenario.Missing("kafka-go rebalances eagerly only") }

func protocol848(string) { scenario.Missing("kafka-go speaks the classic group protocol only") }

func metadata(string) {
	create("metadata", 1)
	done := scenario.Must(client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: "metadata", GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{"metadata": {{Partition: 0, Offset: 7, Metadata: "état: 7/∞"}}}}))
	scenario.Check(done.Topics["metadata"][0].Error)
	found := scenario.Must(client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: "metadata", Topics: map[string][]int{"metadata": {0}}}))
	partition := found.Topics["metadata"][0]
	scenario.Equal(partition.CommittedOffset, int64(7), "offset")
	scenario.Equal(partition.Metadata, "état: 7/∞", "metadata")
}

func administration(string) {
	scenario.Without("deleting records, which kafka-go lacks")
	setting := func() string {
		described := scenario.Must(client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
			{ResourceType: kafka.ResourceTypeTopic, ResourceName: "admin", ConfigNames: []string{"retention.ms"}}}}))
		return described.Resources[0].ConfigEntries[0].ConfigValue
	}
	created := scenario.Must(client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "admin", NumPartitions: 2,
		ReplicationFactor: 1, ConfigEntries: []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "3600000"}}}}}))
	scenario.Check(created.Errors["admin"])
	scenario.Equal(setting(), "3600000", "as created")
	altered := scenario.Must(client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: "admin",
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: "7200000", ConfigOperation: kafka.ConfigOperationSet}}}}}))
	scenario.Check(altered.Resources[0].Error)
	scenario.Equal(setting(), "7200000", "as altered")
	grown := scenario.Must(client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: "admin", Count: 4}}}))
	scenario.Check(grown.Errors["admin"])
	settle("admin", 4)
	scenario.Check(scenario.Must(client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{"admin"}})).Errors["admin"])
	settle("admin", 0)
	scenario.Equal(len(scenario.Must(client.Metadata(ctx, &kafka.MetadataRequest{})).Brokers), 1, "brokers")
}

func errorPaths(string) {
	create("errors", 2)
	failed := func(topic string, partitions int, configs ...kafka.ConfigEntry) error {
		return scenario.Must(client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
			{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}}})).Errors[topic]
	}
	scenario.ExpectError(failed("errors", 1), kafka.TopicAlreadyExists, "existing topic")
	scenario.ExpectError(failed("bad name!", 1), kafka.InvalidTopic, "bad name")
	scenario.ExpectError(failed("errors-0", 0), kafka.InvalidPartitionNumber, "no partitions")
	scenario.ExpectError(failed("errors-1", 1, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "soon"}), kafka.InvalidConfiguration, "bad value")
	scenario.ExpectError(failed("errors-2", 1, kafka.ConfigEntry{ConfigName: "no.such", ConfigValue: "1"}), kafka.InvalidConfiguration, "unknown setting")
	gone := scenario.Must(client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{"nowhere"}})).Errors["nowhere"]
	scenario.ExpectError(gone, kafka.UnknownTopicOrPartition, "unknown topic")
	fewer := scenario.Must(client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: "errors", Count: 1}}}))
	scenario.ExpectError(fewer.Errors["errors"], kafka.InvalidPartitionNumber, "fewer partitions")
	group := scenario.Must(client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{"nobody"}})).Errors["nobody"]
	scenario.ExpectError(group, kafka.GroupIdNotFound, "unknown group")
}

func load(_ string, length time.Duration) string {
	create("load", 4)
	result := scenario.NewLoad()
	var writers sync.WaitGroup
	fmt.Println("go")
	end := time.Now().Add(length)
	for partition := range int32(4) {
		go func() {
			from := reader("load", int(partition))
			for {
				if message, err := from.ReadMessage(ctx); err == nil {
					result.Read(partition, message.Value)
				}
			}
		}()
		writers.Go(func() {
			// One call at a time keeps the order through retries; what is retried may be there twice.
			to := writer("load", partition, func(w *kafka.Writer) { w.MaxAttempts = 100 })
			defer to.Close()
			for number := 0; time.Now().Before(end); number++ {
				scenario.Check(to.WriteMessages(ctx, kafka.Message{Value: []byte(strconv.Itoa(number))}))
				result.Acknowledge(partition, number)
			}
		})
	}
	writers.Wait()
	return result.Judge(false)
}

func main() {
	scenarios := map[string]func(string){"codecs": codecs, "large": large, "headers": headers, "nulls": nulls, "idempotent": idempotent,
		"transactions": transactions, "positions": positions, "group": group, "static": static, "cooperative": cooperative,
		"protocol848": protocol848, "metadata": metadata, "admin": administration, "errors": errorPaths}
	prepare := func(at string) {
		address = at
		client = &kafka.Client{Addr: kafka.TCP(at), Timeout: 20 * time.Second, Transport: &kafka.Transport{MetadataTTL: 100 * time.Millisecond}}
	}
	for name, run := range scenarios {
		scenarios[name] = func(at string) {
			prepare(at)
			run(at)
		}
	}
	scenario.Run(scenarios, func(at string, length time.Duration) string {
		prepare(at)
		return load(at, length)
	})
}
