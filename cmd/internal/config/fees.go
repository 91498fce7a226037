package config

import (
	"encoding/json"
	"strconv"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// testFallbackFee spares test chains, whose coins are worth nothing, a setting
// without which no payment could be made. Satoshi per 1000 vbytes.
const testFallbackFee = 20_000

// FeeRates are the settings in BTC/kvB, in satoshi per 1000 vbytes.
type FeeRates struct {
	MinRelay, Incremental, Dust, BlockMin, Fallback, WalletMin int64
}

// FeeRates reads -minrelaytxfee and its like.
func (s *Settings) FeeRates(chain chains.Chain) (rates FeeRates, err error) {
	fallback := int64(0)
	if chain.Name != chains.Main {
		fallback = testFallbackFee
	}
	for _, f := range []struct {
		name     string
		into     *int64
		fallback int64
	}{
		{"minrelaytxfee", &rates.MinRelay, 100},
		{"incrementalrelayfee", &rates.Incremental, 100},
		{"dustrelayfee", &rates.Dust, 3000},
		{"blockmintxfee", &rates.BlockMin, 1},
		{"fallbackfee", &rates.Fallback, fallback},
		{"mintxfee", &rates.WalletMin, 1000},
	} {
		*f.into = f.fallback
		if !s.Has(f.name) {
			continue
		}
		text := s.Text(f.name, "")
		amount, err := rpc.ParseAmount(json.RawMessage(strconv.Quote(text)))
		if err != nil {
			return rates, Complain("Invalid amount for -%s=<amount>: '%s'", f.name, text)
		}
		*f.into = int64(amount)
	}
	if !s.Has("minrelaytxfee") { // the other one alone sets both
		rates.MinRelay = max(rates.MinRelay, rates.Incremental)
	}
	return rates, nil
}
