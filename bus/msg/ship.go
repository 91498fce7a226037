package msg

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
)

// What parts ask of the supervisor.
var (
	// SpawnWorker starts one more worker process.
	SpawnWorker = bus.Method[bus.None, SpawnReply]("ship.worker.spawn")
	// WorkerPlan tells how peer connections are shared among worker processes, and
	// SetWorkerPlan changes it, and tells what it is now.
	WorkerPlan    = bus.Method[bus.None, WorkerPlanBody]("ship.worker.plan")
	SetWorkerPlan = bus.Method[WorkerPlanBody, WorkerPlanBody]("ship.worker.setplan")
	// KeepPeers hands the supervisor what the manager after this one is to have among
	// its settings, until the node stops. It is the manager's own.
	KeepPeers = bus.Method[KeptBody, bus.None]("ship.peers.keep")
	// RememberPeers hands the supervisor connections that have ended, of which the manager
	// after this one is to tell, too, until the node stops. It keeps the last ones.
	RememberPeers = bus.Method[EndedPeersBody, bus.None]("ship.peers.remember")
	// SavePeersFile replaces or removes a file of the manager's in the data directory,
	// which it may read at its start and not write: what else is there is not its own.
	// When it returns, that is durable.
	SavePeersFile = bus.Method[PeersFileBody, bus.None]("ship.peers.save")
	// ProveTor answers the challenge of a Tor daemon by the cookie in a file that the
	// daemon names. Who cannot prove to know what is in that file learns nothing of it.
	ProveTor = bus.Method[ProveTorRequest, ProveTorReply]("ship.peers.prove")
	// MakeWallet runs a process that makes a wallet, and returns when it is there; error
	// kind KindSpawnFailed with what it said if it could not. This and the other
	// methods about wallets are for the keeper of wallets alone.
	MakeWallet = bus.Method[MakeWalletRequest, bus.None]("ship.wallet.make")
	// RememberWallet keeps in settings.json whether a wallet is loaded at start.
	RememberWallet = bus.Method[RememberWalletRequest, bus.None]("ship.wallet.remember")
	// SpawnWallet starts the process of one wallet and returns when it is on
	// the bus; error kind KindSpawnFailed with what it said if it ended before.
	SpawnWallet = bus.Method[SpawnWalletRequest, SpawnReply]("ship.wallet.spawn")
	// StopWallet ends the process of one wallet in order.
	StopWallet = bus.Method[SpawnReply, bus.None]("ship.wallet.stop")
	// Compartments lists the compartments that the supervisor runs, itself
	// first. Links from other machines are no compartments: BusStats has them.
	Compartments = bus.Method[bus.None, CompartmentsReply]("ship.compartments")
)

// What the gateway asks of the supervisor for a command that uses a file (rpc.FileUse):
// the part that serves it may open none.
var (
	// OpenFile opens the file and hands it over to the part. It has to be closed.
	OpenFile = bus.Method[OpenFileRequest, FileNumber]("ship.file.open")
	// CloseFile tells that the command has ended; a file that it made has its name then.
	CloseFile = bus.Method[CloseFileRequest, bus.None]("ship.file.close")
)

// OpenFileRequest is the command and the path that its user has given.
type OpenFileRequest struct {
	Command string `cbor:"1,keyasint"`
	Path    string `cbor:"2,keyasint"`
}

// FileNumber names an open file; 0 tells that the part opens it itself.
type FileNumber struct {
	Number uint64 `cbor:"1,keyasint"`
}

// CloseFileRequest ends what OpenFile began.
type CloseFileRequest struct {
	Number uint64 `cbor:"1,keyasint"`
	// Keep tells that the command has succeeded: else what it made is removed.
	Keep bool `cbor:"2,keyasint"`
}

// How the node starts and stops.
var (
	// Readiness tells what the node waits for before it is ready.
	Readiness = bus.Method[bus.None, ReadinessReply]("ship.readiness")
	// WalletsLoaded tells the supervisor that the wallets which are to be loaded
	// at start are, as far as they can be.
	WalletsLoaded = bus.Method[bus.None, bus.None]("ship.wallet.loaded")
	// Halt, asked by the supervisor when the node is to stop, makes the node part
	// change nothing any more: when it returns, no block is connected and no
	// transaction is taken, and calls that waited for a block have been answered.
	Halt = bus.Method[bus.None, bus.None]("node.life.halt")
	// SaveMempool, asked by the supervisor after that, makes the node write its mempool
	// to a file that it was handed, or to mempool.dat for number 0.
	SaveMempool = bus.Method[FileNumber, bus.None]("node.life.savemempool")
	// FeeEstimates, asked by the supervisor from time to time, tells what the files of fee
	// estimates are to hold.
	FeeEstimates = bus.Method[FeeEstimatesRequest, FeeEstimatesReply]("node.life.feeestimates")
)

// FeeEstimatesRequest asks for what the node knows of fee rates. Last tells that it ends.
type FeeEstimatesRequest struct {
	Last bool `cbor:"1,keyasint"`
}

// MaxFeeEstimates bounds each of the files of a FeeEstimatesReply, in bytes.
const MaxFeeEstimates = 4 << 20

// FeeEstimatesReply has two attachments, what became of transactions and how much of the
// last blocks the mempool had; none with -blocksonly.
type FeeEstimatesReply struct {
	bus.Frames
}

