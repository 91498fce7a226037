package follow_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bulkheadnode/bulkhead/wallet/follow"
	"github.com/bulkheadnode/bulkhead/wallet/keypool"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

// account makes scripts that are easy to read: m/0/7.
type account struct{}

func (account) Script(p keys.Path) ([]byte, error) {
	return fmt.Appendf(nil, "m/%d/%d", p.Branch, p.Index), nil
}

// disk is what a wallet has written.
type disk struct {
	txs  map[chainhash.Hash]ledger.Tx
	at   follow.Position
	next [2]uint32
}

// machine is a wallet in a world. Requests are answered, and events read, when
// the test says so.
type machine struct {
	t      *rapid.T
	world  *world
	disk   disk
	pool   *keypool.Pool
	ledger *ledger.Ledger
	wallet *follow.Follower

	request follow.Effect  // that was not served yet; nil if there is none
	answer  []follow.Input // of the one that was, not read yet
	before  int            // how many events were published before the answer
	read    int            // how many events were read ever
}

func newMachine(t *rapid.T) *machine {
	m := &machine{t: t, world: newWorld(), disk: disk{txs: map[chainhash.Hash]ledger.Tx{}}}
	m.disk.at = follow.Position{Locator: []chainhash.Hash{m.world.tip().hash}, Height: m.world.tip().height}
	m.start()
	return m
}

// start is a new process of the wallet.
func (m *machine) start() {
	var err error
	m.pool, err = keypool.New(account{}, m.disk.next)
	require.NoError(m.t, err)
	m.ledger = ledger.New(m.pool.Owns)
	for _, tx := range m.disk.txs {
		tx.Pool = ledger.Outside
		m.ledger.Add(tx)
	}
	m.wallet = follow.New(m.ledger, m.pool, m.disk.at)
	m.world.forget()
	m.request, m.answer, m.before, m.read = nil, nil, 0, 0
	m.step(follow.NodeUp{}, -1)
}

// step takes an input; only the first saves are written if crash is not
// negative.
func (m *machine) step(in follow.Input, crash int) {
	effects, err := m.wallet.Step(in, int64(m.world.nonce))
	require.NoError(m.t, err)
	next := m.pool.Next()
	for _, e := range effects {
		switch e := e.(type) {
		case follow.Save:
			if crash == 0 {
				return
			}
			crash--
			m.write(e, next)
		case follow.Cancel:
			m.request, m.answer = nil, nil
		case follow.Rescanned, follow.Refused:
		default:
			if _, pause := m.request.(follow.Wait); !pause {
				require.Nil(m.t, m.request, "one request at a time")
			}
			require.Empty(m.t, m.answer, "one request at a time")
			m.request = e
		}
	}
}

func (m *machine) write(e follow.Save, next [2]uint32) {
	for _, tx := range e.Txs {
		m.disk.txs[tx.Hash] = tx
	}
	for _, hash := range e.Forget {
		delete(m.disk.txs, hash)
	}
	m.disk.at, m.disk.next = e.Position, next
}

// readEvent reads one event, if there is one.
func (m *machine) readEvent() bool {
	if len(m.world.events) == 0 {
		return false
	}
	ev := m.world.events[0]
	m.world.events = m.world.events[1:]
	m.read++
	m.step(ev, -1)
	return true
}

// progress serves a request or reads a piece of an answer. What was published
// before the answer is read before it.
func (m *machine) progress(crash int) bool {
	switch {
	case len(m.answer) > 0:
		for answer := m.answer; m.read < m.before; {
			m.readEvent()
			if len(m.answer) != len(answer) {
				return true // the request was given up
			}
		}
		in := m.answer[0]
		m.answer = m.answer[1:]
		m.step(in, crash)
		return true
	case m.request != nil:
		e := m.request
		m.request = nil
		if _, pause := e.(follow.Wait); pause {
			m.step(follow.Retry{}, crash)
			return true
		}
		m.answer = m.world.serve(e)
		m.before = m.read + len(m.world.events)
		return true
	}
	return false
}

// settle lets the wallet do all that is to be done, and asks for the tip.
func (m *machine) settle() {
	for range 10_000 {
		for m.readEvent() {
		}
		if m.progress(-1) {
			continue
		}
		m.step(m.world.tipInput(), -1)
		if m.request == nil && len(m.world.events) == 0 {
			require.True(m.t, m.wallet.InSync())
			return
		}
	}
	m.t.Fatal("the wallet never comes to rest")
}

