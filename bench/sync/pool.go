package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bench/internal/proc"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Payments of the mempool's chain at scale 1: 40,000.
const (
	poolBlockCount = 8
	poolPerBlock   = 5000
)

// stallPatience is how long a mempool may take nothing while it is fed.
const stallPatience = time.Minute

// poolShape is a chain whose spending blocks no node is shown: what they hold goes
// to mempools. It is payments with an input and two outputs, all P2WPKH, that spend
// nothing of each other.
type poolShape struct{ stages }

func poolShapeOf(scale float64) poolShape {
	return poolShape{stages{
		Seed: 1, Funding: leastFunding, Fanout: poolBlockCount, PerBlock: scaled(poolPerBlock, scale), Spending: poolBlockCount,
	}}
}

func (s poolShape) name() string { return "mempool" }

// served is the height up to which nodes are shown the chain.
func (s poolShape) served() int { return s.Funding + s.Fanout }

func (s poolShape) filler() filler {
	f := newStagedFiller(s.stages)
	f.kind = func() *kind { return p2wpkh }
	var ripe []coin
	f.spend = func(int32) (list []*payment) {
		if ripe == nil {
			ripe = f.coins
			f.coins = nil // what the payments make is spent by none
		}
		for range min(f.PerBlock, len(ripe)) {
			p := newPayment() // without a lock time: all are for the same block
			f.take(p, pick(&ripe, f.random.IntN(len(ripe))))
			p.add(f.anyones(p2wpkh))
			p.add(f.anyones(p2wpkh))
			f.share(p)
			list = append(list, p)
		}
		return list
	}
	return f
}

// measurePool feeds the mempools of all systems in every round.
func measurePool(ctx context.Context, c config, progress io.Writer) (r results, err error) {
	err = withPrograms(ctx, c, progress, func(built binaries, shown []system, dir string) error {
		r = results{chain: c.chains[0], shown: shown, rounds: map[system][]measurement{}}
		path, err := r.openChain(c, progress)
		if err != nil {
			return err
		}
		return r.feedAll(ctx, c, built, path, dir, progress)
	})
	return r, err
}

