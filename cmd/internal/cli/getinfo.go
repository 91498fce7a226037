package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// networkInfo is what is shown of getnetworkinfo.
type networkInfo struct {
	Version         json.RawMessage
	ProtocolVersion json.Number
	Subversion      string
	TimeOffset      json.RawMessage
	Connections     json.RawMessage
	ConnectionsIn   json.RawMessage `json:"connections_in"`
	ConnectionsOut  json.RawMessage `json:"connections_out"`
	RelayFee        json.RawMessage
	Warnings        json.RawMessage
	Networks        []struct {
		Name      string
		Reachable bool
		Proxy     string
	}
	LocalServices  []string `json:"localservicesnames"`
	LocalAddresses []struct {
		Address string
		Port    int
		Score   int
	}
}

// chainInfo is what is shown of getblockchaininfo.
type chainInfo struct {
	Chain      string
	Blocks     json.RawMessage
	Headers    json.RawMessage
	Progress   float64 `json:"verificationprogress"`
	Difficulty json.RawMessage
}

// walletInfo is what is shown of getwalletinfo.
type walletInfo struct {
	Name          string          `json:"walletname"`
	KeypoolSize   json.RawMessage `json:"keypoolsize"`
	UnlockedUntil json.RawMessage `json:"unlocked_until"`
}

// balances is what is shown of getbalances.
type balances struct {
	Mine struct{ Trusted json.RawMessage }
}

// info is all that -getinfo shows.
type info struct {
	network  networkInfo
	chain    chainInfo
	wallet   *walletInfo // nil for none
	balance  json.RawMessage
	balances []pair // of wallets, by name, if several are loaded
}

// getInfo shows node and wallet.
func (c *client) getInfo(ctx context.Context) (string, error) {
	if len(c.words) > 0 {
		return "", errors.New("-getinfo takes no arguments")
	}
	replies, err := c.askAll(ctx, "getnetworkinfo", "getblockchaininfo", "getwalletinfo", "getbalances")
	if err != nil {
		return "", err
	}
	i, err := readInfo(replies)
	if err != nil {
		return "", err
	}
	if c.wallet() == nil {
		if i.balances, err = c.allBalances(ctx); err != nil {
			return "", err
		}
	}
	colours, err := c.colours()
	if err != nil {
		return "", err
	}
	return i.text(colours), nil
}

// readInfo reads the replies. Without a wallet there are errors for the last two, which
// say no more than that.
func readInfo(replies []reply) (i info, err error) {
	for at, into := range []any{&i.network, &i.chain} {
		if err := replies[at].refused(); err != nil {
			return i, err
		}
		if json.Unmarshal(replies[at].Result, into) != nil {
			return i, errUnreadable
		}
	}
	if replies[2].refused() == nil && json.Unmarshal(replies[2].Result, &i.wallet) != nil {
		return i, errUnreadable
	}
	var own balances
	if replies[3].refused() == nil && json.Unmarshal(replies[3].Result, &own) != nil {
		return i, errUnreadable
	}
	i.balance = own.Mine.Trusted
	return i, nil
}

// allBalances returns those of all wallets, nothing if there are not several.
func (c *client) allBalances(ctx context.Context) (list []pair, err error) {
	var refused *refusal
	raw, err := c.ask(ctx, nil, request{id: []byte("1"), method: "listwallets"})
	if errors.As(err, &refused) {
		return nil, nil
	}
	var names []string
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(raw, &names) != nil {
		return nil, errUnreadable
	}
	if len(names) <= 1 {
		return nil, nil
	}
	for _, name := range names {
		raw, err := c.ask(ctx, &name, request{id: []byte("1"), method: "getbalances"})
		var own balances
		if err != nil && !errors.As(err, &refused) {
			return nil, err
		}
		if err == nil && json.Unmarshal(raw, &own) != nil {
			return nil, errUnreadable
		}
		list = append(list, pair{name, own.Mine.Trusted})
	}
	return list, nil
}

