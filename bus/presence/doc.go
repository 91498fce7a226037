// Package presence tells who is on the bus.
//
// A Watch hears of links that begin and end. When it may have missed some, it
// reads the broker's registry and makes up for what it missed, so that each who
// came is told of once, and so is its end: what a part keeps for another is
// given back whatever was lost in between. A part that ended and came back
// under its name meanwhile is told of as gone and as here.
//
// A Watch starts no goroutine. Its callbacks run one at a time, in the
// goroutine that calls Start, Refresh, Follow or Run, or follows the Listener
// that was joined, and must not call the Watch.
package presence
