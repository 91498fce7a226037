package main_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/endpoint/keyring"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

// keygen makes a key for the node and returns the secret file.
func (n *node) keygen(role string, name ...string) string {
	n.t.Helper()
	args := append([]string{"bus", "keygen", "-datadir=" + n.dir, n.args[1], role}, name...)
	out, err := exec.Command(bulkheadBinary, args...).CombinedOutput()
	require.NoError(n.t, err, "%s", out)
	secret := filepath.Join(n.net, "ipc", strings.Join(append([]string{role}, name...), ".")+".key_secret")
	require.Contains(n.t, string(out), secret)
	return secret
}

// log returns debug.log.
func (n *node) log() string {
	n.t.Helper()
	raw, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
	require.NoError(n.t, err)
	return string(raw)
}

// awaitLog waits for a line with all of the texts.
func (n *node) awaitLog(texts ...string) {
	n.t.Helper()
	n.eventually("a line in the log", func() error { return hasLine(n.log(), texts...) })
}

func hasLine(log string, texts ...string) error {
	for line := range strings.Lines(log) {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			return nil
		}
	}
	return fmt.Errorf("no line with %q", texts)
}

// program is a process of others.
type program struct {
	t     testing.TB
	stdin io.Writer
	lines chan string
}

func startProgram(t testing.TB, args ...string) *program {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start(), "python3 with the modules zmq and cbor2 (python3-zmq, python3-cbor2) is needed")
	p := &program{t: t, stdin: stdin, lines: make(chan string, 10_000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.lines)
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 16<<20)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	return p
}

// line returns the next line that the program writes.
func (p *program) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		require.True(p.t, ok, "the program ended")
		return line
	case <-time.After(patience):
		require.FailNow(p.t, "the program says nothing")
		return ""
	}
}

// message is what outsider.py tells of a message that it got.
type message struct {
	Kind, ID        int
	To, Fault, Text string
	Body            map[string]any
	Attached        []string
}

func (p *program) next() message {
	p.t.Helper()
	var m message
	require.NoError(p.t, json.Unmarshal([]byte(p.line()), &m))
	return m
}

// ask sends a message and returns the one that answers it. Events on the way
// are passed over.
func (p *program) ask(what map[string]any) message {
	p.t.Helper()
	line, err := json.Marshal(what)
	require.NoError(p.t, err)
	_, err = p.stdin.Write(append(line, '\n'))
	require.NoError(p.t, err)
	m := p.next()
	for m.Kind == kindEvent {
		m = p.next()
	}
	require.Equal(p.t, what["id"], m.ID)
	return m
}

// Kinds of messages, as bus/codec numbers them.
const (
	kindWelcome, kindCall, kindReply, kindError, kindEvent, kindSubscribe = 2, 3, 4, 5, 8, 9
)

// internalHex is a hash as it is on the bus, in hexadecimal.
func internalHex(t testing.TB, hash string) string {
	t.Helper()
	h, err := chainhash.NewHashFromStr(hash)
	require.NoError(t, err)
	return hex.EncodeToString(h[:])
}

func TestAProgramOfOthersOnTheBus(t *testing.T) {
	address := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	n := startNode(t, "regtest", "-connect=0", "-ipcbind="+address, "-p2pworkers=0")
	mined := n.must("generatetoaddress", 3, btcdMiningAddress).([]any)
	key := n.keygen("client") // the node is running: it needs no restart
	p := startProgram(t, "testdata/outsider.py", "client", address, key)
	welcome := p.next()
	require.Equal(t, kindWelcome, welcome.Kind)
	require.Equal(t, "client.outsider", welcome.To)
	n.awaitLog("client.outsider attached from 127.0.0.1:")

	tip := p.ask(map[string]any{"kind": kindCall, "id": 1, "to": "node.chain.tip"})
	require.Equal(t, kindReply, tip.Kind, tip.Text)
	require.EqualValues(t, 3, tip.Body["1"])
	require.Equal(t, internalHex(t, n.tip()), tip.Body["2"])

	block := p.ask(map[string]any{"kind": kindCall, "id": 2, "to": "node.chain.getblock", "hex": true,
		"body": map[string]any{"1": internalHex(t, mined[1].(string))}})
	require.Equal(t, kindReply, block.Kind, block.Text)
	require.EqualValues(t, 2, block.Body["1"])
	require.Equal(t, []string{n.must("getblock", mined[1], 0).(string)}, block.Attached)

	unknown := p.ask(map[string]any{"kind": kindCall, "id": 3, "to": "node.chain.getblock", "hex": true,
		"body": map[string]any{"1": strings.Repeat("00", 32)}})
	require.Equal(t, kindError, unknown.Kind)
	require.Equal(t, string(msg.KindUnknownBlock), unknown.Fault)

	for id, topic := range map[int]string{4: "node.tip", 5: "node.event.", 6: "ship.event."} {
		heard := p.ask(map[string]any{"kind": kindSubscribe, "id": id, "body": map[string]any{"1": []string{topic}}})
		require.Equal(t, kindReply, heard.Kind, heard.Text)
	}
	p.hears(n)
	p.hearsOfADeath(n)

	// What the role may not do is an error to the program and a line here.
	for id, method := range map[int]string{20: "rpc.getnewaddress", 21: "node.watch.scan", 22: "node.p2p.block", 23: "ship.wallet.spawn"} {
		denied := p.ask(map[string]any{"kind": kindCall, "id": id, "to": method})
		require.Equal(t, kindError, denied.Kind, method)
		require.Equal(t, "denied", denied.Fault, method)
		n.awaitLog("client.outsider (role client) may not call", fmt.Sprintf("%q", method))
	}
	none := p.ask(map[string]any{"kind": kindCall, "id": 30, "to": "node.chain.nothing"})
	require.Equal(t, "no-service", none.Fault)

	// A key that is taken back loses its link.
	require.NoError(t, os.Remove(strings.TrimSuffix(key, "_secret")))
	n.awaitLog("link of client.outsider", "its key was withdrawn")
	n.awaitLog("refused a connection from 127.0.0.1:", "unknown-client-key") // libzmq tries again
	n.stop()
}

