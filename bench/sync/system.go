package main

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Names of builds, which systems are made of.
const (
	withLibrary = "libsecp256k1"
	pureGo      = "pure Go"
	btcd        = "btcd"
	bitcoind    = "bitcoind"
)

// system is a node that is measured: a build with its settings.
type system struct {
	build   string
	assumed bool // scripts below the vouched block are not verified
	single  bool // all parts in one process
}

// systems are all that can be measured; those of builds that the machine has
// not got are to be left out.
func systems() []system {
	list := []system{}
	for _, build := range []string{withLibrary, pureGo} {
		for _, assumed := range []bool{false, true} {
			list = append(list, system{build: build, assumed: assumed}, system{build: build, assumed: assumed, single: true})
		}
	}
	return append(list, system{build: btcd}, system{build: bitcoind}, system{build: bitcoind, assumed: true})
}

func (s system) bulkhead() bool { return s.build == withLibrary || s.build == pureGo }

func (s system) name() string {
	name := s.build
	if s.bulkhead() {
		name = "bulkhead (" + s.build + ")"
	}
	if s.single {
		name += " -multiprocess=0"
	}
	if s.assumed {
		name += " assumevalid"
	}
	return name
}

// place is what a start of a node depends on.
type place struct {
	dir     string   // empty
	peers   []string // addresses of the serving processes
	workers string   // -p2pworkers; empty for its default
	rpcPort int
	listen  int // port for other peers, whatever the age of the tip; zero for none
	vouched chainhash.Hash
}

const rpcUser, rpcPassword = "bench", "bench"

func (s system) args(p place) []string {
	if s.build == btcd {
		return []string{
			"--regtest", "--datadir=" + p.dir + "/data", "--logdir=" + p.dir + "/log", "--configfile=" + p.dir + "/none.conf",
			"--nolisten", "--connect=" + p.peers[0], fmt.Sprintf("--rpclisten=127.0.0.1:%d", p.rpcPort), "--rpcuser=" + rpcUser,
			"--rpcpass=" + rpcPassword, "--notls", "--nodnsseed", "--utxocachemaxsize=450",
		}
	}
	assumed := "0"
	if s.assumed {
		assumed = p.vouched.String()
	}
	args := []string{
		"-regtest", "-datadir=" + p.dir, "-dnsseed=0", "-disablewallet", "-dbcache=450",
		"-minimumchainwork=0", "-assumevalid=" + assumed,
		fmt.Sprintf("-rpcport=%d", p.rpcPort), "-rpcuser=" + rpcUser, "-rpcpassword=" + rpcPassword,
	}
	for _, peer := range p.peers {
		args = append(args, "-connect="+peer)
	}
	if p.workers != "" {
		args = append(args, "-p2pworkers="+p.workers)
	}
	if p.listen != 0 {
		args = append(args, "-listen=1", fmt.Sprintf("-bind=127.0.0.1:%d", p.listen), "-maxtipage=1000000000")
	} else {
		args = append(args, "-listen=0")
	}
	if s.single {
		args = append(args, "-multiprocess=0")
	}
	if s.build == bitcoind {
		// The peer speaks version 1. On regtest bitcoind looks through its index
		// after each block, and through its mempool after each transaction, otherwise.
		args = append(args, "-v2transport=0", "-printtoconsole=0", "-checkblockindex=0", "-checkmempool=0")
	}
	return args
}
