package consensus

import "fmt"

// Result says what sort of rule was broken, and so what follows for the block
// and for the peer who sent it.
type Result string

func (r Result) Error() string { return string(r) }

// Results for blocks and headers.
const (
	Invalid       Result = "consensus"      // never valid
	Mutated       Result = "mutated"        // the block is not what its header commits to: no verdict on the header
	InvalidHeader Result = "header"         // never valid, and known from the header
	CachedInvalid Result = "cached-invalid" // known to be invalid
	InvalidPrev   Result = "invalid-prev"   // builds on an invalid block
	MissingPrev   Result = "missing-prev"   // builds on an unknown block
	TimeFuture    Result = "time-future"    // may become valid
)

// Results for transactions, besides Invalid.
const (
	NotStandard    Result = "not-standard"
	InputsPolicy   Result = "inputs-not-standard"
	MissingInputs  Result = "missing-inputs"
	Premature      Result = "premature-spend"
	WitnessMutated Result = "witness-mutated"
	// WitnessStripped: what is spent needs a witness, and there is none. Somebody may
	// have taken it away on the way: it says nothing about the transaction.
	WitnessStripped Result = "witness-stripped"
	Conflict        Result = "conflict"
	Policy          Result = "mempool-policy"
	Reconsiderable  Result = "reconsiderable" // fee too low alone
)

// Reject is a broken rule. errors.Is finds its Result.
type Reject struct {
	Result Result
	Reason string // Bitcoin Core's, such as "bad-txnmrklroot"
	Detail string
}

func (r *Reject) Error() string {
	if r.Detail == "" {
		return r.Reason
	}
	return r.Reason + ", " + r.Detail
}

// Unwrap returns the Result.
func (r *Reject) Unwrap() error { return r.Result }

// Rejectf makes a Reject; the detail is formatted.
func Rejectf(result Result, reason, detail string, args ...any) *Reject {
	return &Reject{Result: result, Reason: reason, Detail: fmt.Sprintf(detail, args...)}
}
