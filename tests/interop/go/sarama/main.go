// The scenarios with sarama. See tests/interop/scenarios.py.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"chronik/interop/scenario"

	"github.com/IBM/sarama"
)

var address string

// settings of every client here; a scenario changes a copy.
func settings(change ...func(*sarama.Config)) *sarama.Config {
	made := sarama.NewConfig()
	made.Version = sarama.V4_1_0_0
	made.Producer.Return.Successes = true
	made.Producer.RequiredAcks = sarama.WaitForAll
	made.Producer.Partitioner = sarama.NewManualPartitioner
	made.Producer.Retry.Backoff = 100 * time.Millisecond
	made.Producer.Retry.Max = 100
	made.Metadata.Retry.Max = 30
	made.Consumer.Offsets.Initial = sarama.OffsetOldest
	made.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	made.Consumer.Offsets.AutoCommit.Enable = false
	made.Consumer.Retry.Backoff = 100 * time.Millisecond
	for _, one := range change {
		one(made)
	}
	return made
}

func administrator() sarama.ClusterAdmin {
	return scenario.Must(sarama.NewClusterAdmin([]string{address}, settings()))
}

func create(topic string, partitions int) {
	admin := administrator()
	defer admin.Close()
	scenario.Check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1}, false))
}

func messages(topic string, partition int32, values []string) []*sarama.ProducerMessage {
	made := make([]*sarama.ProducerMessage, len(values))
	for i, value := range values {
		made[i] = &sarama.ProducerMessage{Topic: topic, Partition: partition, Value: sarama.StringEncoder(value)}
	}
	return made
}

func send(made []*sarama.ProducerMessage, change ...func(*sarama.Config)) error {
	producer := scenario.Must(sarama.NewSyncProducer([]string{address}, settings(change...)))
	defer producer.Close()
	err := producer.SendMessages(made)
	var several sarama.ProducerErrors
	if errors.As(err, &several) {
		return several[0].Err
	}
	return err
}

func produce(topic string, partition int32, values []string) {
	scenario.Check(send(messages(topic, partition, values)))
}

// read returns count messages of partition 0 from an offset.
func read(topic string, offset int64, count int, change ...func(*sarama.Config)) []*sarama.ConsumerMessage {
	consumer := scenario.Must(sarama.NewConsumer([]string{address}, settings(change...)))
	defer consumer.Close()
	partition := scenario.Must(consumer.ConsumePartition(topic, 0, offset))
	defer partition.Close()
	var got []*sarama.ConsumerMessage
	late := time.After(20 * time.Second)
	for len(got) < count {
		select {
		case message := <-partition.Messages():
			got = append(got, message)
		case <-late:
			scenario.Expect(false, "%s: %d of %d records", topic, len(got), count)
		}
	}
	return got
}

func values(got []*sarama.ConsumerMessage) []string {
	made := make([]string, len(got))
	for i, message := range got {
		made[i] = string(message.Value)
	}
	return made
}

func codecs(string) {
	for _, codec := range []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy,
		sarama.CompressionLZ4, sarama.CompressionZSTD} {
		topic := "codecs-" + codec.String()
		create(topic, 1)
		sent := scenario.Numbers(topic+topic+topic, 500)
		scenario.Check(send(messages(topic, 0, sent), func(c *sarama.Config) { c.Producer.Compression = codec }))
		scenario.Equal(values(read(topic, 0, 500)), sent, topic)
	}
}

func large(string) {
	create("large", 1)
	value := scenario.Noise(900_000)
	scenario.Check(send([]*sarama.ProducerMessage{{Topic: "large", Value: sarama.ByteEncoder(value)}}))
	scenario.Expect(bytes.Equal(read("large", 0, 1)[0].Value, value), "the large record came back changed")
	err := send([]*sarama.ProducerMessage{{Topic: "large", Value: sarama.ByteEncoder(scenario.Noise(1_500_000))}},
		func(c *sarama.Config) { c.Producer.MaxMessageBytes = 3_000_000 })
	scenario.ExpectError(err, sarama.ErrMessageSizeTooLarge, "1.5 MB")
}

