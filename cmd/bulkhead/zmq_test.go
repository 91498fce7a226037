package main_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// subscriberScript is an outsider built on libzmq: it subscribes to the
// topics it is told and prints every message as a line of JSON.
const subscriberScript = `
import json, struct, sys, zmq
s = zmq.Context().socket(zmq.SUB)
for topic in sys.argv[2].split(","):
    s.setsockopt_string(zmq.SUBSCRIBE, topic)
s.setsockopt(zmq.RCVHWM, 0)
s.connect(sys.argv[1])
print("ready", flush=True)
while True:
    frames = s.recv_multipart()
    print(json.dumps({"topic": frames[0].decode(), "body": frames[1].hex(), "frames": len(frames),
                      "count": struct.unpack("<I", frames[2])[0]}), flush=True)
`

// notification is a message that the subscriber got.
type notification struct {
	Topic, Body   string
	Frames, Count int
}

// subscribe starts a subscriber process; its messages arrive in order.
func subscribe(t testing.TB, address string, topics ...string) <-chan notification {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", "-c", subscriberScript, address, strings.Join(topics, ","))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	require.True(t, lines.Scan(), "python3 with the zmq module (python3-zmq) is needed: %s", &stderr)
	messages := make(chan notification, 100_000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines.Scan() {
			var m notification
			if json.Unmarshal(lines.Bytes(), &m) == nil {
				messages <- m
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	return messages
}

// listener collects a subscriber's messages.
type listener struct {
	n        *node
	messages <-chan notification
	counts   map[string]int
}

// settle mines blocks until the subscriber hears of one: ZeroMQ subscribers
// miss what is published while they connect.
func settle(n *node, messages <-chan notification, topic string) *listener {
	n.t.Helper()
	l := &listener{n: n, messages: messages, counts: map[string]int{}}
	var last string
	n.eventually("the subscription", func() error {
		last = n.must("generatetoaddress", 1, btcdMiningAddress).([]any)[0].(string)
		for {
			select {
			case m := <-messages:
				l.counts[m.Topic] = m.Count
				if m.Topic == topic && strings.HasPrefix(m.Body, last) {
					return nil
				}
			default:
				return fmt.Errorf("nothing heard of %s", last)
			}
		}
	})
	return l
}

// next returns the body of the next message of any topic and checks its form.
func (l *listener) next() (topic, body string) {
	l.n.t.Helper()
	var m notification
	l.n.eventually("a notification", func() error {
		select {
		case m = <-l.messages:
			return nil
		default:
			return fmt.Errorf("none")
		}
	})
	require.Equal(l.n.t, 3, m.Frames)
	if last, heard := l.counts[m.Topic]; heard {
		require.Equal(l.n.t, last+1, m.Count, m.Topic)
	}
	l.counts[m.Topic] = m.Count
	return m.Topic, m.Body
}

// expect checks the next message.
func (l *listener) expect(topic, body string) {
	l.n.t.Helper()
	gotTopic, gotBody := l.next()
	require.Equal(l.n.t, topic, gotTopic)
	require.Equal(l.n.t, body, gotBody)
}

// sequenceBody is the body of a "sequence" message about a block or, with a
// mempool sequence, a transaction.
func sequenceBody(hash string, label byte, mempoolSequence ...uint64) string {
	body := hash + hex.EncodeToString([]byte{label})
	for _, n := range mempoolSequence {
		var le [8]byte
		for i := range le {
			le[i] = byte(n >> (8 * i))
		}
		body += hex.EncodeToString(le[:])
	}
	return body
}

func TestAnOutsiderHearsEveryTopic(t *testing.T) {
	address := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	var args []string
	topics := []string{"hashblock", "rawblock", "hashtx", "rawtx", "sequence"}
	for _, topic := range topics {
		args = append(args, "-zmqpub"+topic+"="+address)
	}
	n := startNode(t, "regtest", append(args, "-connect=0", "-fallbackfee=0.0002")...)
	notifiers, ok := n.must("getzmqnotifications").([]any)
	require.True(t, ok)
	require.Len(t, notifiers, len(topics))
	n.must("createwallet", "w")
	mine := n.must("getnewaddress").(string)
	n.must("generatetoaddress", 101, mine)

	hashblock := settle(n, subscribe(t, address, "hashblock"), "hashblock")
	block := n.must("generatetoaddress", 1, mine).([]any)[0].(string)
	hashblock.expect("hashblock", block)

	sequence := settle(n, subscribe(t, address, "sequence"), "sequence")
	poolSeq := func() uint64 {
		return uint64(n.object("getrawmempool", false, true)["mempool_sequence"].(float64))
	}
	before := poolSeq()
	txid := n.must("sendtoaddress", btcdMiningAddress, 1).(string)
	sequence.expect("sequence", sequenceBody(txid, 'A', before))
	block = n.must("generatetoaddress", 1, mine).([]any)[0].(string)
	sequence.expect("sequence", sequenceBody(block, 'C'))
	// A reorganisation: the block goes, the transaction is back, two come.
	n.must("invalidateblock", block)
	sequence.expect("sequence", sequenceBody(block, 'D'))
	topic, body := sequence.next()
	require.Equal(t, "sequence", topic)
	require.Equal(t, txid+"41", body[:66], "the transaction is in the mempool again")

	rawtx := settleRaw(n, subscribe(t, address, "rawtx"))
	second := n.must("sendtoaddress", btcdMiningAddress, 2).(string)
	raw := n.must("getrawtransaction", second).(string)
	rawtx.expect("rawtx", raw)
	n.stop()
}

// settleRaw is settle for topics whose bodies do not begin with a hash.
func settleRaw(n *node, messages <-chan notification) *listener {
	n.t.Helper()
	l := &listener{n: n, messages: messages, counts: map[string]int{}}
	n.eventually("the subscription", func() error {
		n.must("generatetoaddress", 1, btcdMiningAddress)
		select {
		case m := <-messages:
			l.counts[m.Topic] = m.Count
			return nil
		default:
			return fmt.Errorf("nothing heard")
		}
	})
	// Every block that was mined while waiting is heard before what follows.
	n.must("generatetoaddress", 1, btcdMiningAddress)
	want := n.object("getblock", n.tip(), 2)["tx"].([]any)[0].(map[string]any)["hex"].(string)
	n.eventually("the last block", func() error {
		for {
			select {
			case m := <-messages:
				l.counts[m.Topic] = m.Count
				if m.Body == want {
					return nil
				}
			default:
				return fmt.Errorf("not heard yet")
			}
		}
	})
	return l
}

func TestSubscribersSurviveTheNotifier(t *testing.T) {
	address := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	n := startNode(t, "regtest", "-zmqpubhashblock="+address, "-connect=0")
	messages := subscribe(t, address, "hashblock")
	settle(n, messages, "hashblock")
	kill(t, n.pids("notify")[0])
	settle(n, messages, "hashblock") // libzmq connects again by itself
	n.stop()
}

func TestANodeThatComesBackRepeatsNoNews(t *testing.T) {
	address := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	n := startNode(t, "regtest", "-zmqpubhashblock="+address, "-zmqpubsequence="+address, "-connect=0")
	l := settle(n, subscribe(t, address, "hashblock"), "hashblock")
	n.must("generatetoaddress", 5, btcdMiningAddress)
	for range 5 {
		l.next()
	}
	tip := n.tip()
	kill(t, n.pids("node")[0])
	n.eventually("the node", func() error {
		_, err := n.call("getblockcount")
		return err
	})
	n.eventuallyTip(tip)
	block := n.must("generatetoaddress", 1, btcdMiningAddress).([]any)[0].(string)
	l.expect("hashblock", block)
	n.stop()
}
