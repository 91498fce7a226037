// Package tipwatch lets calls wait until a height has changed: that of the
// chain's tip, or of an index that follows it. It keeps no goroutine.
package tipwatch
