package peertest

import (
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Chain is a tree of blocks with a best branch, which any number of peers serve. They
// announce what is new of it.
type Chain struct {
	mu      sync.Mutex
	blocks  map[chainhash.Hash]*wire.MsgBlock
	best    []*wire.MsgBlock // by height
	heights map[chainhash.Hash]int
	changed chan struct{} // closed when best is another
}

// NewChain makes a chain of its genesis block alone.
func NewChain(genesis *wire.MsgBlock) *Chain {
	c := &Chain{blocks: map[chainhash.Hash]*wire.MsgBlock{}, changed: make(chan struct{})}
	c.setBest([]*wire.MsgBlock{genesis})
	return c
}

// Add appends blocks, each of which follows the one before it; the first may follow
// any of the chain. If they make the longest branch, it becomes the best one.
func (c *Chain) Add(blocks ...*wire.MsgBlock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range blocks {
		c.blocks[b.BlockHash()] = b
	}
	var branch []*wire.MsgBlock
	at := blocks[len(blocks)-1]
	for {
		height, inBest := c.heights[at.BlockHash()]
		if inBest {
			branch = append(c.best[:height+1:height+1], branch...)
			break
		}
		branch = append([]*wire.MsgBlock{at}, branch...)
		if at = c.blocks[at.Header.PrevBlock]; at == nil {
			return // nobody can follow it
		}
	}
	if len(branch) > len(c.best) {
		c.setBest(branch)
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

func (c *Chain) setBest(branch []*wire.MsgBlock) {
	c.best, c.heights = branch, make(map[chainhash.Hash]int, len(branch))
	for height, b := range branch {
		hash := b.BlockHash()
		c.blocks[hash], c.heights[hash] = b, height
	}
}

// Tip returns the best block's hash and height, and a channel that is closed when it
// is another.
func (c *Chain) Tip() (hash chainhash.Hash, height int, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.best[len(c.best)-1].BlockHash(), len(c.best) - 1, c.changed
}

// headersAfter answers a getheaders.
func (c *Chain) headersAfter(locator []*chainhash.Hash) *wire.MsgHeaders {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := 0
	for _, hash := range locator {
		if height, ok := c.heights[*hash]; ok {
			from = height
			break
		}
	}
	msg := &wire.MsgHeaders{}
	for _, b := range c.best[from+1:] {
		if len(msg.Headers) == wire.MaxBlockHeadersPerMsg {
			break
		}
		msg.Headers = append(msg.Headers, &b.Header)
	}
	return msg
}

func (c *Chain) block(hash chainhash.Hash) *wire.MsgBlock {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocks[hash]
}

// last returns the header of the best block.
func (c *Chain) last() *wire.BlockHeader {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &c.best[len(c.best)-1].Header
}