// hears mines a block and checks that the program hears of it, in both
// families of events.
func (p *program) hears(n *node) {
	n.t.Helper()
	hash := n.must("generatetoaddress", 1, btcdMiningAddress).([]any)[0].(string)
	raw := n.must("getblock", hash, 0).(string)
	heard := map[string]bool{}
	for !heard["node.tip"] || !heard["node.event.connected"] {
		m := p.next()
		require.Equal(n.t, kindEvent, m.Kind)
		switch m.To {
		case "node.tip":
			tip, ok := m.Body["1"].(map[string]any)
			require.True(n.t, ok)
			heard[m.To] = tip["2"] == internalHex(n.t, hash)
		case "node.event.connected":
			require.Equal(n.t, internalHex(n.t, hash), m.Body["3"])
			require.Equal(n.t, []string{raw}, m.Attached)
			heard[m.To] = true
		}
	}
}

// hearsOfADeath kills a compartment and checks that the program hears of it, as the log
// tells it.
func (p *program) hearsOfADeath(n *node) {
	n.t.Helper()
	pid := n.pids("notify")[0]
	kill(n.t, pid)
	m := p.next()
	for m.To != "ship.event.compartment" {
		m = p.next()
	}
	require.Equal(n.t, map[string]any{"1": "notify", "2": "notify", "3": float64(pid), "4": msg.CompartmentEnded,
		"5": fmt.Sprintf("notify (pid %d) ended: signal: killed; starting it again", pid)}, m.Body)
	n.awaitLog(m.Body["5"].(string))
}

// pythonExample is the program in the documentation.
func pythonExample(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "other-machines.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```python\n")
	require.True(t, found)
	code, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	file := filepath.Join(t.TempDir(), "tips.py")
	require.NoError(t, os.WriteFile(file, []byte(code), 0o600))
	return file
}

func TestTheProgramInTheDocumentation(t *testing.T) {
	address := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
	n := newNode(t, "regtest", "-connect=0", "-ipcbind="+address)
	key := n.keygen("client", "tips")
	n.start()
	p := startProgram(t, pythonExample(t), address, key)
	require.Equal(t, "0 "+n.tip(), p.line())
	for range 2 {
		n.must("generatetoaddress", 1, btcdMiningAddress)
		want := fmt.Sprintf("%d %s", n.height(), n.tip())
		for p.line() != want { // a tip may be told of more than once
		}
	}
	n.stop()
}

func TestOurClientTalksToABrokerOfOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ipc")
	pair, err := keyring.Create(dir, "worker", "b", "regtest")
	require.NoError(t, err)
	ticket, err := keyring.ReadTicket(pair.Secret)
	require.NoError(t, err)
	p := startProgram(t, "testdata/outsider.py", "broker", filepath.Join(dir, "broker.key_secret"))
	var bound struct{ Port int }
	require.NoError(t, json.Unmarshal([]byte(p.line()), &bound))

	mux := bus.NewMux()
	bus.Method[bus.None, bus.None]("rpc.setmocktime").Handle(mux, func(context.Context, bus.None) (bus.None, error) { return bus.None{}, nil })
	conn := bus.NewDialing(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		nc, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", bound.Port))
		if err != nil {
			return nil, err
		}
		return secure.Client(nc, secure.ClientConfig{Key: ticket.Key, Server: ticket.Broker, Identity: ticket.Name}), nil
	}, bus.Config{Mux: mux})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	ended := make(chan error, 1)
	go func() { ended <- conn.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	require.JSONEq(t, `{"peer": "b", "kind": 1, "offers": ["rpc.setmocktime"]}`, p.line())
	tip, err := msg.GetTip.Call(ctx, conn, bus.None{})
	require.NoError(t, err)
	require.Equal(t, "worker.b", conn.Instance())
	var call struct {
		Kind     int
		To       string
		Deadline int64
	}
	require.NoError(t, json.Unmarshal([]byte(p.line()), &call))
	require.Equal(t, kindCall, call.Kind)
	require.Equal(t, "node.chain.tip", call.To)
	deadline, _ := ctx.Deadline()
	require.Equal(t, deadline.UnixMicro(), call.Deadline)
	want := p2p.Tip{Height: 7, Time: 1231006505, HeaderHeight: 9, Initial: true, EventSeq: 3, MinFeeRate: 1000}
	for i := range want.Hash {
		want.Hash[i] = byte(i)
	}
	require.Equal(t, want, tip)
}
