package session

import "github.com/btcsuite/btcd/chainhash/v2"

// Effect is something the shell has to do, in the order given.
type Effect interface{ effect() }

// Send is a message for the peer.
type Send struct {
	Type    string
	Payload []byte
}

// Disconnect ends the connection. It is the last effect of a session. The log
// line has been emitted already.
type Disconnect struct {
	Reason string
	// Discourage: the peer misbehaved and its address should be avoided.
	Discourage bool
}

// Request asks another part; the answer is a Reply input with the same ID.
type Request struct {
	ID   uint64
	Body any // one of the request types of this package
}

// Log is a line for the log. Category is empty for unconditional lines.
type Log struct {
	Category string
	Text     string
}

// Ready tells that the version handshake is complete.
type Ready struct{}

func (Send) effect()       {}
func (Disconnect) effect() {}
func (Request) effect()    {}
func (Log) effect()        {}
func (Ready) effect()      {}

// GetLocator asks for a locator of the best header chain, highest hash first;
// answered by Hashes.
type GetLocator struct{}

// FindHeaders is a getheaders message; answered by Headers.
type FindHeaders struct {
	Locator []chainhash.Hash
	Stop    chainhash.Hash
}

// FindBlocks is a getblocks message; answered by Hashes, lowest first.
type FindBlocks struct {
	Locator []chainhash.Hash
	Stop    chainhash.Hash
}

// SubmitHeaders hands over headers, 80 bytes each; answered by HeadersVerdict.
type SubmitHeaders struct{ Raw []byte }

// LeaseBlocks asks for at most Max blocks of the branch of Best; answered by Lease.
// Limited tells that the peer serves only blocks near its tip.
type LeaseBlocks struct {
	Best    chainhash.Hash
	Max     int
	Limited bool
}

// ReleaseLease returns the blocks that were leased; answered by Done.
type ReleaseLease struct{}

// SubmitBlock hands over a raw block; answered by Verdict.
type SubmitBlock struct {
	Raw       []byte
	Requested bool
}

// FetchBlock asks for a raw block; answered by Fetched.
type FetchBlock struct {
	Hash    chainhash.Hash
	Witness bool
}

// SubmitTx hands over a raw transaction; answered by Verdict.
type SubmitTx struct {
	Raw   []byte
	Force bool
}

// WantTxs asks which announced transactions to request; answered by Wanted.
type WantTxs struct {
	Wtxid  bool
	Hashes []chainhash.Hash
}

// FetchTx asks for a raw mempool transaction; answered by Fetched.
type FetchTx struct {
	Hash           chainhash.Hash
	Wtxid, Witness bool
}

// MempoolTxs asks for the whole mempool; answered by TxList.
type MempoolTxs struct{}

// Introduce tells the manager what the peer said in its version message;
// answered by Introduced.
type Introduce struct{ Peer PeerVersion }

// AddAddresses hands addresses to the manager; answered by Done. Relay holds
// those that are fresh enough to be passed on to other peers.
type AddAddresses struct{ Addresses, Relay []Address }

// GetAddresses asks for addresses to answer getaddr with; answered by AddressList.
type GetAddresses struct{}

// Replies.
type (
	// Hashes is a list of block hashes.
	Hashes struct{ Hashes []chainhash.Hash }
	// Headers is a run of headers, 80 bytes each.
	Headers struct{ Raw []byte }
	// HeadersVerdict tells what became of submitted headers.
	HeadersVerdict struct {
		New          int
		Last         chainhash.Hash
		Height       int32
		Unconnecting bool
		Reject       string
		Misbehaving  bool
		// Download: the branch has enough work to be worth its blocks.
		Download bool
	}
	// Lease grants blocks to download.
	Lease struct {
		Hashes  []chainhash.Hash
		Seconds int
		// Retry: nothing now, ask again later.
		Retry bool
	}
	// Verdict tells what became of a submitted block or transaction.
	Verdict struct {
		Hash, Wtxid          chainhash.Hash
		New                  bool
		Reject               string
		Misbehaving, Mutated bool
		Missing              []chainhash.Hash
	}
	// Fetched is a raw block or transaction; Found false if there is none.
	Fetched struct {
		Found   bool
		TooDeep bool // below what we serve; see NODE_NETWORK_LIMITED of BIP159
		Raw     []byte
	}
	// Wanted tells which transactions to request now and which to ask about
	// again after RetrySeconds.
	Wanted struct {
		Request, Later []chainhash.Hash
		RetrySeconds   int
	}
	// TxList is the mempool.
	TxList struct{ Txs []TxAnnouncement }
	// Introduced says whether the connection may go on.
	Introduced struct{ Reject string }
	// AddressList is a list of addresses.
	AddressList struct{ Addresses []Address }
	// Done is an empty reply.
	Done struct{}
)
