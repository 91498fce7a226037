package codec

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Limits on a decoded body. A legitimate body is far below them: bulk data
// travels in raw attachments.
const (
	maxNesting  = 16
	maxElements = 1 << 17
	maxPairs    = 1 << 12
)

var (
	encMode = mustEncMode()
	decMode = mustDecMode()
)

func mustEncMode() cbor.UserBufferEncMode {
	mode, err := cbor.CoreDetEncOptions().UserBufferEncMode()
	if err != nil {
		panic(fmt.Sprintf("codec: encoding options: %v", err))
	}
	return mode
}

func mustDecMode() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  maxNesting,
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxPairs,
	}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("codec: decoding options: %v", err))
	}
	return mode
}

// Marshal returns the deterministic CBOR encoding of v.
func Marshal(v any) ([]byte, error) { return encMode.Marshal(v) }

// MarshalTo appends the deterministic CBOR encoding of v to buf.
func MarshalTo(buf *bytes.Buffer, v any) error { return encMode.MarshalToBuffer(v, buf) }

// Unmarshal decodes one CBOR item, which must fill data, into v.
func Unmarshal(data []byte, v any) error { return decMode.Unmarshal(data, v) }