// feedAll feeds what is shown, in every round.
func (r *results) feedAll(ctx context.Context, c config, built binaries, path, dir string, progress io.Writer) (err error) {
	shape := r.chain.(poolShape)
	messages, err := poolMessages(path, shape)
	if err != nil {
		return err
	}
	s, err := startServer(ctx, serverSpec{Path: path, Blocks: shape.served()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	for round := range c.rounds {
		for _, sys := range r.shown {
			fmt.Fprintf(progress, "mempool, round %d of %d: %s\n", round+1, c.rounds, sys.name())
			m, err := feedNode(ctx, sys, built[sys.build], dir, s, messages)
			if err != nil {
				return fmt.Errorf("%s: %w", sys.name(), err)
			}
			fmt.Fprintf(progress, "  %.0f transactions a second\n", float64(len(messages))/m.took.Seconds())
			r.rounds[sys] = append(r.rounds[sys], m)
		}
	}
	return nil
}

// poolBlocks are the blocks that nodes are not shown.
func poolBlocks(path string, s poolShape) (blocks []*consensus.Block, err error) {
	height := 0
	err = readChain(path, func(_ int64, raw []byte) error {
		if height++; height <= s.served() {
			return nil
		}
		block, err := consensus.ParseBlock(bytes.Clone(raw))
		blocks = append(blocks, block)
		return err
	})
	return blocks, err
}

// poolMessages are the payments of the blocks that nodes are not shown, each as a
// message of the protocol.
func poolMessages(path string, s poolShape) (messages [][]byte, err error) {
	blocks, err := poolBlocks(path, s)
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		for _, tx := range block.Txs[1:] {
			message, err := txMessage(tx)
			if err != nil {
				return nil, err
			}
			messages = append(messages, message)
		}
	}
	return messages, nil
}

func txMessage(tx *consensus.Tx) ([]byte, error) {
	var message bytes.Buffer
	_, err := wire.WriteMessageWithEncodingN(&message, tx.MsgTx, protocol, network, wire.LatestEncoding)
	return message.Bytes(), err
}

// feedNode syncs a system into a new folder, which it removes, and feeds its
// mempool.
func feedNode(ctx context.Context, sys system, binary, dir string, s *serverProcess, messages [][]byte) (m measurement, err error) {
	err = withSynced(ctx, sys, binary, dir, s, func(n *startedNode, port int) error {
		f, err := dialFeeders(port)
		if err != nil {
			return err
		}
		defer f.hangUp()
		m, err = n.feed(ctx, f, messages)
		return err
	})
	return m, err
}

// withSynced calls fn with a node that has all that it is shown, and the port for its
// peers. Its folder is made before and removed after.
func withSynced(ctx context.Context, sys system, binary, dir string, s *serverProcess, fn func(n *startedNode, port int) error) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p := place{dir: dir, peers: []string{s.address}}
	for _, port := range []*int{&p.rpcPort, &p.listen} {
		if *port, err = freePort(); err != nil {
			return err
		}
	}
	n, err := startNode(binary, sys, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	if err := n.awaitChain(ctx); err != nil {
		return err
	}
	return fn(n, p.listen)
}

// awaitChain waits until the node has all that it is shown, and takes
// transactions.
func (n *startedNode) awaitChain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	var info struct {
		Initial bool `json:"initialblockdownload"`
		Blocks  int
		Headers int
	}
	return n.poll(ctx, func() (bool, error) {
		// A node that still starts refuses the connection or the call.
		err := n.rpc.call(ctx, askPatience, &info, "getblockchaininfo")
		return err == nil && !info.Initial && info.Blocks > leastFunding && info.Blocks == info.Headers, nil
	})
}

// poll asks every askEvery until there is an answer.
func (n *startedNode) poll(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		if err := n.alive(ctx); err != nil {
			return err
		}
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// feed hands all messages to the node and waits until its mempool has them.
func (n *startedNode) feed(ctx context.Context, f *feeders, messages [][]byte) (m measurement, err error) {
	before, err := n.poolMeter()
	if err != nil {
		return m, err
	}
	began := time.Now()
	f.start(messages)
	if err := n.awaitPool(ctx, len(messages)); err != nil {
		return m, errors.Join(err, f.hangUp())
	}
	m.took = time.Since(began)
	after, err := n.poolMeter()
	if err != nil {
		return m, err
	}
	m.use = after.use
	m.use.cpu -= before.use.cpu
	m.serverCPU = after.own - before.own
	m.othersCPU = max(0, after.machine-before.machine-m.serverCPU-m.use.cpu)
	return m, nil
}

// awaitPool waits until the mempool holds count transactions.
func (n *startedNode) awaitPool(ctx context.Context, count int) error {
	var info struct{ Size int }
	last, grew := 0, time.Now()
	return n.poll(ctx, func() (bool, error) {
		if err := n.rpc.call(ctx, askPatience, &info, "getmempoolinfo"); err != nil {
			return false, err
		}
		if info.Size > last {
			last, grew = info.Size, time.Now()
		}
		if time.Since(grew) > stallPatience {
			return false, fmt.Errorf("the mempool stays at %d of %d transactions\n%s", last, count, lastOf(n.output.Bytes()))
		}
		return info.Size >= count, nil
	})
}

// poolMeter is what the node, this program and the machine have used at a moment.
type poolMeter struct {
	use          footprint
	own, machine time.Duration
}

func (n *startedNode) poolMeter() (p poolMeter, err error) {
	if p.use, err = footprintOf(n.cmd.Process.Pid); err != nil {
		return p, err
	}
	own, err := proc.ReadStat(proc.Self)
	if err != nil {
		return p, err
	}
	p.own = own.CPU
	p.machine, err = proc.Busy()
	return p, err
}
