// Package imports holds the test of who may import whom. It has no code: the
// compartments of Bulkhead are watertight only as long as their packages are.
package imports
