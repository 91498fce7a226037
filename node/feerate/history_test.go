package feerate_test

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/feerate"
)

// testdata/history holds what Bitcoin Core (of August 2026, on regtest) answered in the
// course of a history that this test makes again, line by line:
//
//	start HEIGHT                the block after which it begins
//	vsize N                     of every transaction
//	smart BLOCK MODE TARGET RATE BLOCKS
//	raw BLOCK HORIZON TARGET THRESHOLD RATE PASS FAIL
//	file BLOCK BYTES SHA256     block_policy_estimates.dat after a stop
//
// BLOCK counts from the start; it is negative for what was asked after a new start.
const (
	historyBlocks  = 420
	historyRestart = 250
)

// lottery draws the history's numbers.
type lottery uint64

func (l *lottery) below(n uint64) int64 {
	*l = *l*6364136223846793005 + 1442695040888963407
	return int64(uint64(*l) >> 33 % n)
}

// waiting is a transaction of the history's mempool.
type waiting struct {
	fee     int64
	serial  int
	id      chainhash.Hash
	entered uint32
}

func best(a, b waiting) int {
	return cmp.Or(cmp.Compare(b.fee, a.fee), cmp.Compare(a.serial, b.serial))
}

// history is what happens to a mempool: blocks take the best transactions, now more and
// now less than come, and the worst one is replaced now and then.
type history struct {
	draw   lottery
	e      *feerate.Estimator
	pool   []waiting
	height uint32
	vsize  int64
	serial int
}

func (h *history) send(fee int64) {
	h.serial++
	w := waiting{fee: fee, serial: h.serial, entered: h.height}
	binary.BigEndian.PutUint64(w.id[:], uint64(h.serial))
	h.e.Enter(w.id, h.height, feerate.Quote{Fee: fee, VSize: h.vsize}.Rate())
	h.pool = append(h.pool, w)
}

func (h *history) block() {
	for range h.draw.below(24) {
		most := h.draw.below(20000)
		h.send(15 + most>>h.draw.below(10))
	}
	if len(h.pool) > 0 && h.draw.below(4) == 0 {
		slices.SortFunc(h.pool, best)
		worst := h.pool[len(h.pool)-1]
		for _, w := range h.pool { // the earliest of equals
			if w.fee == worst.fee {
				worst = w
				break
			}
		}
		h.pool = slices.DeleteFunc(h.pool, func(w waiting) bool { return w.id == worst.id })
		h.e.Leave(worst.id)
		h.send(2*worst.fee + 100)
	}
	room := int(h.draw.below(26))
	if h.draw.below(10) == 0 {
		room = 0
	}
	slices.SortFunc(h.pool, best)
	h.height++
	var txs []feerate.Confirmed
	for _, w := range h.pool[:min(room, len(h.pool))] {
		txs = append(txs, feerate.Confirmed{ID: w.id, Height: w.entered, Rate: feerate.Quote{Fee: w.fee, VSize: h.vsize}.Rate()})
	}
	h.pool = h.pool[len(txs):]
	h.e.Connect(h.height, txs)
}

// restart is a stop and a start with the same mempool. It returns the file.
func (h *history) restart(t *testing.T) []byte {
	h.e.GiveUp()
	raw := h.e.Append(nil)
	var err error
	h.e, err = feerate.Read(raw)
	require.NoError(t, err)
	for i := range h.pool {
		w := &h.pool[i]
		w.entered = h.height
		require.True(t, h.e.Enter(w.id, h.height, feerate.Quote{Fee: w.fee, VSize: h.vsize}.Rate()))
	}
	return raw
}

// answer returns what the estimator says to the question of a line.
func (h *history) answer(question []string) string {
	var target int
	fmt.Sscan(question[3], &target)
	if question[0] == "smart" {
		rate, of := h.e.Smart(target, question[2] == "conservative")
		return fmt.Sprint(rate, of)
	}
	var threshold float64
	fmt.Sscan(question[4], &threshold)
	horizon := map[string]feerate.Horizon{"short": feerate.Short, "medium": feerate.Medium, "long": feerate.Long}[question[2]]
	rate, result := h.e.Raw(target, threshold, horizon)
	pass, fail := "-", "-"
	if rate != 0 {
		pass = shown(result.Pass)
	}
	if rate == 0 || result.Fail.Start >= 0 {
		fail = shown(result.Fail)
	}
	return fmt.Sprint(rate, " ", pass, " ", fail)
}

func shown(r feerate.Range) string {
	var texts []string
	for i, v := range []float64{r.Start, r.End, r.Within, r.Confirmed, r.InMempool, r.Left} {
		digits := 2
		if i < 2 {
			digits = 0
		}
		var rounded float64
		fmt.Sscan(fmt.Sprintf("%.*f", digits, v), &rounded)
		text := fmt.Sprintf("%.6g", rounded)
		if text == "-0" {
			text = "0"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

// historyLines returns the words of the lines, by kind and block.
func historyLines(t *testing.T) map[string][][]string {
	file, err := os.Open("testdata/history")
	require.NoError(t, err)
	defer file.Close()
	lines := map[string][][]string{}
	s := bufio.NewScanner(file)
	for s.Scan() {
		words := strings.Fields(s.Text())
		kind := words[0] + " " + words[1]
		if len(words) == 2 {
			kind = words[0]
		}
		lines[kind] = append(lines[kind], words)
	}
	require.NoError(t, s.Err())
	return lines
}

func TestEstimatesAreThoseOfBitcoinCore(t *testing.T) {
	lines := historyLines(t)
	h := &history{draw: 1, e: feerate.New()}
	fmt.Sscan(lines["start"][0][1], &h.height)
	fmt.Sscan(lines["vsize"][0][1], &h.vsize)
	h.e.Connect(h.height, nil)
	asked := 0
	ask := func(block int) {
		for _, kind := range []string{"smart", "raw"} {
			for _, words := range lines[fmt.Sprint(kind, " ", block)] {
				known := map[string]int{"smart": 4, "raw": 5}[kind]
				require.Equal(t, strings.Join(words[known:], " "), h.answer(words), "%s", words)
				asked++
			}
		}
	}
	requireFile := func(block int, raw []byte) {
		sum := sha256.Sum256(raw)
		words := lines[fmt.Sprint("file ", block)][0]
		require.Equal(t, words[2:], []string{fmt.Sprint(len(raw)), hex.EncodeToString(sum[:])})
	}
	for block := 1; block <= historyBlocks; block++ {
		h.block()
		ask(block)
		if block == historyRestart {
			requireFile(block, h.restart(t))
			ask(-block)
		}
	}
	require.Equal(t, 430, asked)
	require.NotZero(t, h.e.GiveUp())
	requireFile(historyBlocks, h.e.Append(nil))
}
