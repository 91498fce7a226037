package feerate

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/wording"
)

const (
	// windowBlocks is how many blocks tell whether a mempool is to be relied on.
	windowBlocks = 6
	// coverage is which part of them has to come from the mempool.
	coverage = 0.75
	// blockWeight is that of a full block, and how much has to be in all of them together
	// for their coverage to say anything.
	blockWeight = 4_000_000
	// windowVersion is that of files.
	windowVersion = 1
)

// Mined is what a block had, without its coinbase.
type Mined struct {
	Height uint64
	Pooled uint64 // weight of the transactions that the mempool had
	Weight uint64 // of all
}

// Window knows of the last blocks. The zero value knows of none.
type Window struct {
	blocks []Mined // of heights without a gap
	tip    chainhash.Hash
}

// Connect tells of the best block.
func (w *Window) Connect(block Mined, hash chainhash.Hash) {
	for i, known := range w.blocks {
		if known.Height >= block.Height {
			w.blocks = w.blocks[:i]
			break
		}
	}
	if last := len(w.blocks) - 1; last >= 0 && w.blocks[last].Height+1 != block.Height {
		w.blocks = nil
	}
	if len(w.blocks) == windowBlocks {
		w.blocks = w.blocks[1:]
	}
	w.blocks = append(w.blocks[:len(w.blocks):len(w.blocks)], block)
	w.tip = hash
}

// Blocks returns those that are known, the earliest first.
func (w *Window) Blocks() []Mined { return w.blocks }

// Unreliable tells why the mempool says nothing of the next blocks; "" if it does.
func (w *Window) Unreliable() string {
	if len(w.blocks) < windowBlocks {
		return "Not enough recent block data for fee rate estimation"
	}
	var pooled, all uint64
	for _, block := range w.blocks {
		pooled, all = pooled+block.Pooled, all+block.Weight
	}
	if all >= blockWeight && float64(pooled)/float64(all) < coverage {
		return "Mempool is unreliable for fee rate estimation"
	}
	return ""
}

// Append appends the file with what is known (fees/mempool_policy_estimator.dat).
func (w *Window) Append(b []byte) []byte {
	b = appendSize(binary.LittleEndian.AppendUint32(b, windowVersion), len(w.blocks))
	for _, block := range w.blocks {
		for _, n := range []uint64{block.Height, block.Pooled, block.Weight} {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
	}
	return append(b, w.tip[:]...)
}

// ReadWindow returns what a file holds, which may be anything. It is of use only with the
// chain of which it tells: the last block must be the best one. Errors have the texts of
// Bitcoin Core.
func ReadWindow(raw []byte, height int32, best chainhash.Hash) (*Window, error) {
	r, w := &reader{rest: raw}, &Window{}
	if v := r.u32(); r.err == nil && v != windowVersion {
		return nil, wording.Errorf("file version not supported; continuing anyway")
	}
	n := r.size()
	if n > windowBlocks && n <= len(r.rest)/24 {
		return nil, wording.Errorf("Number of previously mined blocks read exceeds the maximum of %d; ignoring file", windowBlocks)
	}
	for i := 0; i < n && r.err == nil; i++ {
		w.blocks = append(w.blocks, Mined{r.u64(), r.u64(), r.u64()})
	}
	copy(w.tip[:], r.take(len(w.tip)))
	if r.err != nil {
		return nil, wording.Errorf("Unable to read mined-block stats from stream (non-fatal)")
	}
	return w, w.check(height, best)
}

func (w *Window) check(height int32, best chainhash.Hash) error {
	for i := 1; i < len(w.blocks); i++ {
		if want := w.blocks[i-1].Height + 1; w.blocks[i].Height != want {
			return wording.Errorf("Non-consecutive block heights read, expected height %d but found %d; ignoring file", want, w.blocks[i].Height)
		}
	}
	if len(w.blocks) == 0 {
		return nil
	}
	if last := w.blocks[len(w.blocks)-1]; last.Height != uint64(height) || w.tip != best {
		return wording.Errorf("Mined-block stats read end at height %d block %s, but the active chain tip is height %d block %s; ignoring file",
			last.Height, w.tip, height, best)
	}
	return nil
}
