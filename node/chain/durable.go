package chain

import (
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/blockfile"
)

// keyDurable holds the mark that Flush leaves in the index: the number and
// the size of the last block file, little-endian, and the hash of the tip.
var keyDurable = []byte("F")

const markSize = 4 + 4 + chainhash.HashSize

// mark tells what was durable when Flush left it: the blocks that are in the
// files before end, and the undo data of the branch up to tip.
type mark struct {
	end blockfile.Pos
	tip chainhash.Hash
}

func (m *mark) encode() []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, markSize), uint32(m.end.File))
	b = binary.LittleEndian.AppendUint32(b, m.end.Offset)
	return append(b, m.tip[:]...)
}

// loadMark returns nil if there is none.
func loadMark(from IndexStore) (*mark, error) {
	var m *mark
	err := from.Each(keyDurable, func(key, value []byte) error {
		if len(key) != len(keyDurable) || len(value) != markSize {
			return fmt.Errorf("%w: mark of %d bytes", ErrIndex, len(value))
		}
		m = &mark{
			end: blockfile.Pos{File: int32(binary.LittleEndian.Uint32(value)), Offset: binary.LittleEndian.Uint32(value[4:])},
			tip: chainhash.Hash(value[8:]),
		}
		return nil
	})
	return m, err
}

// doubts tells which blocks and undo data of the index may never have reached
// the disk.
type doubts struct {
	mark       *mark
	tip        *BlockNode  // of the mark, or else of the coins
	background *Background // nil if there is none
}

func (d doubts) block(n *BlockNode) bool {
	if d.mark == nil {
		return n.Height > d.tip.Height
	}
	return n.block.File > d.mark.end.File || n.block.File == d.mark.end.File && n.block.Offset >= d.mark.end.Offset
}

func (d doubts) undo(n *BlockNode) bool {
	if n.status&haveUndo == 0 {
		return false
	}
	if h := d.background; h != nil && n.Height <= h.base.Height {
		return !h.View().Contains(n)
	}
	return d.tip.Ancestor(n.Height) != n
}
