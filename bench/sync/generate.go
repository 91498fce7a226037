package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"

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

// chainFile returns the file of a shape's chain, making it if there is none.
func chainFile(dir string, s shape, progress io.Writer) (string, error) {
	path := filepath.Join(dir, fmt.Sprintf("chain-%d-%d-%d-%d-%d.dat", s.Seed, s.Funding, s.Payments, s.PerBlock, s.Burying))
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
	if err := generate(s, f, progress); err != nil {
		return "", err
	}
	return path, os.Rename(temporary, path)
}

// builder makes a chain block by block.
type builder struct {
	shape  shape
	params *consensus.Params
	wallet *wallet
	out    *bufio.Writer
	parent chainhash.Hash
	height int32
}

// generate writes all blocks after genesis, each after its length (4 bytes,
// little-endian).
func generate(s shape, to io.Writer, progress io.Writer) error {
	params, err := consensus.ForChain(chains.Regtest, "")
	if err != nil {
		return err
	}
	b := &builder{
		shape: s, params: params, wallet: newWallet(s.Seed), out: bufio.NewWriterSize(to, 1<<20),
		parent: *params.GenesisHash,
	}
	for n := range s.blocks() {
		if n%100 == 0 {
			fmt.Fprintf(progress, "\rmaking the chain: block %d of %d, %d coins", n, s.blocks(), len(b.wallet.coins))
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
	var payments []*payment
	if n := int(b.height) - b.shape.Funding; n > 0 && n <= b.shape.Payments {
		var err error
		if payments, err = b.payments(); err != nil {
			return err
		}
	}
	reward := b.wallet.output(0)
	block := mining.Assemble(mining.Job{
		Params: b.params, Parent: b.parent, Height: b.height, Version: signalling, Bits: b.params.PowLimitBits,
		Time: began + spacing*int64(b.height), Script: b.wallet.script(reward), Txs: transactions(payments),
	})
	solved, _ := mining.Solve(block, b.params, 1<<32)
	if solved == nil {
		return fmt.Errorf("no nonce for block %d", b.height)
	}
	b.collect(solved, reward, payments)
	b.parent = solved.Hash
	return b.write(solved)
}

// payments makes and signs a block's payments.
func (b *builder) payments() ([]*payment, error) {
	var list []*payment
	for range b.shape.PerBlock {
		p := b.wallet.pay()
		if p == nil {
			break
		}
		list = append(list, p)
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	const share = 64
	for from := 0; from < len(list); from += share {
		group.Go(func() error {
			for _, p := range list[from:min(from+share, len(list))] {
				if err := (signer{b.wallet, p}).sign(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return list, group.Wait()
}

func transactions(payments []*payment) []*consensus.Tx {
	var txs []*consensus.Tx
	for _, p := range payments {
		txs = append(txs, consensus.NewTx(p.tx))
	}
	return txs
}

// collect makes the block's outputs spendable: rewards of the funding blocks
// when the payments begin, for they have matured by then.
func (b *builder) collect(block *consensus.Block, reward coin, payments []*payment) {
	if int(b.height) <= b.shape.Funding-100 {
		reward.at, reward.value = wire.OutPoint{Hash: block.Txs[0].ID}, block.Txs[0].TxOut[0].Value
		b.wallet.coins = append(b.wallet.coins, reward)
	}
	for i, p := range payments {
		for out, made := range p.made {
			made.at = wire.OutPoint{Hash: block.Txs[1+i].ID, Index: uint32(out)}
			b.wallet.coins = append(b.wallet.coins, made)
		}
	}
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
