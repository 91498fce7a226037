package session

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// script is a session in a recorded conversation, and what a file of testdata
// calls things: blocks a1, a2, b2 (branch and height; a1..a9 is a run of them),
// transactions by any name, inventory as kind:name (block:a1, wtx:rent).
type script struct {
	*datadriven.TestData
	t       *testing.T
	s       *Session
	now     time.Time
	names   map[chainhash.Hash]string
	headers map[string][]byte
	forks   map[byte]string // the block on which a branch stands
	asked   []Request       // not answered yet, oldest first
	ping    uint64          // the nonce of our last ping
}

// TestConversations runs the recorded conversations of a session with its peer
// (lines "peer"), with node and manager ("answer", "fail", "tip", "txs") and with
// the clock ("after"). go test -rewrite records them anew. The log's lines that
// every message causes ("received: ...", "sending ...") are left out.
func TestConversations(t *testing.T) {
	datadriven.Walk(t, "testdata/conversations", func(t *testing.T, path string) {
		s := &script{now: time.Unix(1_700_000_000, 0), names: map[chainhash.Hash]string{{}: "none"},
			headers: map[string][]byte{}, forks: map[byte]string{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.TestData = t, d
			return s.run()
		})
	})
}

func (s *script) run() string {
	switch s.Cmd {
	case "connected": // a session after a handshake that is not shown
		s.s, s.asked = New(s.config()), nil
		s.quietly(Opened{})
		for _, m := range []Message{{Type: wire.CmdVersion, Payload: s.payload(wire.CmdVersion)}, {Type: wire.CmdWTxIdRelay}, {Type: wire.CmdVerAck}} {
			s.quietly(m)
		}
		return ""
	case "branch": // branch b on=a2
		s.forks[s.CmdArgs[0].Key[0]] = s.text("on", "")
		return ""
	case "session":
		s.s, s.asked = New(s.config()), nil
	}
	require.NotNil(s.t, s.s, "%s: no session yet", s.Pos)
	var out strings.Builder
	for _, e := range s.s.Step(s.now, s.input()) {
		if line := s.show(e); line != "" {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

func (s *script) quietly(in Input) {
	for _, e := range s.s.Step(s.now, in) {
		s.show(e) // notes what was asked
	}
}

func (s *script) config() Config {
	cfg := inboundConfig()
	cfg.Type, cfg.Tip = p2p.ConnectionType(s.CmdArgs[0].Key), s.tip("tip")
	cfg.Local, cfg.BlocksOnly = s.HasArg("local"), s.HasArg("blocksonly")
	cfg.Reconciles = s.HasArg("txreconciliation")
	if s.HasArg("chosen") {
		cfg.RemoteServices = fullServices
	}
	for _, name := range s.list("permissions") {
		cfg.Permissions |= p2p.ParsePermission(name)
	}
	return cfg
}

// input makes an input of a command.
func (s *script) input() Input {
	switch s.Cmd {
	case "session":
		return Opened{}
	case "peer":
		return Message{Type: s.CmdArgs[0].Key, Payload: s.payload(s.CmdArgs[0].Key), ReceivedAt: s.now}
	case "after":
		return s.tick()
	case "answer", "fail":
		return s.answer()
	case "tip":
		in := TipChanged{Tip: s.tip("")}
		for _, name := range s.expand(s.list("headers")) {
			in.Headers = append(in.Headers, s.header(name))
		}
		return in
	case "txs":
		return p2p.TxsAnnouncedEvent{Txs: s.announcements(s.words(0))}
	case "addresses":
		return RelayAddresses{Addresses: s.addresses(s.words(0))}
	case "node-restarted":
		return NodeRestarted{}
	case "blamed":
		return p2p.PeerEvent{Blamed: &p2p.PeerBlamed{Reason: s.CmdArgs[0].Key}}
	case "kick":
		return Kick{Reason: s.CmdArgs[0].Key}
	case "ping-now":
		return PingNow{}
	}
	s.t.Fatalf("%s: unknown command %q", s.Pos, s.Cmd)
	return nil
}

// tick reads: after DURATION [idle=DURATION], where nothing came for the latter.
func (s *script) tick() Input {
	s.now = s.now.Add(s.duration(s.CmdArgs[0].Key))
	return Tick{LastSend: s.now, LastReceive: s.now.Add(-s.duration(s.text("idle", "0s")))}
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	require.NoError(s.t, err, s.Pos)
	return d
}

// tip reads a block, the value of key or the first word, and what belongs to it.
func (s *script) tip(key string) p2p.Tip {
	name := s.text(key, "")
	if key == "" {
		name = s.CmdArgs[0].Key
	}
	tip := p2p.Tip{Initial: s.HasArg("initial"), MinFeeRate: int64(s.number("minfee", 100)), Time: 1_700_000_000}
	if name != "" {
		tip.Hash, tip.Height = s.block(name), int32(height(s.t, name))
		tip.HeaderHash, tip.HeaderHeight = tip.Hash, tip.Height
	}
	return tip
}

// answer answers the oldest request of a kind, or lets it fail.
func (s *script) answer() Input {
	kind := s.CmdArgs[0].Key
	for i, r := range s.asked {
		if strings.Fields(s.request(r.Body))[0] != kind {
			continue
		}
		s.asked = append(s.asked[:i:i], s.asked[i+1:]...)
		if s.Cmd == "fail" {
			return Reply{ID: r.ID, Err: errors.New("the node is gone")}
		}
		return Reply{ID: r.ID, Body: s.reply(kind)}
	}
	s.t.Fatalf("%s: nothing asked for %s", s.Pos, kind)
	return nil
}

func (s *script) reply(kind string) any {
	blocks := s.expand(s.words(1))
	switch kind {
	case "locator", "find-blocks":
		return p2p.LocatorReply{Hashes: s.blocks(blocks)}
	case "find-headers":
		return headersReply(s.raw(blocks))
	case "headers":
		return p2p.SubmitHeadersReply{New: s.number("new", 0), Last: s.block(s.text("last", "a0")),
			Height: int32(height(s.t, s.text("last", "a0"))), Unconnecting: s.HasArg("unconnecting"),
			Reject: s.text("reject", ""), Misbehaving: s.HasArg("misbehaving"), Download: s.HasArg("download")}
	case "lease":
		return p2p.LeaseReply{Hashes: s.blocks(s.expand(s.list("blocks"))), Seconds: s.number("seconds", 0), Retry: s.HasArg("retry")}
	case "block", "tx":
		return p2p.SubmitReply{New: s.HasArg("new"), Reject: s.text("reject", ""), Misbehaving: s.HasArg("misbehaving"),
			Mutated: s.HasArg("mutated"), Orphan: s.HasArg("orphan")}
	case "fetch-block", "fetch-tx":
		return s.found(kind)
	case "want":
		return p2p.WantTxsReply{Txids: s.hashes(s.list("txids")), Wtxids: s.hashes(s.list("wtxids")), Known: []byte{byte(s.number("known", 0))}, Wait: int64(s.number("wait", 0))}
	case "mempool":
		return p2p.TxsAnnouncedEvent{Txs: s.announcements(s.words(1))}
	case "get-addresses":
		return p2p.AddressesReply{Addresses: s.addresses(s.words(1))}
	case "take-private": // answer take-private [NAME]
		words := s.words(1)
		if len(words) == 0 {
			return p2p.TakePrivateReply{}
		}
		return p2p.TakePrivateReply{Found: true, Txid: s.txid(words[0]), Frames: multipart.One(txPayload(words[0]))}
	case "introduce":
		return p2p.IntroducePeerReply{Refused: s.text("refused", "")}
	}
	return p2p.Done{}
}

// found reads: answer fetch-block [NAME] [too-deep], and the same for a tx.
func (s *script) found(kind string) p2p.FetchReply {
	if s.HasArg("too-deep") {
		return p2p.FetchReply{TooDeep: true}
	}
	words := s.words(1)
	if len(words) == 0 {
		return p2p.FetchReply{}
	}
	raw := txPayload(words[0])
	if kind == "fetch-block" {
		raw = s.blockPayload(words[0])
	}
	return p2p.FetchReply{Found: true, Frames: multipart.One(raw)}
}

// What a command says: words without a value from the nth on, and values.

func (s *script) words(from int) (words []string) {
	for _, arg := range s.CmdArgs[from:] {
		if len(arg.Vals) == 0 {
			words = append(words, arg.Key)
		}
	}
	return words
}

func (s *script) list(key string) []string {
	for _, arg := range s.CmdArgs {
		if arg.Key == key && len(arg.Vals) > 0 {
			return arg.Vals
		}
	}
	return nil
}

func (s *script) text(key, otherwise string) string {
	if vals := s.list(key); len(vals) > 0 {
		return strings.Join(vals, ", ")
	}
	return otherwise
}

func (s *script) number(key string, otherwise int) int {
	n, err := strconv.Atoi(s.text(key, strconv.Itoa(otherwise)))
	require.NoError(s.t, err, s.Pos)
	return n
}

// show writes an effect as a line.
func (s *script) show(e Effect) string {
	switch e := e.(type) {
	case Send:
		return strings.TrimSpace("send " + e.Type + " " + s.content(e.Type, e.Payload))
	case Request:
		s.asked = append(s.asked, e)
		return "ask " + s.request(e.Body)
	case Disconnect:
		if e.Discourage {
			return "disconnect and discourage"
		}
		return "disconnect"
	case Ready:
		return "ready"
	case Log:
		if strings.HasPrefix(e.Text, "received: ") && strings.Contains(e.Text, " bytes) ") || strings.HasPrefix(e.Text, "sending ") {
			return ""
		}
		return strings.TrimSpace("log "+e.Category) + ": " + s.legible(e.Text)
	}
	s.t.Fatalf("unknown effect %T", e)
	return ""
}

var hashPattern = regexp.MustCompile("[0-9a-f]{64}")

// legible puts names in the place of hashes.
func (s *script) legible(text string) string {
	return hashPattern.ReplaceAllStringFunc(text, func(hex string) string {
		hash, err := chainhash.NewHashFromStr(hex)
		require.NoError(s.t, err)
		return s.name(*hash)
	})
}

func (s *script) name(hash chainhash.Hash) string {
	name, known := s.names[hash]
	require.True(s.t, known, "%s: %s has no name", s.Pos, hash)
	return name
}

// request writes what is asked for: a word that answers refer to, and details.
func (s *script) request(body any) string {
	switch r := body.(type) {
	case p2p.LocatorRequest:
		return "locator"
	case p2p.IntroducePeerRequest:
		return fmt.Sprintf("introduce version=%d services=%d agent=%s relay=%t", r.Version, r.Services, r.UserAgent, r.Relay)
	case p2p.SubmitHeadersRequest:
		return "headers " + s.some(s.headerNames(r.First()))
	case p2p.LeaseRequest:
		return fmt.Sprintf("lease best=%s max=%d limited=%t", s.name(r.Best), r.Max, r.Limited)
	case p2p.ReleaseRequest:
		return "release"
	case p2p.SubmitBlockRequest:
		return fmt.Sprintf("block %s requested=%t", s.name(headerHash(r.First())), r.Requested)
	case p2p.SubmitTxRequest:
		return fmt.Sprintf("tx %s force=%t", txName(r.First()), r.Force)
	case p2p.FindHeadersRequest:
		return fmt.Sprintf("find-headers after (%s) to %s", s.some(s.namesOf(r.Locator)), s.name(r.Stop))
	case p2p.FindBlocksRequest:
		return fmt.Sprintf("find-blocks after (%s) to %s", s.some(s.namesOf(r.Locator)), s.name(r.Stop))
	case p2p.FetchBlockRequest:
		return fmt.Sprintf("fetch-block %s witness=%t", s.name(r.Hash), r.Witness)
	case p2p.FetchTxRequest:
		return fmt.Sprintf("fetch-tx %s by-wtxid=%t witness=%t", s.name(r.Hash), r.Wtxid, r.Witness)
	case p2p.WantTxsRequest:
		return s.want(r)
	case p2p.MempoolRequest:
		return "mempool"
	case p2p.AddAddressesRequest:
		return fmt.Sprintf("add-addresses %s relay=(%s)", addressNames(r.Addresses), addressNames(r.Relay))
	case p2p.GetAddressesRequest:
		return "get-addresses"
	case p2p.TakePrivateRequest:
		return "take-private " + r.Address
	case p2p.ConfirmPrivateRequest:
		return "confirm-private"
	}
	s.t.Fatalf("unknown request %T", body)
	return ""
}

func (s *script) want(r p2p.WantTxsRequest) string {
	text := "want"
	for _, list := range []struct {
		name   string
		hashes []chainhash.Hash
	}{{"txids", r.Txids}, {"wtxids", r.Wtxids}, {"not-found", r.NotFound}} {
		if len(list.hashes) > 0 {
			text += fmt.Sprintf(" %s=(%s)", list.name, s.some(s.namesOf(list.hashes)))
		}
	}
	if r.From.Preferred {
		text += " preferred"
	}
	return text
}

// some shortens a long list.
func (s *script) some(list []string) string {
	if len(list) > 8 {
		return fmt.Sprintf("%s to %s, %d", list[0], list[len(list)-1], len(list))
	}
	return strings.Join(list, " ")
}

func (s *script) namesOf(hashes []chainhash.Hash) (names []string) {
	for _, h := range hashes {
		names = append(names, s.name(h))
	}
	return names
}

// inventoryKinds are the words of the scripts for the types of inventory.
var inventoryKinds = map[string]wire.InvType{
	"tx": wire.InvTypeTx, "witness-tx": wire.InvTypeWitnessTx, "wtx": invWtx,
	"block": wire.InvTypeBlock, "witness-block": wire.InvTypeWitnessBlock, "filtered-block": wire.InvTypeFilteredBlock,
}
