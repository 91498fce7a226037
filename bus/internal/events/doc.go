// Package events holds what waits between the reader of a link and the
// subscribers: queues of events, bounded in their number and bytes, which take
// what arrives together with one lock, and say how many events found no room.
//
// Small bodies share memory, a Slab, which is used again when nobody needs any
// of them: a flood of small events is little work for the collector. A Slab
// waits for the slowest of those who share it; the queue therefore gives
// events memory of their own as soon as they may have to wait for long.
package events
