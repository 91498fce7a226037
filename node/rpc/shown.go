package rpc

import (
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// shownTx is a transaction as package render takes it.
func shownTx(tx *consensus.Tx) render.Transaction {
	return render.Transaction{MsgTx: tx.MsgTx, ID: tx.ID, WitnessID: tx.WitnessID, Size: tx.Size, Weight: tx.Weight()}
}

// shownCoins are coins as package render takes them.
func shownCoins(spent []coins.Coin) []render.Coin {
	list := make([]render.Coin, len(spent))
	for i, c := range spent {
		list[i] = render.Coin(c)
	}
	return list
}
