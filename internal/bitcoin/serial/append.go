package serial

import "encoding/binary"

// AppendCompactSize appends a number in its shortest form.
func AppendCompactSize(b []byte, n uint64) []byte {
	switch {
	case n < 0xfd:
		return append(b, byte(n))
	case n <= 0xffff:
		return binary.LittleEndian.AppendUint16(append(b, 0xfd), uint16(n))
	case n <= 0xffff_ffff:
		return binary.LittleEndian.AppendUint32(append(b, 0xfe), uint32(n))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xff), n)
}

// AppendVarBytes appends bytes after their length.
func AppendVarBytes(b, data []byte) []byte {
	return append(AppendCompactSize(b, uint64(len(data))), data...)
}
