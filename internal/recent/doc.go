// Package recent remembers what was seen lately, in bounded memory.
package recent
