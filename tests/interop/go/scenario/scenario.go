// Package scenario is what the Go programs share: how a scenario is called and judged, and the two that are long and the
// same for every client (members of a group, load).
package scenario

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

type lacks string

// Missing ends the scenario: the client lacks it.
func Missing(why string) { panic(lacks(why)) }

func Expect(condition bool, why string, args ...any) {
	if !condition {
		panic(fmt.Errorf(why, args...))
	}
}

func Check(err error) {
	if err != nil {
		panic(err)
	}
}

func Must[T any](value T, err error) T {
	Check(err)
	return value
}

func Equal(got, wanted any, what string) {
	Expect(reflect.DeepEqual(got, wanted), "%s: got %.150s, wanted %.150s", what, fmt.Sprint(got), fmt.Sprint(wanted))
}

func ExpectError(got, wanted error, what string) {
	Expect(got != nil && errors.Is(got, wanted), "%s: got %v, wanted %v", what, got, wanted)
}

func Until(event func() bool, what string) {
	for end := time.Now().Add(30 * time.Second); !event(); time.Sleep(10 * time.Millisecond) {
		Expect(time.Now().Before(end), "%s not within 30 s", what)
	}
}

var said = "ok"

// Without says which part of a scenario the client itself lacks.
func Without(what string) { said = "without " + what }

// Numbers is prefix0, prefix1, …
func Numbers(prefix string, count int) []string {
	made := make([]string, count)
	for i := range made {
		made[i] = prefix + strconv.Itoa(i)
	}
	return made
}

// Incompressible bytes.
func Noise(size int) []byte {
	made := make([]byte, size)
	state := uint64(88172645463325252)
	for i := range made {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		made[i] = byte(state)
	}
	return made
}

// Run calls the scenario that the command line names: SCENARIO HOST:PORT SECONDS. A scenario panics to fail.
func Run(scenarios map[string]func(address string), load func(address string, length time.Duration) string) {
	name, address := os.Args[1], os.Args[2]
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case lacks:
			fmt.Println(string(failure))
			os.Exit(3)
		default:
			fmt.Fprintf(os.Stderr, "%v\n%s", failure, debug.Stack())
			fmt.Println(strings.SplitN(fmt.Sprint(failure), "\n", 2)[0])
			os.Exit(1)
		}
	}()
	if name == "load" {
		seconds := Must(strconv.ParseFloat(os.Args[3], 64))
		fmt.Println(load(address, time.Duration(seconds*float64(time.Second))))
		return
	}
	scenario, found := scenarios[name]
	Expect(found, "no scenario %s", name)
	scenario(address)
	fmt.Println(said)
}

// Tracker is what a member of a group read, what is assigned to it, and what it had to give away, in order.
type Tracker struct {
	mutex    sync.Mutex
	assigned map[int32]bool
	got      []string
	lost     [][]int32
	gains    int
}

func (t *Tracker) Gain(partitions ...int32) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.assigned == nil {
		t.assigned = map[int32]bool{}
	}
	t.gains++
	for _, partition := range partitions {
		t.assigned[partition] = true
	}
}

func (t *Tracker) Lose(partitions ...int32) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.lost = append(t.lost, partitions)
	for _, partition := range partitions {
		delete(t.assigned, partition)
	}
}

func (t *Tracker) Read(value []byte) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.got = append(t.got, string(value))
}

func (t *Tracker) Assigned() []int32 {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	made := []int32{}
	for partition := range t.assigned {
		made = append(made, partition)
	}
	slices.Sort(made)
	return made
}

func (t *Tracker) Got() []string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.got)
}

func (t *Tracker) Lost() [][]int32 {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.lost)
}

// Changes counts assignments and revocations.
func (t *Tracker) Changes() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.gains + len(t.lost)
}

type Member interface {
	State() *Tracker
	Leave()
}