func headers(string) {
	create("headers", 1)
	sent := []sarama.RecordHeader{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("b"), Value: []byte{}}, {Key: []byte("a"), Value: []byte("2")},
		{Key: []byte("c")}, {Key: []byte("d"), Value: []byte{0, 255}}}
	scenario.Check(send([]*sarama.ProducerMessage{{Topic: "headers", Value: sarama.StringEncoder("v"), Headers: sent},
		{Topic: "headers", Value: sarama.StringEncoder("none")}}))
	got := read("headers", 0, 2)
	back := []sarama.RecordHeader{}
	for _, header := range got[0].Headers {
		back = append(back, *header)
	}
	scenario.Equal(back, sent, "headers")
	scenario.Equal(len(got[1].Headers), 0, "no headers")
}

func nulls(string) {
	create("nulls", 1)
	sent := [][2][]byte{{nil, []byte("no key")}, {[]byte("no value"), nil}, {nil, nil}, {{}, {}}, {[]byte("key"), []byte("value")}}
	var made []*sarama.ProducerMessage
	encoded := func(value []byte) sarama.Encoder {
		if value == nil {
			return nil
		}
		return sarama.ByteEncoder(value)
	}
	for _, pair := range sent {
		made = append(made, &sarama.ProducerMessage{Topic: "nulls", Key: encoded(pair[0]), Value: encoded(pair[1])})
	}
	scenario.Check(send(made))
	for i, message := range read("nulls", 0, len(sent)) {
		scenario.Equal([2][]byte{message.Key, message.Value}, sent[i], fmt.Sprint("record ", i))
	}
}

func exactlyOnce(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1 // sarama demands it of idempotent producers
}

func idempotent(string) {
	create("idempotent", 1)
	sent := scenario.Numbers("", 3000)
	scenario.Check(send(messages("idempotent", 0, sent), exactlyOnce, func(c *sarama.Config) { c.Producer.Flush.MaxMessages = 50 }))
	scenario.Equal(values(read("idempotent", 0, 3000)), sent, "records")
}

func transactions(string) {
	create("transactions", 1)
	producer := scenario.Must(sarama.NewSyncProducer([]string{address}, settings(exactlyOnce,
		func(c *sarama.Config) { c.Producer.Transaction.ID = "transactions" })))
	defer producer.Close()
	for _, name := range []string{"first ", "aborted ", "last "} {
		scenario.Check(producer.BeginTxn())
		scenario.Check(producer.SendMessages(messages("transactions", 0, scenario.Numbers(name, 10))))
		if name == "aborted " {
			scenario.Check(producer.AbortTxn())
		} else {
			scenario.Check(producer.CommitTxn())
		}
	}
	wanted := append(scenario.Numbers("first ", 10), scenario.Numbers("last ", 10)...)
	committed := read("transactions", 0, 20, func(c *sarama.Config) { c.Consumer.IsolationLevel = sarama.ReadCommitted })
	scenario.Equal(values(committed), wanted, "read_committed")
	scenario.Equal(len(read("transactions", 0, 30)), 30, "read_uncommitted")
}

func positions(string) {
	create("positions", 1)
	base := time.Now().Add(-100 * time.Second).Truncate(time.Millisecond)
	sent := messages("positions", 0, scenario.Numbers("", 100))
	for i, message := range sent {
		message.Timestamp = base.Add(time.Duration(i) * time.Second)
	}
	scenario.Check(send(sent))
	scenario.Equal(values(read("positions", sarama.OffsetOldest, 100)), scenario.Numbers("", 100), "from the beginning")
	scenario.Equal(values(read("positions", 57, 1))[0], "57", "from offset 57")
	client := scenario.Must(sarama.NewClient([]string{address}, settings()))
	defer client.Close()
	found := scenario.Must(client.GetOffset("positions", 0, base.UnixMilli()+41_500))
	scenario.Equal(found, int64(42), "offset of a timestamp")
	scenario.Equal(scenario.Must(client.GetOffset("positions", 0, sarama.OffsetNewest)), int64(100), "end")
	first := read("positions", found, 1)[0]
	scenario.Expect(string(first.Value) == "42" && first.Timestamp.Equal(base.Add(42*time.Second)), "from a timestamp: %v", first.Timestamp)
}

