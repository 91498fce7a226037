package orphanage

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// Bounds, as Bitcoin Core's.
const (
	// PeerWeight is the weight units that each peer may have.
	PeerWeight = 404_000
	// MaxScore bounds the announcements over all peers, each of which counts one,
	// and one more for every ten inputs.
	MaxScore      = 3000
	inputsPerUnit = 10
	// MaxTxWeight is the weight above which nothing is kept.
	MaxTxWeight = 400_000
)

// Orphan is a transaction and the peers that announced it.
type Orphan struct {
	Tx    *consensus.Tx
	Peers []download.Holder // in the order of their announcements

	number uint64 // in the order of their coming
}

// Orphanage holds orphans.
type Orphanage struct {
	byWtxid map[chainhash.Hash]*Orphan
	spends  map[wire.OutPoint]map[*Orphan]struct{}
	peers   map[download.Holder]*share
	weight  int // of all orphans
	score   int // of all announcements
	last    uint64
}

// share is what one peer takes up.
type share struct {
	weight, score int
	order         []*Orphan // as announced; may hold some that are gone
}

// New returns an empty Orphanage.
func New() *Orphanage {
	return &Orphanage{
		byWtxid: map[chainhash.Hash]*Orphan{}, spends: map[wire.OutPoint]map[*Orphan]struct{}{}, peers: map[download.Holder]*share{},
	}
}

// Len returns how many orphans there are.
func (o *Orphanage) Len() int { return len(o.byWtxid) }

// All returns the orphans, in no order.
func (o *Orphanage) All() (all []*Orphan) {
	for _, orphan := range o.byWtxid {
		all = append(all, orphan)
	}
	return all
}

// Get returns an orphan, or nil.
func (o *Orphanage) Get(wtxid chainhash.Hash) *Orphan { return o.byWtxid[wtxid] }

// Add keeps a transaction for a peer. It reports whether it is new and is there
// afterwards: room may be needed for others.
func (o *Orphanage) Add(tx *consensus.Tx, peer download.Holder) (added bool) {
	if o.byWtxid[tx.WitnessID] != nil {
		o.Announce(tx.WitnessID, peer)
		return false
	}
	if tx.Weight() > MaxTxWeight {
		return false
	}
	o.last++
	orphan := &Orphan{Tx: tx, number: o.last}
	o.byWtxid[tx.WitnessID] = orphan
	o.weight += tx.Weight()
	for _, in := range tx.TxIn {
		if o.spends[in.PreviousOutPoint] == nil {
			o.spends[in.PreviousOutPoint] = map[*Orphan]struct{}{}
		}
		o.spends[in.PreviousOutPoint][orphan] = struct{}{}
	}
	o.announce(orphan, peer)
	o.trim()
	return o.byWtxid[tx.WitnessID] != nil
}

// Announce notes that another peer has an orphan. It reports whether there is one.
func (o *Orphanage) Announce(wtxid chainhash.Hash, peer download.Holder) bool {
	orphan := o.byWtxid[wtxid]
	if orphan == nil {
		return false
	}
	if !slices.Contains(orphan.Peers, peer) {
		o.announce(orphan, peer)
		o.trim()
	}
	return true
}

func (o *Orphanage) announce(orphan *Orphan, peer download.Holder) {
	orphan.Peers = append(orphan.Peers, peer)
	of := o.peers[peer]
	if of == nil {
		of = &share{}
		o.peers[peer] = of
	}
	of.order = append(of.order, orphan)
	of.weight += orphan.Tx.Weight()
	of.score += orphan.score()
	o.score += orphan.score()
}

func (orphan *Orphan) score() int { return 1 + len(orphan.Tx.TxIn)/inputsPerUnit }

// Children returns the orphans that spend outputs of a transaction.
func (o *Orphanage) Children(tx *consensus.Tx) (children []*Orphan) {
	seen := map[*Orphan]struct{}{}
	for i := range tx.TxOut {
		for orphan := range o.spends[wire.OutPoint{Hash: tx.ID, Index: uint32(i)}] {
			if _, twice := seen[orphan]; !twice {
				seen[orphan] = struct{}{}
				children = append(children, orphan)
			}
		}
	}
	return children
}

// ChildrenOf returns the orphans that spend outputs of a transaction and were
// announced by a peer, those first that came last: of two that conflict, the later
// one is likely to pay more.
func (o *Orphanage) ChildrenOf(tx *consensus.Tx, peer download.Holder) []*Orphan {
	children := slices.DeleteFunc(o.Children(tx), func(orphan *Orphan) bool { return !slices.Contains(orphan.Peers, peer) })
	slices.SortFunc(children, func(a, b *Orphan) int { return cmp.Compare(b.number, a.number) })
	return children
}

// Erase forgets an orphan.
func (o *Orphanage) Erase(wtxid chainhash.Hash) {
	orphan := o.byWtxid[wtxid]
	if orphan == nil {
		return
	}
	for _, peer := range orphan.Peers {
		o.unshare(orphan, peer)
	}
	o.drop(orphan)
	o.trim() // one peer less is one share less
}

// BlockConnected forgets what a block contains and what conflicts with it, and
// returns how many there were.
func (o *Orphanage) BlockConnected(block *consensus.Block) (erased int) {
	before := len(o.byWtxid)
	if before == 0 {
		return 0
	}
	for _, tx := range block.Txs {
		for _, in := range tx.TxIn {
			for orphan := range o.spends[in.PreviousOutPoint] {
				o.Erase(orphan.Tx.WitnessID)
			}
		}
	}
	return before - len(o.byWtxid)
}

// Forget forgets peers that are gone, and what only they had announced.
func (o *Orphanage) Forget(gone func(download.Holder) bool) {
	for peer, of := range o.peers {
		if !gone(peer) {
			continue
		}
		for _, orphan := range slices.Clone(of.order) {
			o.retract(orphan, peer)
		}
	}
	o.trim()
}

// Peers returns those who announced an orphan that is kept.
func (o *Orphanage) Peers() (peers []download.Holder) {
	for peer := range o.peers {
		peers = append(peers, peer)
	}
	return peers
}