func (i info) text(c colours) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sChain: %s%s\n", c.blue, i.chain.Chain, c.reset)
	fmt.Fprintf(&b, "Blocks: %s\nHeaders: %s\n", i.chain.Blocks, i.chain.Headers)
	fmt.Fprintf(&b, "Verification progress: %s%.4f%%\n", progressBar(i.chain.Progress), i.chain.Progress*100)
	fmt.Fprintf(&b, "Difficulty: %s\n\n", i.chain.Difficulty)
	fmt.Fprintf(&b, "%sNetwork: in %s, out %s, total %s%s\n", c.green, i.network.ConnectionsIn, i.network.ConnectionsOut, i.network.Connections, c.reset)
	fmt.Fprintf(&b, "Version: %s\nTime offset (s): %s\n", i.network.Version, i.network.TimeOffset)
	fmt.Fprintf(&b, "Proxies: %s\n", i.network.proxies())
	fmt.Fprintf(&b, "Min tx relay fee rate (BTC/kvB): %s\n\n", i.network.RelayFee)
	i.writeWallets(&b, c)
	fmt.Fprintf(&b, "%sWarnings:%s %s", c.yellow, c.reset, warnings(i.network.Warnings))
	return b.String()
}

func (i info) writeWallets(b *strings.Builder, c colours) {
	if w := i.wallet; w != nil {
		fmt.Fprintf(b, "%sWallet: %s%s\nKeypool size: %s\n", c.magenta, walletName(w.Name), c.reset, w.KeypoolSize)
		if until := text(w.UnlockedUntil); until != "" {
			fmt.Fprintf(b, "Unlocked until: %s\n", until)
		}
	}
	if balance := text(i.balance); balance != "" {
		fmt.Fprintf(b, "%sBalance:%s %s\n\n", c.cyan, c.reset, balance)
	}
	if len(i.balances) == 0 {
		return
	}
	fmt.Fprintf(b, "%sBalances%s\n", c.cyan, c.reset)
	width := 10
	for _, p := range i.balances {
		width = max(width, len(text(p.value)))
	}
	for _, p := range i.balances {
		fmt.Fprintf(b, "%*s %s\n", width, text(p.value), walletName(p.name))
	}
	b.WriteString("\n")
}

// walletName makes the wallet without a name visible.
func walletName(name string) string {
	if name == "" {
		return `""`
	}
	return name
}

// progressBar shows twenty steps of the initial download, and nothing when it is as good
// as over.
func progressBar(progress float64) string {
	const step, nearlyDone = 0.05, 0.99
	if progress >= nearlyDone {
		return ""
	}
	var b strings.Builder
	for i := 0; progress >= 0 && float64(i) < progress/step; i++ {
		b.WriteString("▒")
	}
	for i := 0; progress >= 0 && float64(i) < (1-progress)/step; i++ {
		b.WriteString("░")
	}
	return b.String() + " "
}

// proxies lists each proxy with the networks that are reached by it.
func (n networkInfo) proxies() string {
	var order []string
	networks := map[string][]string{}
	for _, network := range n.Networks {
		if network.Proxy == "" {
			continue
		}
		if !slices.Contains(order, network.Proxy) {
			order = append(order, network.Proxy)
		}
		networks[network.Proxy] = append(networks[network.Proxy], network.Name)
	}
	for i, proxy := range order {
		order[i] = fmt.Sprintf("%s (%s)", proxy, strings.Join(networks[proxy], ", "))
	}
	if len(order) == 0 {
		return "n/a"
	}
	return strings.Join(order, ", ")
}

// warnings are a list, or one text with -deprecatedrpc=warnings. Bitcoin Core's client
// shows only the latter, and for a list that there are none.
func warnings(raw json.RawMessage) string {
	var list []string
	shown := text(raw)
	if json.Unmarshal(raw, &list) == nil {
		shown = strings.Join(list, "; ")
	}
	if shown == "" {
		return "(none)"
	}
	return shown
}
