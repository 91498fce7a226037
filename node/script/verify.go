package script

import (
	"runtime"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Job is one transaction to verify. Spent holds the outputs that its inputs
// spend, in order.
type Job struct {
	Tx    *wire.MsgTx
	Wtxid chainhash.Hash
	Spent []wire.TxOut
	Flags txscript.ScriptFlags
}

// Config sizes a Verifier.
type Config struct {
	Parallel int // scripts that run at a time; zero for one a processor
	Sigs     int // signatures to remember
	Txs      int // transactions to remember
}

// Verifier runs scripts.
type Verifier struct {
	slots chan struct{} // one element a goroutine that runs scripts
	sigs  *txscript.SigCache
	txs   *seenTxs
}

// New returns a Verifier that remembers nothing yet.
func New(cfg Config) *Verifier {
	if cfg.Parallel <= 0 {
		cfg.Parallel = runtime.GOMAXPROCS(0)
	}
	return &Verifier{
		slots: make(chan struct{}, cfg.Parallel),
		sigs:  txscript.NewSigCache(uint(max(cfg.Sigs, 1))),
		txs:   newSeenTxs(cfg.Txs),
	}
}

// Verify runs the scripts of all inputs of all jobs. It fails with the *Error
// of the first input, in the jobs' order, whose script fails. With remember,
// valid transactions are remembered; those remembered are not run again.
func (v *Verifier) Verify(jobs []Job, remember bool) error {
	if err := v.Start(jobs).Wait(); err != nil {
		return err
	}
	if remember {
		for i := range jobs {
			v.txs.add(jobs[i].Wtxid, jobs[i].Flags)
		}
	}
	return nil
}

// input is one script to run.
type input struct {
	tx    *prepared
	index int
}

func (v *Verifier) inputs(jobs []Job) []input {
	var inputs []input
	for i := range jobs {
		if v.txs.has(jobs[i].Wtxid, jobs[i].Flags) {
			continue
		}
		tx := &prepared{job: &jobs[i]}
		for index := range jobs[i].Tx.TxIn {
			inputs = append(inputs, input{tx, index})
		}
	}
	return inputs
}

func (v *Verifier) verifyInput(in input, at int64, put *later) error {
	if in.direct(at, put) {
		return nil
	}
	return v.execute(in)
}

// execute runs an input's script in the engine.
func (v *Verifier) execute(in input) error {
	job := in.tx.job
	out := &job.Spent[in.index]
	engine, err := txscript.NewEngine(out.PkScript, job.Tx, in.index, job.Flags, v.sigs,
		in.tx.sigHashes(), out.Value, in.tx)
	if err == nil {
		err = engine.Execute()
	}
	if err != nil {
		return newError(job, in.index, err)
	}
	return nil
}

// prepared is what the inputs of one transaction share.
type prepared struct {
	job    *Job
	once   sync.Once
	hashes *txscript.TxSigHashes
	byName map[wire.OutPoint]int
}

// sigHashes returns the parts of signature hashes that are common to all
// inputs (BIP143, BIP341); only witness spends have use for them.
func (p *prepared) sigHashes() *txscript.TxSigHashes {
	p.once.Do(func() {
		if !p.job.Tx.HasWitness() {
			return
		}
		p.byName = make(map[wire.OutPoint]int, len(p.job.Tx.TxIn))
		for i, in := range p.job.Tx.TxIn {
			p.byName[in.PreviousOutPoint] = i
		}
		p.hashes = txscript.NewTxSigHashes(p.job.Tx, p)
	})
	return p.hashes
}

// FetchPrevOutput is what the engine finds spent outputs by.
func (p *prepared) FetchPrevOutput(op wire.OutPoint) *wire.TxOut {
	if p.byName != nil {
		if i, ok := p.byName[op]; ok {
			return &p.job.Spent[i]
		}
		return nil
	}
	for i, in := range p.job.Tx.TxIn {
		if in.PreviousOutPoint == op {
			return &p.job.Spent[i]
		}
	}
	return nil
}
