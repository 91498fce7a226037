package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
	"github.com/bulkheadnode/bulkhead/bench/internal/report"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

const (
	// withheld is how many transactions of every other block no mempool is shown.
	withheld = 10
	// relayPatience is how long a node may take for a compact block.
	relayPatience = time.Minute
)

// rebuilt is what a system took for the compact blocks that it was brought, in the
// order of the chain.
type rebuilt struct {
	whole, lacking passages // all transactions were in its mempool; so many were withheld
}

// passages run from the message's first byte on.
type passages struct {
	relayed []time.Duration // until another peer has the compact block
	tip     []time.Duration // until a client has heard of the tip
}

func (s *passages) add(relayed, tip time.Duration) {
	s.relayed, s.tip = append(s.relayed, relayed), append(s.tip, tip)
}

func (r *rebuilt) join(other rebuilt) {
	for _, pair := range []struct{ to, from *passages }{{&r.whole, &other.whole}, {&r.lacking, &other.lacking}} {
		pair.to.relayed = append(pair.to.relayed, pair.from.relayed...)
		pair.to.tip = append(pair.to.tip, pair.from.tip...)
	}
}

// measureCompact lets all systems make blocks from their mempools, in every round.
func measureCompact(ctx context.Context, c config, progress io.Writer) (r results, found map[system]rebuilt, err error) {
	found = map[system]rebuilt{}
	err = withPrograms(ctx, c, progress, func(built binaries, shown []system, dir string) (err error) {
		r = results{chain: c.chains[0], shown: shown}
		path, err := r.openChain(c, progress)
		if err != nil {
			return err
		}
		shape := r.chain.(poolShape)
		blocks, err := poolBlocks(path, shape)
		if err != nil {
			return err
		}
		s, err := startServer(ctx, serverSpec{Path: path, Blocks: shape.served()})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Stop()) }()
		for round := range c.rounds {
			for _, sys := range shown {
				fmt.Fprintf(progress, "compact blocks, round %d of %d: %s\n", round+1, c.rounds, sys.name())
				err := withSynced(ctx, sys, built[sys.build], dir, s, func(n *startedNode, port int) error {
					one, err := n.rebuild(ctx, port, blocks)
					all := found[sys]
					all.join(one)
					found[sys] = all
					return err
				})
				if err != nil {
					return fmt.Errorf("%s: %w", sys.name(), err)
				}
			}
		}
		return nil
	})
	return r, found, err
}

// rebuild hands the mempool what the blocks hold, but for what is withheld, and then
// the blocks as compact ones.
func (n *startedNode) rebuild(ctx context.Context, port int, blocks []*consensus.Block) (r rebuilt, err error) {
	// A node takes compact blocks only if its tip is of these days. The last of them are
	// of the next hour.
	if err := n.rpc.call(ctx, askPatience, new(any), "setmocktime", blocks[0].Header.Timestamp.Unix()); err != nil {
		return r, err
	}
	var messages [][]byte
	for i, block := range blocks {
		for _, tx := range block.Txs[1+missingOf(i, block):] {
			message, err := txMessage(tx)
			if err != nil {
				return r, err
			}
			messages = append(messages, message)
		}
	}
	f, err := dialFeeders(port)
	if err != nil {
		return r, err
	}
	_, err = n.feed(ctx, f, messages)
	if err = errors.Join(err, f.hangUp()); err != nil {
		return r, err
	}
	bringer, err := dialRelayer(port, blocks[0].Header.PrevBlock)
	if err != nil {
		return r, err
	}
	defer bringer.close()
	other, err := dialRelayer(port, blocks[0].Header.PrevBlock)
	if err != nil {
		return r, err
	}
	defer other.close()
	for i, block := range blocks {
		relayed, tip, err := n.bring(ctx, block, bringer, other)
		if err != nil {
			return r, fmt.Errorf("block %d: %w", i, err)
		}
		switch {
		case i == 0: // the bringer earned with it that it is asked to send the next ones unasked
		case missingOf(i, block) == 0:
			r.whole.add(relayed, tip)
		default:
			r.lacking.add(relayed, tip)
		}
	}
	return r, nil
}

// missingOf is how many of the first payments of the i-th block are withheld.
func missingOf(i int, block *consensus.Block) int {
	if i%2 == 0 {
		return 0
	}
	return min(withheld, len(block.Txs)-1)
}

// bring sends one block, and waits until the other peer has it and it is the tip.
func (n *startedNode) bring(ctx context.Context, block *consensus.Block, bringer, other *relayer) (relayed, tip time.Duration, err error) {
	bringer.block.Store(block)
	began := time.Now()
	if err := bringer.announce(block); err != nil {
		return 0, 0, err
	}
	var at struct{ Hash string }
	if err := n.rpc.call(ctx, relayPatience, &at, "waitforblock", block.Hash.String(), relayPatience.Milliseconds()); err != nil {
		return 0, 0, err
	}
	tip = time.Since(began)
	if at.Hash != block.Hash.String() {
		return 0, 0, errors.Join(fmt.Errorf("the tip stays at %s", at.Hash), bringer.failure(), other.failure())
	}
	ctx, cancel := context.WithTimeout(ctx, relayPatience)
	defer cancel()
	heard, err := other.awaits(ctx, block.Hash)
	if err != nil {
		return 0, 0, errors.Join(err, bringer.failure())
	}
	return heard.Sub(began), tip, other.sendInv(block.Hash)
}

// writeCompact prints a table in markdown.
func (r results) writeCompact(w io.Writer, c config, m machine.Machine, found map[system]rebuilt) error {
	table := report.Table{{
		"system", "relayed, all there: p50 / max, ms", "the tip", "relayed, some asked for: p50 / max, ms", "the tip",
	}}
	for _, s := range r.shown {
		row := []string{s.name()}
		for _, part := range []passages{found[s].whole, found[s].lacking} {
			row = append(row, middle(part.relayed), middle(part.tip))
		}
		table = append(table, row)
	}
	shape := r.chain.(poolShape)
	_, err := fmt.Fprintf(w, "%s.\nRounds: %d; %d compact blocks of %d P2WPKH transactions, of every other of which %d are in no mempool.\n\n%s",
		m, c.rounds, shape.Spending, shape.PerBlock, min(withheld, shape.PerBlock), table)
	return err
}

// middle writes the median and the greatest.
func middle(list []time.Duration) string {
	if len(list) == 0 {
		return "-"
	}
	slices.Sort(list)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return fmt.Sprintf("%.1f / %.1f", ms(list[len(list)/2]), ms(list[len(list)-1]))
}
