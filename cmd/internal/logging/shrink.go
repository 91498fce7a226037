package logging

import (
	"bytes"
	"io"
	"os"
)

// How much of a log is kept, and from what size on it is cut.
const (
	keptBytes   = 10_000_000
	shrinkBytes = keptBytes + keptBytes/10
)

// Shrink keeps only the end of the log at path, from the beginning of a line, if it is
// long. Nobody may write to it meanwhile. A file that is not there is short.
func Shrink(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() <= shrinkBytes {
		return err
	}
	kept := make([]byte, keptBytes)
	if _, err := f.ReadAt(kept, info.Size()-keptBytes); err != nil && err != io.EOF {
		return err
	}
	kept = kept[bytes.IndexByte(kept, '\n')+1:]
	if _, err := f.WriteAt(kept, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(kept)))
}
