package script

import (
	"runtime"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/script/interpreter"
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
	Txs      int // transactions to remember

	// Disagreed, if it is not nil, hears in one line of each input that is accepted
	// only because btcd's engine does not agree that a block's rules refuse it.
	// Several goroutines call it.
	Disagreed func(evidence string)
}

// Verifier runs scripts.
type Verifier struct {
	slots chan struct{} // one element a goroutine that runs scripts
	txs   *seenTxs

	disagreed func(evidence string)
}

// New returns a Verifier that remembers nothing yet.
func New(cfg Config) *Verifier {
	if cfg.Parallel <= 0 {
		cfg.Parallel = runtime.GOMAXPROCS(0)
	}
	if cfg.Disagreed == nil {
		cfg.Disagreed = func(string) {}
	}
	return &Verifier{
		slots:     make(chan struct{}, cfg.Parallel),
		txs:       newSeenTxs(cfg.Txs),
		disagreed: cfg.Disagreed,
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

// VerifyTx runs the scripts of one transaction in the caller's goroutine, beside
// those of blocks: it waits for nothing that Start has begun. Callers see to it
// that they are few; see Parallel. A valid transaction is remembered for the rules
// in also, too, where these are among the job's: fewer rules refuse nothing that
// more allow. Otherwise it runs again for them. It fails as Verify does.
func (v *Verifier) VerifyTx(job Job, also txscript.ScriptFlags) error {
	if err := v.here(job); err != nil {
		return err
	}
	if also&^job.Flags != 0 {
		job.Flags = also
		if err := v.here(job); err != nil {
			return err
		}
	}
	v.txs.add(job.Wtxid, also)
	return nil
}

// Parallel is how many scripts of blocks run at a time.
func (v *Verifier) Parallel() int { return cap(v.slots) }

// here runs a job without goroutines.
func (v *Verifier) here(job Job) error {
	r := &Run{inputs: v.inputs([]Job{job})}
	r.stop.Store(int64(len(r.inputs)))
	r.work(v)
	return r.err
}

// Remember notes that a transaction is valid under some rules, of which the
// caller knows by VerifyTx with at least those.
func (v *Verifier) Remember(wtxid chainhash.Hash, flags txscript.ScriptFlags) {
	v.txs.add(wtxid, flags)
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
		tx := prepare(&jobs[i])
		for index := range jobs[i].Tx.TxIn {
			inputs = append(inputs, input{tx, index})
		}
	}
	return inputs
}

// prepared is what the inputs of one transaction share.
type prepared struct {
	job *Job
	run *interpreter.Tx

	// What btcd's engine needs besides.
	once   sync.Once
	hashes *txscript.TxSigHashes
	byName map[wire.OutPoint]int
}

func prepare(job *Job) *prepared {
	return &prepared{job: job, run: interpreter.NewTx(job.Tx, job.Spent)}
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

// FetchPrevOutput is what btcd's engine finds spent outputs by.
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