// check compares with the naive computation, if the wallet has heard all.
func (m *machine) check(*rapid.T) {
	if !m.wallet.InSync() || len(m.world.events) > 0 || m.wallet.Position().Hash() != m.world.tip().hash {
		return
	}
	require.Equal(m.t, recompute(m.world, m.ledger.All()), m.ledger.Balances())
	for _, tx := range m.ledger.All() {
		if tx.Block != nil {
			require.Less(m.t, tx.Block.Height, int32(len(m.world.blocks)))
			require.Equal(m.t, m.world.blocks[tx.Block.Height].hash, tx.Block.Hash)
		}
	}
}

func (m *machine) receive(t *rapid.T) {
	// Never beyond what a restored wallet watches.
	most := m.disk.next[0] + keypool.Lookahead - 1 - m.pool.Next()[0]
	ahead := rapid.Uint32Range(0, min(most, 60)).Draw(t, "ahead")
	script := fmt.Appendf(nil, "m/0/%d", m.pool.Next()[0]+ahead)
	m.world.accept(m.world.tx(nil, wire.NewTxOut(rapid.Int64Range(1, 100).Draw(t, "value"), script)))
}

func (m *machine) coin(t *rapid.T) (coin ledger.Coin, ok bool) {
	coins := slices.DeleteFunc(m.ledger.Coins(), func(c ledger.Coin) bool { return !c.Mature })
	if len(coins) == 0 {
		return coin, false
	}
	return rapid.SampledFrom(coins).Draw(t, "coin"), true
}

// pay spends a coin; the payment is taken, refused, lost on its way, or the
// wallet dies when it has written it.
func (m *machine) pay(t *rapid.T) {
	coin, ok := m.coin(t)
	if !ok {
		return
	}
	change := fmt.Appendf(nil, "m/1/%d", m.pool.Next()[1])
	tx := m.world.tx([]wire.OutPoint{coin.OutPoint}, wire.NewTxOut(coin.Value/2, []byte("x")), wire.NewTxOut(coin.Value-coin.Value/2, change))
	_, _, err := m.pool.Use(change)
	require.NoError(t, err)
	m.step(follow.Pay{Tx: tx}, -1)
	paid := follow.Paid{Hash: tx.TxHash()}
	switch rapid.SampledFrom([]string{"taken", "taken", "lost", "crash"}).Draw(t, "fate") {
	case "taken":
		paid.Refused = !m.world.accept(tx)
	case "lost":
		paid.Unknown = true
	case "crash":
		m.start()
		return
	}
	for m.readEvent() {
	}
	m.step(paid, -1)
}

// rival is a payment that someone else with the same keys makes.
func (m *machine) rival(t *rapid.T) {
	var points []wire.OutPoint
	spent := spenders(m.world.confirmed())
	for point, out := range m.world.outputs {
		if isMine(out.PkScript) && spent[point] == nil {
			points = append(points, point)
		}
	}
	if len(points) == 0 {
		return
	}
	slices.SortFunc(points, func(a, b wire.OutPoint) int {
		if c := slices.Compare(a.Hash[:], b.Hash[:]); c != 0 {
			return c
		}
		return int(a.Index) - int(b.Index)
	})
	point := rapid.SampledFrom(points).Draw(t, "point")
	if slices.ContainsFunc(m.world.blocks, func(b *block) bool { return b.txs[0].TxHash() == point.Hash }) {
		return // it might be too young
	}
	tx := m.world.tx([]wire.OutPoint{point}, wire.NewTxOut(1, []byte("y")))
	if rapid.Bool().Draw(t, "mined") && m.world.minable(tx) {
		m.world.mineAndTell([]*wire.MsgTx{tx}, "x")
		return
	}
	m.world.accept(tx)
}

// minable reports whether a transaction depends on the chain alone.
func (w *world) minable(tx *wire.MsgTx) bool {
	pool := w.pool
	w.pool = nil
	defer func() { w.pool = pool }()
	return w.fits(tx)
}

// some draws transactions of the mempool that can be mined: with each of them,
// those before it that it may depend on.
func (m *machine) some(t *rapid.T) []*wire.MsgTx {
	n := rapid.IntRange(0, len(m.world.pool)).Draw(t, "mined")
	return slices.Clone(m.world.pool[:n])
}

func (m *machine) mine(t *rapid.T) {
	to := rapid.SampledFrom([]string{"x", "m/0/0"}).Draw(t, "coinbase")
	m.world.mineAndTell(m.some(t), to)
}

func (m *machine) mature(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "rarely") == 0 {
		for range 101 {
			m.world.mineAndTell(nil, "x")
		}
	}
}

