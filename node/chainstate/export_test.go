package chainstate

// The steps of ProcessTx, for tests of what comes between them.
var (
	Propose = (*Owner).propose
	Verify  = (*Owner).verify
	Commit  = (*Owner).commit
)

// The two ways to accept a package.
var (
	TryPackage    = (*Owner).tryPackage
	SettlePackage = (*Owner).settlePackage
)

// Unsettled tells which errors lead from the one to the other.
var Unsettled = unsettled

// Awaited is what Advance has ended for.
var Awaited = (*State).awaited

// Turn is how long blocks are connected at a time that nobody has just brought.
const Turn = turn