// ReadinessReply names what is missing, sorted: nothing once the node is ready,
// for good.
type ReadinessReply struct {
	Waiting []string `cbor:"1,keyasint"`
}

// CompartmentTold tells what the supervisor has seen of a compartment, or done to it: the
// same as its line in debug.log. Workers do not hear it.
var CompartmentTold = bus.Topic[CompartmentEvent]("ship.event.compartment")

// What a CompartmentEvent may tell.
const (
	CompartmentEnded    = "ended"     // its process is gone, by itself or by the kernel
	CompartmentKilled   = "killed"    // by the watchdog
	CompartmentSilent   = "silent"    // it has not answered for long
	CompartmentAnswers  = "answers"   // again
	CompartmentTooLarge = "too-large" // it comes near the memory that it may have
	CompartmentTooOpen  = "too-open"  // it comes near the descriptors that it may have
)

// CompartmentEvent is about one process.
type CompartmentEvent struct {
	Instance string `cbor:"1,keyasint"`
	Role     string `cbor:"2,keyasint"`
	PID      int    `cbor:"3,keyasint"` // that of the node, if all run in one process
	What     string `cbor:"4,keyasint"`
	Text     string `cbor:"5,keyasint"` // as in debug.log
}

// KindSpawnFailed is the error of a process that did not come up.
const KindSpawnFailed bus.Kind = "ship.spawn-failed"

// WorkerPlanBody is a worker for each connection, started as the manager asks for them,
// or else a number of workers that share all.
type WorkerPlanBody struct {
	PerPeer bool `cbor:"1,keyasint"`
	Count   int  `cbor:"2,keyasint"`
	// Leaving, which only the supervisor tells, are workers that are too many: the manager
	// is to order them to go, and they are not started again.
	Leaving []string `cbor:"3,keyasint,omitempty"`
}

// MaxKept bounds a KeptBody, in bytes: a few thousand addresses of addnode.
const MaxKept = 1 << 20

// KeptBody is opaque to the supervisor.
type KeptBody struct {
	Data []byte `cbor:"1,keyasint"`
}

// Bounds of what is remembered of connections: so many, of so many bytes each. Together
// they have no more than MaxKept.
const (
	MaxEndedPeers = 1000
	MaxEndedPeer  = 8 << 10
)

// EndedPeersBody is a connection a record, the oldest first. They are opaque to the
// supervisor.
type EndedPeersBody struct {
	Records [][]byte `cbor:"1,keyasint"`
}

// A file of the manager's goes to the supervisor in pieces of so many bytes, and has no
// more than MaxPeersFile: a list of a million bans is longer than a message may be.
const (
	PeersFilePiece = 16 << 20
	MaxPeersFile   = 256 << 20
)

// PeersFileBody holds the file's content in its attachment; without one it is removed.
// Pieces come in their order, one file after the other, the first one at 0.
type PeersFileBody struct {
	Name string `cbor:"1,keyasint"`
	At   int    `cbor:"2,keyasint,omitempty"` // bytes of it that came before
	More bool   `cbor:"3,keyasint,omitempty"` // this is not the last piece
	bus.Frames
}

// ProveTorRequest is a challenge (SAFECOOKIE in Tor's control-spec): both nonces, and the
// daemon's hash of them.
type ProveTorRequest struct {
	Path   string   `cbor:"1,keyasint"`
	Ours   [32]byte `cbor:"2,keyasint"`
	Theirs [32]byte `cbor:"3,keyasint"`
	Hash   []byte   `cbor:"4,keyasint"`
}

// ProveTorReply is our hash of the same.
type ProveTorReply struct {
	Proof []byte `cbor:"1,keyasint"`
}

// SpawnReply names the new instance.
type SpawnReply struct {
	Instance string `cbor:"1,keyasint"`
}

// MakeWalletRequest tells of a wallet that has no past before a block.
type MakeWalletRequest struct {
	Name     string         `cbor:"1,keyasint"`
	Tip      chainhash.Hash `cbor:"2,keyasint"`
	Height   int32          `cbor:"3,keyasint"`
	Birthday int64          `cbor:"4,keyasint"` // Unix time
}

// RememberWalletRequest names a wallet that is to be loaded at start, or is not.
type RememberWalletRequest struct {
	Name   string `cbor:"1,keyasint"`
	Wanted bool   `cbor:"2,keyasint"`
}

// SpawnWalletRequest names a wallet that exists.
type SpawnWalletRequest struct {
	Name string `cbor:"1,keyasint"`
}

// CompartmentsReply holds one entry a compartment.
type CompartmentsReply struct {
	Compartments []Compartment `cbor:"1,keyasint"`
}

// Compartment describes one that is running or being started again. When all
// run in one process, PID and Resident are that process's in every entry.
type Compartment struct {
	Instance string `cbor:"1,keyasint"`
	Role     string `cbor:"2,keyasint"`
	PID      int    `cbor:"3,keyasint"`
	Started  int64  `cbor:"4,keyasint"` // Unix time of its last start, 0 before the first
	Restarts int    `cbor:"5,keyasint"`
	Resident int64  `cbor:"6,keyasint"` // bytes of memory, 0 if it is not running
	// CPUMicros is the processor time that it has taken since its last start.
	CPUMicros int64 `cbor:"7,keyasint"`
}
