package wallet

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
)

// scanning is how far a scan has come.
type scanning struct {
	Duration int64   `json:"duration"` // seconds
	Progress float64 `json:"progress"` // 0 to 1
}

// scanProgress returns how far the scan under way has come, nil if there is none.
// w.mu is held.
func (w *wallet) scanProgress() *scanning {
	from, to, underWay := w.follower.Progress()
	if !underWay {
		return nil
	}
	done := float64(w.follower.Position().Height-from) / float64(to-from)
	return &scanning{Duration: int64(time.Since(w.scanSince).Seconds()), Progress: done}
}

// progress is how far a scan has come, or that none is under way.
type progress struct{ *scanning }

// MarshalJSON implements json.Marshaler.
func (p progress) MarshalJSON() ([]byte, error) {
	if p.scanning == nil {
		return []byte("false"), nil
	}
	return json.Marshal(p.scanning)
}

// JSONSchema implements rpc.Describer.
func (progress) JSONSchema() rpc.Schema {
	return rpc.Alternatives{scanning{}, rpc.Never}.JSONSchema()
}

// walletInfo is what getwalletinfo returns.
type walletInfo struct {
	Name        string   `json:"walletname"`
	Version     int      `json:"walletversion"`
	Format      string   `json:"format"`
	Txs         int      `json:"txcount"`
	Pool        uint32   `json:"keypoolsize"`
	PoolChange  uint32   `json:"keypoolsize_hd_internal"`
	PrivateKeys bool     `json:"private_keys_enabled"`
	AvoidReuse  bool     `json:"avoid_reuse"`
	Scanning    progress `json:"scanning"`
	Descriptors bool     `json:"descriptors"`
	Signer      bool     `json:"external_signer"`
	Blank       bool     `json:"blank"`
	Birth       int64    `json:"birthtime"`
	Flags       []string `json:"flags"`
	Last        position `json:"lastprocessedblock"`
}

// infoCommand does not wait for a scan: it is how one watches its progress.
func (w commands) infoCommand(ctx context.Context, call *rpc.Call) (any, error) {
	w.mu.RLock()
	busy := w.scanProgress() != nil
	w.mu.RUnlock()
	if busy {
		return w.snapshot(w.info)(ctx, call)
	}
	return w.current(w.info)(ctx, call)
}

func (w commands) info(*rpc.Call) (any, error) {
	return walletInfo{
		Name: w.cfg.Name, Version: w.store.Meta.Version, Format: "badger", Txs: w.ledger.Len(),
		Pool: w.keypool.Left(keys.External), PoolChange: w.keypool.Left(keys.Change),
		PrivateKeys: true, Scanning: progress{w.scanProgress()}, Descriptors: true, Birth: w.store.Meta.Birthday,
		Flags: []string{"descriptor_wallet"}, Last: w.position(),
	}, nil
}
