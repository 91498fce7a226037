package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

const (
	// signalling is a version that says ready for CSV, segwit and taproot
	// (BIP9): not every node has them active on regtest from the start.
	signalling = 0x20000007
	spacing    = 600 // seconds between blocks
	began      = 1_750_000_000
)

// chainFile returns the file of a chain, making it if there is none.
func chainFile(dir string, c chain, progress io.Writer) (string, error) {
	path := filepath.Join(dir, fileName(c))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	temporary := path + ".tmp"
	f, err := os.Create(temporary)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := generate(c, f, progress); err != nil {
		return "", err
	}
	return path, os.Rename(temporary, path)
}

// filler says what is in the blocks of a chain, one after the other.
type filler interface {
	// fill makes and signs a block's transactions, parents before children.
	fill(height int32) ([]*consensus.Tx, error)
	// reward is the script of the same block's coinbase.
	reward() []byte
	// mined hears that the block is done.
	mined(height int32, coinbase *consensus.Tx)
}

// coinbaseMaturity is after how many blocks a reward may be spent.
const coinbaseMaturity = 100

// rewardOf places a coin in a coinbase.
func rewardOf(c coin, coinbase *consensus.Tx) coin {
	c.at, c.value = wire.OutPoint{Hash: coinbase.ID}, coinbase.TxOut[0].Value
	return c
}

// builder makes a chain block by block.
type builder struct {
	params *consensus.Params
	filler filler
	out    *bufio.Writer
	parent chainhash.Hash
	height int32
}

// generate writes all blocks after genesis, each after its length (4 bytes,
// little-endian).
func generate(c chain, to io.Writer, progress io.Writer) error {
	params, err := consensus.ForChain(chains.Regtest, "")
	if err != nil {
		return err
	}
	b := &builder{params: params, filler: c.filler(), out: bufio.NewWriterSize(to, 1<<20), parent: *params.GenesisHash}
	for n := range c.blocks() {
		if n%100 == 0 {
			fmt.Fprintf(progress, "\rmaking the chain %s: block %d of %d", c.name(), n, c.blocks())
		}
		if err := b.next(); err != nil {
			return err
		}
	}
	fmt.Fprintln(progress)
	return b.out.Flush()
}

func (b *builder) next() error {
	b.height++
	txs, err := b.filler.fill(b.height)
	if err != nil {
		return err
	}
	block := mining.Assemble(mining.Job{
		Params: b.params, Parent: b.parent, Height: b.height, Version: signalling, Bits: b.params.PowLimitBits,
		Time: began + spacing*int64(b.height), Script: b.filler.reward(), Txs: txs,
	})
	solved, _ := mining.Solve(block, b.params, 1<<32)
	if solved == nil {
		return fmt.Errorf("no nonce for block %d", b.height)
	}
	b.filler.mined(b.height, solved.Txs[0])
	b.parent = solved.Hash
	return b.write(solved)
}

func (b *builder) write(block *consensus.Block) error {
	var raw bytes.Buffer
	msg := wire.MsgBlock{Header: block.Header}
	for _, tx := range block.Txs {
		msg.Transactions = append(msg.Transactions, tx.MsgTx)
	}
	if err := msg.Serialize(&raw); err != nil {
		return err
	}
	if err := binary.Write(b.out, binary.LittleEndian, uint32(raw.Len())); err != nil {
		return err
	}
	_, err := b.out.Write(raw.Bytes())
	return err
}
