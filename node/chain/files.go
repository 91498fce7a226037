package chain

import "math"

// blockFile is what a block file holds.
type blockFile struct {
	blocks      int
	first, last int32 // heights
}

// blockFiles tells what each file holds. It is the owner's.
type blockFiles map[int32]*blockFile

func (f blockFiles) add(n *BlockNode) {
	file := f[n.block.File]
	if file == nil {
		file = &blockFile{first: math.MaxInt32}
		f[n.block.File] = file
	}
	file.blocks++
	file.first = min(file.first, n.Height)
	file.last = max(file.last, n.Height)
}

// remove takes out a block. The heights stay as bounds.
func (f blockFiles) remove(n *BlockNode) {
	file := f[n.block.File]
	if file == nil {
		return
	}
	if file.blocks--; file.blocks == 0 {
		delete(f, n.block.File)
	}
}
