// Package codec is the one door to CBOR (RFC 8949): it encodes and decodes the
// bodies of bus messages and the Header that the broker routes by.
//
// Bodies are structs whose fields carry integer keys
// (`cbor:"1,keyasint"`), encoded deterministically (RFC 8949 section 4.2).
// Unknown keys are ignored, so that parts of different versions interoperate.
//
// Everything that is decoded is taken for hostile: nesting, array and map
// sizes are limited, indefinite lengths, tags and duplicate keys are refused.
// The size of a message is limited before it gets here, by package link.
//
// The package holds no state but its two immutable modes and starts no
// goroutine.
package codec