func (m *machine) reorganise(t *rapid.T) {
	depth := rapid.Int32Range(1, 3).Draw(t, "depth")
	if m.world.tip().height-depth < 3 {
		return
	}
	again := rapid.Bool().Draw(t, "same transactions again")
	var old []*wire.MsgTx
	for _, b := range m.world.blocks[m.world.tip().height-depth+1:] {
		old = append(old, b.txs[1:]...)
	}
	m.world.reorganise(m.world.tip().height-depth, func() {
		if !again {
			old = nil
		}
		m.world.extend(old, "x")
		for range depth {
			m.world.extend(nil, rapid.SampledFrom([]string{"x", "m/0/1"}).Draw(t, "coinbase"))
		}
	})
}

func (m *machine) evict(t *rapid.T) {
	if len(m.world.pool) > 0 {
		m.world.evict(rapid.SampledFrom(m.world.pool).Draw(t, "tx"), false)
	}
}

func (m *machine) abandon(t *rapid.T) {
	if all := m.ledger.All(); len(all) > 0 {
		m.step(follow.Abandon{Hash: rapid.SampledFrom(all).Draw(t, "tx").Hash}, -1)
	}
}

func (m *machine) restartNode(*rapid.T) {
	m.world.forget()
	m.world.pool = nil
	m.world.seq = 0
	// The call under way fails, then the new node is heard of.
	request := m.numberUnderWay()
	m.request, m.answer = nil, nil
	m.before, m.read = 0, 0
	if request != 0 {
		m.step(follow.Failed{Request: request, Reason: "gone"}, -1)
	}
	m.step(follow.NodeUp{}, -1)
}

// numberUnderWay is the number of the request that was not answered in full.
func (m *machine) numberUnderWay() uint64 {
	number := func(v any) uint64 {
		switch v := v.(type) {
		case follow.Watch:
			return v.Request
		case follow.Scan:
			return v.Request
		case follow.List:
			return v.Request
		case follow.Send:
			return v.Request
		case follow.Watched:
			return v.Request
		case follow.ScanEnded:
			return v.Request
		case follow.ListEnded:
			return v.Request
		case follow.Sent:
			return v.Request
		}
		return 0
	}
	if len(m.answer) > 0 {
		return number(m.answer[len(m.answer)-1])
	}
	return number(m.request)
}

func (m *machine) fail(*rapid.T) {
	if number := m.numberUnderWay(); number != 0 {
		m.request, m.answer = nil, nil
		m.step(follow.Failed{Request: number, Reason: "no luck"}, -1)
	}
}

func (m *machine) loseEvents(*rapid.T) {
	if len(m.world.events) > 0 {
		m.read += len(m.world.events)
		m.world.events = nil
		m.step(follow.EventsLost{}, -1)
	}
}

// TestBalancesAreWhatTheChainSays lets money move, blocks come and go,
// processes die and messages be late in any order. Whenever the wallet has
// heard of everything, its balances are those that a naive computation over
// the whole chain and mempool finds.
func TestBalancesAreWhatTheChainSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		t.Repeat(map[string]func(*rapid.T){
			"":           m.check,
			"receive":    m.receive,
			"pay":        m.pay,
			"rival":      m.rival,
			"mine":       m.mine,
			"mature":     m.mature,
			"reorganise": m.reorganise,
			"evict":      m.evict,
			"abandon":    m.abandon,
			"events":     func(*rapid.T) { m.readEvent() },
			"progress":   func(*rapid.T) { m.progress(-1) },
			// Money also moves while an answer is under way.
			"receive in between": func(t *rapid.T) { m.progress(-1); m.receive(t); m.progress(-1) },
			"mine in between":    func(t *rapid.T) { m.progress(-1); m.mine(t); m.progress(-1) },
			"evict in between":   func(t *rapid.T) { m.progress(-1); m.evict(t); m.progress(-1) },
			"settle":             func(*rapid.T) { m.settle() },
			"restart":            func(*rapid.T) { m.start() },
			"crash": func(t *rapid.T) {
				m.progress(rapid.IntRange(0, 1).Draw(t, "saves"))
				m.start()
			},
			"restart the node": m.restartNode,
			"fail":             m.fail,
			"lose events":      m.loseEvents,
		})
		m.settle()
		m.check(t)
		known := maps.Clone(m.disk.txs)
		m.start()
		m.settle()
		m.check(t)
		for hash, tx := range known {
			require.Equal(t, tx.Own, m.ledger.Get(hash).Own)
		}
	})
}
