package chainstate

// The steps of ProcessTx, for tests of what comes between them.
var (
	Propose = (*Owner).propose
	Verify  = (*Owner).verify
	Commit  = (*Owner).commit
)
