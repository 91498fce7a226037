package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// chainName finds the chain among -chain and its short forms. Their settings
// count wherever they stand but in a section.
func (s *Settings) chainName() (chains.Chain, error) {
	selected := s.chain
	s.chain = ""
	defer func() { s.chain = selected }()
	given := 0
	name := chains.Main
	for _, c := range chains.All() {
		if c.Setting != "" && s.Bool(c.Setting, false) {
			given++
			name = c.Name
		}
	}
	if s.Has("chain") {
		given++
		name = s.Text("chain", "")
	}
	if given > 1 {
		return chains.Chain{}, Complain("Invalid combination of -%s and -chain. Can use at most one.", strings.Join(chainSettings(), ", -"))
	}
	chain, err := chains.Named(name)
	if err != nil {
		return chains.Chain{}, Complain("Unknown chain %s.", name)
	}
	return chain, nil
}

// chainSettings are those that choose a chain, in the order of the alphabet.
func chainSettings() []string {
	var list []string
	for _, c := range chains.All() {
		if c.Setting != "" {
			list = append(list, c.Setting)
		}
	}
	slices.Sort(list)
	return list
}

// Layout tells where a node keeps its things.
type Layout struct {
	Chain     chains.Chain
	Base      string // the data directory
	Net       string // the chain's own directory in it
	BlocksDir string // holds "blocks" with blk and rev files
	WalletDir string
	LogFile   string // "" for none
	Settings  string // the file of settings that change at run time, "" for none
	PIDFile   string
	Cookie    string
	Keys      string // the folder with the bus's keys
}

func (s *Settings) layout(base string, chain chains.Chain) (*Layout, error) {
	l := &Layout{Chain: chain, Base: base, Net: filepath.Join(base, chain.Folder)}
	l.BlocksDir = l.Net
	if s.Has("blocksdir") {
		dir, err := filepath.Abs(s.Text("blocksdir", ""))
		info, statErr := os.Stat(dir)
		if err != nil || statErr != nil || !info.IsDir() {
			return nil, Complain("Specified blocks directory \"%s\" does not exist.", s.Text("blocksdir", ""))
		}
		l.BlocksDir = filepath.Join(dir, chain.Folder)
	}
	l.PIDFile = s.inNet(l, "pid", "bitcoind.pid")
	l.Cookie = s.inNet(l, "rpccookiefile", cookieName)
	if !s.Negated("debuglogfile") {
		l.LogFile = s.inNet(l, "debuglogfile", "debug.log")
	}
	l.Keys = filepath.Join(l.Net, "ipc")
	l.WalletDir = s.inNet(l, "walletdir", "wallets")
	if s.Has("walletdir") {
		if info, err := os.Stat(l.WalletDir); err != nil || !info.IsDir() {
			return nil, Complain("Specified -walletdir \"%s\" does not exist", l.WalletDir)
		}
	}
	return l, nil
}

// cookieName is the cookie file's, unless -rpccookiefile names another.
const cookieName = ".cookie"

// inNet returns the path that a setting names, relative to the chain's folder.
func (s *Settings) inNet(l *Layout, setting, fallback string) string {
	path := s.Text(setting, fallback)
	if path == "" {
		path = fallback
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.Net, path)
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
		if !option.Unserved || !s.Has(name) || option.OfWallets && s.Bool("disablewallet", false) {
			continue
		}
		text := s.Text(name, "")
		off := s.Negated(name) || text == "0" || option.Param != "" && text == ""
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
