package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ChainInfo is what the settings need to know of a chain.
type ChainInfo struct {
	Name    string // as RPC shows it: main, test, testnet4, signet, regtest
	section string // of the configuration file
	subdir  string // of the data directory
	P2PPort int
	RPCPort int
}

func chains() []ChainInfo {
	return []ChainInfo{
		{Name: "main", section: "main", P2PPort: 8333, RPCPort: 8332},
		{Name: "test", section: "test", subdir: "testnet3", P2PPort: 18333, RPCPort: 18332},
		{Name: "testnet4", section: "testnet4", subdir: "testnet4", P2PPort: 48333, RPCPort: 48332},
		{Name: "signet", section: "signet", subdir: "signet", P2PPort: 38333, RPCPort: 38332},
		{Name: "regtest", section: "regtest", subdir: "regtest", P2PPort: 18444, RPCPort: 18443},
	}
}

// chainName finds the chain among -chain and its short forms. Their settings
// count wherever they stand but in a section.
func (s *Settings) chainName() (ChainInfo, error) {
	selected := s.chain
	s.chain = ""
	defer func() { s.chain = selected }()
	given := 0
	name := "main"
	for flag, chain := range map[string]string{"regtest": "regtest", "signet": "signet", "testnet": "test", "testnet4": "testnet4"} {
		if s.Bool(flag, false) {
			given++
			name = chain
		}
	}
	if s.Has("chain") {
		given++
		name = s.Text("chain", "")
	}
	if given > 1 {
		return ChainInfo{}, Complain("Invalid combination of -regtest, -signet, -testnet, -testnet4 and -chain. Can use at most one.")
	}
	all := chains()
	i := slices.IndexFunc(all, func(c ChainInfo) bool { return c.Name == name })
	if i < 0 {
		return ChainInfo{}, Complain("Unknown chain %s.", name)
	}
	return all[i], nil
}

// Layout tells where a node keeps its things.
type Layout struct {
	Chain     ChainInfo
	Base      string // the data directory
	Net       string // the chain's own directory in it
	BlocksDir string // holds "blocks" with blk and rev files
	WalletDir string
	LogFile   string // "" for none
	PIDFile   string
	Cookie    string
	Keys      string // the folder with the bus's keys
}

func (s *Settings) layout(base string, chain ChainInfo) (*Layout, error) {
	l := &Layout{Chain: chain, Base: base, Net: filepath.Join(base, chain.subdir)}
	l.BlocksDir = l.Net
	if s.Has("blocksdir") {
		dir, err := filepath.Abs(s.Text("blocksdir", ""))
		info, statErr := os.Stat(dir)
		if err != nil || statErr != nil || !info.IsDir() {
			return nil, Complain("Specified blocks directory \"%s\" does not exist.", s.Text("blocksdir", ""))
		}
		l.BlocksDir = filepath.Join(dir, chain.subdir)
	}
	inNet := func(setting, fallback string) string {
		path := s.Text(setting, fallback)
		if path == "" {
			path = fallback
		}
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(l.Net, path)
	}
	l.PIDFile = inNet("pid", "bitcoind.pid")
	l.Cookie = inNet("rpccookiefile", ".cookie")
	if !s.Negated("debuglogfile") {
		l.LogFile = inNet("debuglogfile", "debug.log")
	}
	l.Keys = filepath.Join(l.Net, "ipc")
	l.WalletDir = inNet("walletdir", "wallets")
	if s.Has("walletdir") {
		if info, err := os.Stat(l.WalletDir); err != nil || !info.IsDir() {
			return nil, Complain("Specified -walletdir \"%s\" does not exist", l.WalletDir)
		}
	}
	return l, nil
}

// Prepare creates the directories, private to the user.
func (l *Layout) Prepare() error {
	for _, dir := range []string{l.Base, l.Net, filepath.Join(l.BlocksDir, "blocks"), filepath.Join(l.Net, "wallets")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// CheckUnserved refuses settings that ask for what this node does not do.
func (s *Settings) CheckUnserved() error {
	var asked []string
	for name, option := range s.options {
		if !option.Unserved || !s.Has(name) {
			continue
		}
		off := s.Negated(name) || s.Text(name, "") == "0"
		switch {
		case option.Always && off:
			asked = append(asked, "-"+name+"=0")
		case !option.Always && !off:
			asked = append(asked, "-"+name)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	slices.Sort(asked)
	return Complain("This version of Bulkhead does not support %s.", strings.Join(asked, ", "))
}