// member is a consumer of a group. Sarama runs ConsumeClaim for as long as a partition is the member's.
type member struct {
	scenario.Tracker
	group sarama.ConsumerGroup
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func (m *member) State() *scenario.Tracker                  { return &m.Tracker }
func (m *member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	m.Gain(claim.Partition())
	defer m.Lose(claim.Partition())
	for message := range claim.Messages() {
		m.Read(message.Value)
		session.MarkMessage(message, "")
		session.Commit()
	}
	return nil
}

func (m *member) Leave() {
	m.stop()
	m.done.Wait()
	scenario.Check(m.group.Close())
}

func join(group, topic string, change ...func(*sarama.Config)) *member {
	made := &member{group: scenario.Must(sarama.NewConsumerGroup([]string{address}, group, settings(change...)))}
	var stopped context.Context
	stopped, made.stop = context.WithCancel(context.Background())
	made.done.Go(func() {
		for stopped.Err() == nil {
			if err := made.group.Consume(stopped, []string{topic}, made); err != nil && stopped.Err() == nil {
				fmt.Println("consume:", err)
			}
		}
	})
	return made
}

func share(topic string, strategy sarama.BalanceStrategy) scenario.Member {
	return scenario.Share(topic, scenario.Client{Create: create, Produce: produce, Join: func(group, topic string) scenario.Member {
		return join(group, topic, func(c *sarama.Config) {
			c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
		})
	}})
}

func group(string) { share("group", sarama.NewBalanceStrategyRange()) }

func cooperative(string) {
	first := share("cooperative", sarama.NewBalanceStrategyCooperativeSticky())
	// Two for the second member, two at its own leaving; an eager member would have lost six.
	scenario.Equal(len(first.State().Lost()), 4, "partitions that the first member lost")
}

func static(string) {
	create("static", 4)
	with := func(id string) *member {
		return join("static", "static", func(c *sarama.Config) { c.Consumer.Group.InstanceId = id })
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
}

func protocol848(string) {
	scenario.Missing("sarama's consumers speak the classic group protocol only")
}

func metadata(string) {
	create("metadata", 1)
	client := scenario.Must(sarama.NewClient([]string{address}, settings()))
	defer client.Close()
	manager := scenario.Must(sarama.NewOffsetManagerFromClient("metadata", client))
	partition := scenario.Must(manager.ManagePartition("metadata", 0))
	partition.MarkOffset(7, "état: 7/∞")
	manager.Commit()
	scenario.Check(manager.Close())
	admin := administrator()
	defer admin.Close()
	found := scenario.Must(admin.ListConsumerGroupOffsets("metadata", map[string][]int32{"metadata": {0}})).GetBlock("metadata", 0)
	scenario.Equal(found.Offset, int64(7), "offset")
	scenario.Equal(found.Metadata, "état: 7/∞", "metadata")
}

func administration(string) {
	admin := administrator()
	defer admin.Close()
	hour, hours := "3600000", "7200000"
	setting := func() string {
		entries := scenario.Must(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: "admin", ConfigNames: []string{"retention.ms"}}))
		return entries[0].Value
	}
	scenario.Check(admin.CreateTopic("admin", &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &hour}}, false))
	scenario.Equal(setting(), hour, "as created")
	scenario.Check(admin.IncrementalAlterConfig(sarama.TopicResource, "admin",
		map[string]sarama.IncrementalAlterConfigsEntry{"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &hours}}, false))
	scenario.Equal(setting(), hours, "as altered")
	scenario.Check(admin.CreatePartitions("admin", 4, nil, false))
	scenario.Equal(len(scenario.Must(admin.DescribeTopics([]string{"admin"}))[0].Partitions), 4, "partitions")
	produce("admin", 0, scenario.Numbers("", 10))
	scenario.Check(admin.DeleteRecords("admin", map[int32]int64{0: 6}))
	scenario.Equal(values(read("admin", sarama.OffsetOldest, 4)), []string{"6", "7", "8", "9"}, "what is left")
	client := scenario.Must(sarama.NewClient([]string{address}, settings()))
	defer client.Close()
	manager := scenario.Must(sarama.NewOffsetManagerFromClient("admin", client))
	partition := scenario.Must(manager.ManagePartition("admin", 0))
	partition.MarkOffset(8, "")
	manager.Commit()
	scenario.Check(manager.Close())
	_, listed := scenario.Must(admin.ListConsumerGroups())["admin"]
	scenario.Expect(listed, "the group is not listed")
	scenario.Check(admin.DeleteConsumerGroup("admin"))
	scenario.Check(admin.DeleteTopic("admin"))
	_, there := scenario.Must(admin.ListTopics())["admin"]
	scenario.Expect(!there, "the topic is still there")
	brokers, _, err := admin.DescribeCluster()
	scenario.Check(err)
	scenario.Equal(len(brokers), 1, "brokers")
}

func errorPaths(string) {
	create("errors", 2)
	admin := administrator()
	defer admin.Close()
	failed := func(topic string, partitions int32, configs map[string]*string) error {
		return admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}, false)
	}
	soon := "soon"
	scenario.ExpectError(failed("errors", 1, nil), sarama.ErrTopicAlreadyExists, "existing topic")
	scenario.ExpectError(failed("bad name!", 1, nil), sarama.ErrInvalidTopic, "bad name")
	scenario.ExpectError(failed("errors-0", 0, nil), sarama.ErrInvalidPartitions, "no partitions")
	scenario.ExpectError(failed("errors-1", 1, map[string]*string{"retention.ms": &soon}), sarama.ErrInvalidConfig, "bad value")
	scenario.ExpectError(failed("errors-2", 1, map[string]*string{"no.such": &soon}), sarama.ErrInvalidConfig, "unknown setting")
	scenario.ExpectError(admin.DeleteTopic("nowhere"), sarama.ErrUnknownTopicOrPartition, "unknown topic")
	scenario.ExpectError(admin.CreatePartitions("errors", 1, nil, false), sarama.ErrInvalidPartitions, "fewer partitions")
	scenario.ExpectError(admin.DeleteConsumerGroup("nobody"), sarama.ErrGroupIDNotFound, "unknown group")
}

