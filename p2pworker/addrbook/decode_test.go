package addrbook

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// emptyFile is a peers.dat without addresses, of a format.
func emptyFile(format, lowest byte, key string, fresh, tried int32) string {
	b := []byte("\x07\x00\x00\x00")
	b = append(b, format, lowest)
	b = append(b, key...)
	b = binary.LittleEndian.AppendUint32(b, uint32(fresh))
	b = binary.LittleEndian.AppendUint32(b, uint32(tried))
	b = binary.LittleEndian.AppendUint32(b, newBuckets^bucketsXOR)
	return string(b) + strings.Repeat("\x00\x00\x00\x00", newBuckets)
}

var someKey = "\x01" + strings.Repeat("\x00", 31)

// TestFilesThatAreNone: the texts are Bitcoin Core's.
func TestFilesThatAreNone(t *testing.T) {
	whole := emptyFile(1, 36, someKey, 0, 0)
	for name, tt := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":           {nil, errEnd.Error()},
		"another network":   {withSum("\x08" + whole[1:]), "Invalid network magic number"},
		"no lowest version": {withSum(emptyFile(1, 0, someKey, 0, 0)), "Corrupted addrman database: The compat value (0) is lower than the expected minimum value 32.: iostream error"},
		"later":             {withSum(emptyFile(1, 143, someKey, 0, 0)), ErrFuture.Error()},
		"cut":               {withSum(whole)[:len(whole)+31], errEnd.Error()},
		"cut in the middle": {[]byte(whole[:100]), errEnd.Error()},
		"another sum":       {append([]byte(whole), make([]byte, 32)...), ErrCorrupt.Error()},
		"too few new":       {withSum(emptyFile(1, 36, someKey, -1, 0)), "Corrupt AddrMan serialization: nNew=-1, should be in [0, 65536]: iostream error"},
		"too many new":      {withSum(emptyFile(1, 36, someKey, 65537, 0)), "Corrupt AddrMan serialization: nNew=65537, should be in [0, 65536]: iostream error"},
		"too few tried":     {withSum(emptyFile(1, 36, someKey, 0, -1)), "Corrupt AddrMan serialization: nTried=-1, should be in [0, 16384]: iostream error"},
		"too many tried":    {withSum(emptyFile(1, 36, someKey, 0, 16385)), "Corrupt AddrMan serialization: nTried=16385, should be in [0, 16384]: iostream error"},
		"promised":          {withSum(emptyFile(1, 36, someKey, 65536, 0)), errEnd.Error()},
		"no key":            {withSum(emptyFile(1, 36, strings.Repeat("\x00", 32), 0, 0)), "Corrupt data. Consistency check failed with code -16: iostream error"},
	} {
		_, err := Decode(tt.raw, 7, Groups{})
		require.EqualError(t, err, tt.want, name)
	}
	book, err := Decode(withSum(whole), 7, Groups{})
	require.NoError(t, err)
	require.Zero(t, book.Len())
}

// TestAFileBeforeBIP155 has addresses of sixteen bytes.
func TestAFileBeforeBIP155(t *testing.T) {
	file := emptyFile(1, 33, someKey, 1, 0)
	header, buckets := file[:50], "\x01\x00\x00\x00\x00\x00\x00\x00"+file[54:]
	host := strings.Repeat("\x00", 10) + "\xff\xff\x08\x08\x08\x08"
	entry := "\x00\x00\x00\x00" + "\x00\x10\x00\x65" + "\x09\x00\x00\x00\x00\x00\x00\x00" + host + "\x20\x8d" + host + strings.Repeat("\x00", 12)
	book, err := Decode(withSum(header+entry+buckets), 7, Groups{})
	require.NoError(t, err)
	require.Equal(t, 1, book.Len())
	require.Equal(t, "8.8.8.8:8333", book.list[0].Address.String())
	require.EqualValues(t, 9, book.list[0].Services)
	consistent(t, book)
}