// Client is what Share needs of a client.
type Client struct {
	Create  func(topic string, partitions int)
	Produce func(topic string, partition int32, values []string)
	Join    func(group, topic string) Member
}

func count(values []string, wanted string) int {
	found := 0
	for _, value := range values {
		if value == wanted {
			found++
		}
	}
	return found
}

// Share: two members share four partitions, one leaves, the other takes over, and a third goes on where they stopped.
// Returns the first.
func Share(topic string, client Client) Member {
	client.Create(topic, 4)
	for partition := range int32(4) {
		client.Produce(topic, partition, Numbers(fmt.Sprint(partition, "-"), 20))
	}
	first := client.Join(topic, topic)
	Until(func() bool { return len(first.State().Assigned()) == 4 && len(first.State().Got()) == 80 }, "everything by the first member")
	second := client.Join(topic, topic)
	Until(func() bool { return len(first.State().Assigned()) == 2 && len(second.State().Assigned()) == 2 }, "two partitions each")
	both := append(first.State().Assigned(), second.State().Assigned()...)
	slices.Sort(both)
	Equal(both, []int32{0, 1, 2, 3}, "the partitions of both")
	for partition := range int32(4) {
		client.Produce(topic, partition, []string{"both"})
	}
	Until(func() bool { return count(first.State().Got(), "both")+count(second.State().Got(), "both") == 4 }, "records while both are members")
	first.Leave()
	Until(func() bool { return len(second.State().Assigned()) == 4 }, "all partitions after the other left")
	for partition := range int32(4) {
		client.Produce(topic, partition, []string{"last"})
	}
	Until(func() bool { return count(second.State().Got(), "last") == 4 }, "records after the other left")
	second.Leave()
	third := client.Join(topic, topic)
	Until(func() bool { return len(third.State().Assigned()) == 4 }, "a later member")
	client.Produce(topic, 3, []string{"later"})
	Until(func() bool { return count(third.State().Got(), "later") == 1 }, "a record for the later member")
	Equal(third.State().Got(), []string{"later"}, "what the later member read")
	third.Leave()
	return first
}

// Load is what was acknowledged and what was read, by partition.
type Load struct {
	mutex sync.Mutex
	acked [4]map[int]bool
	read  [4][]int
	seen  [4]map[int]bool
}

func NewLoad() *Load {
	load := &Load{}
	for i := range load.acked {
		load.acked[i], load.seen[i] = map[int]bool{}, map[int]bool{}
	}
	return load
}

func (l *Load) Acknowledge(partition int32, number int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.acked[partition][number] = true
}

func (l *Load) Read(partition int32, value []byte) {
	number := Must(strconv.Atoi(string(value)))
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.read[partition] = append(l.read[partition], number)
	l.seen[partition][number] = true
}

func (l *Load) lost() int {
	lost := 0
	for i := range l.acked {
		for number := range l.acked[i] {
			if !l.seen[i][number] {
				lost++
			}
		}
	}
	return lost
}

// Judge waits until what was acknowledged is read; then order, and duplicates if the producer was idempotent.
func (l *Load) Judge(idempotent bool) string {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		l.mutex.Lock()
		lost := l.lost()
		l.mutex.Unlock()
		if lost == 0 {
			break
		}
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	Expect(l.lost() == 0, "%d acknowledged records were not read", l.lost())
	acknowledged, again := 0, 0
	for i := range l.read {
		acknowledged += len(l.acked[i])
		first, seen := []int{}, map[int]bool{}
		for _, number := range l.read[i] {
			if !seen[number] {
				first = append(first, number)
			}
			seen[number] = true
		}
		again += len(l.read[i]) - len(first)
		Expect(slices.IsSorted(first), "partition %d is out of order", i)
	}
	Expect(!idempotent || again == 0, "%d duplicates from an idempotent producer", again)
	return fmt.Sprintf("%d acknowledged and read, %d again", acknowledged, again)
}