func load(_ string, length time.Duration) string {
	create("load", 4)
	result := scenario.NewLoad()
	consumer := scenario.Must(sarama.NewConsumer([]string{address}, settings()))
	for partition := range int32(4) {
		claim := scenario.Must(consumer.ConsumePartition("load", partition, 0))
		go func() {
			for message := range claim.Messages() {
				result.Read(partition, message.Value)
			}
		}()
	}
	producer := scenario.Must(sarama.NewAsyncProducer([]string{address}, settings(exactlyOnce)))
	var failed error
	var answers sync.WaitGroup
	answers.Go(func() {
		for message := range producer.Successes() {
			result.Acknowledge(message.Partition, message.Metadata.(int))
		}
	})
	answers.Go(func() {
		for one := range producer.Errors() {
			failed = one.Err
		}
	})
	fmt.Println("go")
	end := time.Now().Add(length)
	for number := 0; time.Now().Before(end); number++ {
		for partition := range int32(4) {
			producer.Input() <- &sarama.ProducerMessage{Topic: "load", Partition: partition, Value: sarama.StringEncoder(fmt.Sprint(number)), Metadata: number}
		}
		time.Sleep(time.Millisecond)
	}
	producer.AsyncClose()
	answers.Wait()
	scenario.Check(failed)
	return result.Judge(true)
}

func main() {
	scenarios := map[string]func(string){"codecs": codecs, "large": large, "headers": headers, "nulls": nulls, "idempotent": idempotent,
		"transactions": transactions, "positions": positions, "group": group, "static": static, "cooperative": cooperative,
		"protocol848": protocol848, "metadata": metadata, "admin": administration, "errors": errorPaths}
	for name, run := range scenarios {
		scenarios[name] = func(at string) {
			address = at
			run(at)
		}
	}
	scenario.Run(scenarios, func(at string, length time.Duration) string {
		address = at
		return load(at, length)
	})
}
