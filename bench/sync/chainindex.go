package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// located is a block as the chain's file has it.
type located struct {
	hash     chainhash.Hash
	header   wire.BlockHeader
	offset   int64
	length   uint32
	checksum [4]byte // of its message
}

// chainIndex is all of a chain but its transactions. Height 0 is genesis,
// which the file lacks.
type chainIndex struct {
	blocks []located
	height map[chainhash.Hash]int
}

// readChain hands every raw block of a chain's file to visit.
func readChain(path string, visit func(offset int64, raw []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var raw []byte
	for offset := int64(0); ; offset += 4 + int64(len(raw)) {
		var length [4]byte
		if _, err := io.ReadFull(r, length[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		n := binary.LittleEndian.Uint32(length[:])
		if n < wire.MaxBlockHeaderPayload || n > wire.MaxBlockPayload {
			return fmt.Errorf("%s: no block has %d bytes", path, n)
		}
		if cap(raw) < int(n) {
			raw = make([]byte, n)
		}
		raw = raw[:n]
		if _, err := io.ReadFull(r, raw); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := visit(offset+4, raw); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

func indexChain(path string) (*chainIndex, error) {
	genesis := chaincfg.RegressionNetParams.GenesisBlock
	c := &chainIndex{height: map[chainhash.Hash]int{}}
	c.add(located{hash: genesis.BlockHash(), header: genesis.Header})
	err := readChain(path, func(offset int64, raw []byte) error {
		b := located{offset: offset, length: uint32(len(raw))}
		copy(b.checksum[:], chainhash.DoubleHashB(raw))
		if err := b.header.Deserialize(bytes.NewReader(raw)); err != nil {
			return err
		}
		b.hash = b.header.BlockHash()
		if b.header.PrevBlock != c.tip().hash {
			return fmt.Errorf("block %d does not follow the one before", len(c.blocks))
		}
		c.add(b)
		return nil
	})
	return c, err
}

func (c *chainIndex) add(b located) {
	c.height[b.hash] = len(c.blocks)
	c.blocks = append(c.blocks, b)
}

// cut forgets the blocks above a height.
func (c *chainIndex) cut(height int) {
	for _, b := range c.blocks[height+1:] {
		delete(c.height, b.hash)
	}
	c.blocks = c.blocks[:height+1]
}

func (c *chainIndex) tip() located { return c.blocks[len(c.blocks)-1] }

// after returns the blocks that follow the first known hash of a locator, at
// most limit and none above the block named stop.
func (c *chainIndex) after(locator []*chainhash.Hash, stop chainhash.Hash, limit int) []located {
	from := 0
	for _, hash := range locator {
		if height, ok := c.height[*hash]; ok {
			from = height
			break
		}
	}
	to := min(from+1+limit, len(c.blocks))
	if height, ok := c.height[stop]; ok && height > from {
		to = min(to, height+1)
	}
	return c.blocks[from+1 : to]
}

// census is what a chain holds.
type census struct {
	blocks, transactions, inputs int
	bytes                        int64
	tip, vouched                 chainhash.Hash
}

func takeCensus(path string, s chain) (census, error) {
	var c census
	err := readChain(path, func(_ int64, raw []byte) error {
		var block wire.MsgBlock
		if err := block.Deserialize(bytes.NewReader(raw)); err != nil {
			return err
		}
		c.blocks++
		c.bytes += int64(len(raw))
		c.transactions += len(block.Transactions)
		for _, tx := range block.Transactions[1:] {
			c.inputs += len(tx.TxIn)
		}
		c.tip = block.BlockHash()
		if c.blocks == s.vouched() {
			c.vouched = c.tip
		}
		return nil
	})
	if err == nil && c.blocks != s.blocks() {
		return c, fmt.Errorf("%s has %d blocks where %d belong; remove it", path, c.blocks, s.blocks())
	}
	return c, err
}
