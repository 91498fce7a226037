package main

import (
	"bytes"
	"fmt"
)

// compared is how many bytes at each end of a body are compared with what was
// sent: comparing a large body wholly would measure the comparison.
const compared = smallBody

// newBody makes a body that is not all zeros.
func newBody(size int) []byte {
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i*7 + i>>8)
	}
	return body
}

// sameBody reports a reply that does not echo the request.
func sameBody(sent, got []byte) error {
	if len(sent) != len(got) {
		return fmt.Errorf("sent %d bytes and got %d back", len(sent), len(got))
	}
	n := min(compared, len(sent))
	if !bytes.Equal(sent[:n], got[:n]) || !bytes.Equal(sent[len(sent)-n:], got[len(got)-n:]) {
		return fmt.Errorf("a reply of %d bytes differs from its request", len(got))
	}
	return nil
}
